//! Points: a rubric, and the points that a report earns by it.
//!
//! A part of a rubric is a lab. It counts the checks that this lab is the first to require. A check that can't be
//! judged on this machine costs nothing here: its weight is shared among the other checks of its part, so that a part
//! is worth the same on every machine. Another machine will ask it, and there it counts: so beside the points stands how
//! many such checks are open. A check without a verdict because of the target, or because of a prerequisite, keeps its
//! weight and earns nothing.

use crate::labs::COURSE;
use crate::report::{Check, TargetKind, TargetReport};
use anyhow::{Result, bail};
use attempts::attempts::{ALL, Attempt};
use attempts::works::{self, Work};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;

/// The default rubric.
const DEFAULT: &str = include_str!("../../rubric.toml");

/// A rubric.
#[derive(Clone, Debug)]
pub struct Rubric {
    parts: [Part; COURSE.len()],
}

#[derive(Clone, Debug, Default)]
struct Part {
    points: f64,
    /// The weight of each check of the part, by its name.
    weights: BTreeMap<&'static str, f64>,
}

/// A part as written in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    points: Spanned<f64>,
    #[serde(default)]
    weights: BTreeMap<Spanned<String>, Spanned<f64>>,
}

impl Rubric {
    /// The default rubric.
    pub fn standard() -> Rubric {
        Rubric::parse("rubric.toml", DEFAULT).expect("a test reads it")
    }

    /// Reads a rubric from a file.
    ///
    /// # Errors
    /// An unknown lab, a check that is not of that lab, a negative weight, two rows for one check, or points that sum
    /// to zero. Each message names the file and the line.
    pub fn read(path: &Path) -> Result<Rubric> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| anyhow::anyhow!("can't read the rubric {}: {error}", path.display()))?;
        Rubric::parse(&path.display().to_string(), &text)
    }

    fn parse(file: &str, text: &str) -> Result<Rubric> {
        let line = |span: Range<usize>| text[..span.start.min(text.len())].matches('\n').count() + 1;
        let written: BTreeMap<Spanned<String>, Written> = match toml::from_str(text) {
            Ok(written) => written,
            Err(error) => bail!("{file}:{}: {}", error.span().map_or(1, line), error.message()),
        };
        let mut rubric = Rubric { parts: Default::default() };
        for (name, part) in written {
            let Some(number) = COURSE.iter().position(|known| known == name.get_ref()) else {
                let known = COURSE.join(", ");
                bail!("{file}:{}: {}: no such lab; there are {known}", line(name.span()), name.get_ref());
            };
            let points = *part.points.get_ref();
            if !points.is_finite() || points < 0.0 {
                bail!("{file}:{}: points = {points}: points can't be negative", line(part.points.span()));
            }
            let mut weights: BTreeMap<&'static str, f64> = ids(number).map(|id| (id, 1.0)).collect();
            for (id, weight) in part.weights {
                let at = line(id.span());
                let value = *weight.get_ref();
                let Some(known) = weights.get_mut(id.get_ref().as_str()) else {
                    bail!("{file}:{at}: {}: {}", id.get_ref(), whose(id.get_ref(), COURSE[number]));
                };
                if !value.is_finite() || value < 0.0 {
                    bail!("{file}:{at}: {} = {value}: a weight can't be negative", id.get_ref());
                }
                *known = value;
            }
            if points > 0.0 && !weights.is_empty() && weights.values().all(|weight| *weight == 0.0) {
                bail!(
                    "{file}:{}: {}: every check weighs 0, so its points can't be earned",
                    line(name.span()),
                    COURSE[number]
                );
            }
            rubric.parts[number] = Part { points, weights };
        }
        if rubric.parts.iter().map(|part| part.points).sum::<f64>() == 0.0 {
            bail!("{file}:1: the points of all parts sum to zero");
        }
        Ok(rubric)
    }

    /// Fills in the points of a target, and how many checks are open: for a lab of its own part, for any other program of
    /// the parts of all checks that were run on it.
    pub fn fill_in(&self, target: &mut TargetReport) {
        let own = COURSE.iter().position(|part| target.kind == TargetKind::Lab && *part == target.name);
        (target.points, target.max_points, target.not_asked_here) = (0.0, 0.0, 0);
        for (number, part) in self.parts.iter().enumerate() {
            if own.is_some_and(|own| own != number) {
                continue;
            }
            let mine: Vec<&mut Check> = target
                .checks
                .iter_mut()
                .filter(|check| part.weights.get(check.id.as_str()).is_some_and(|weight| *weight > 0.0))
                .collect();
            if part.points == 0.0 || mine.is_empty() {
                continue;
            }
            target.max_points += part.points;
            target.not_asked_here += mine.iter().filter(|check| check.is_unjudgeable_here()).count();
            let judged: f64 = mine
                .iter()
                .filter(|check| !check.is_unjudgeable_here())
                .map(|check| part.weights[check.id.as_str()])
                .sum();
            for check in mine.into_iter().filter(|check| !check.is_unjudgeable_here()) {
                check.max_points = part.points * part.weights[check.id.as_str()] / judged;
                check.points = if check.is_green() { check.max_points } else { 0.0 };
                target.points += check.points;
            }
        }
        // Sums of thirds: rounded as a person would write them.
        let round = |points: f64| (points * 1000.0).round() / 1000.0;
        (target.points, target.max_points) = (round(target.points), round(target.max_points));
    }
}

impl fmt::Display for Rubric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, part) in COURSE.iter().zip(&self.parts) {
            writeln!(f, "{name}: {} points", part.points)?;
            for (id, weight) in part.weights.iter().filter(|_| part.points > 0.0) {
                writeln!(f, "    {id:<22} {weight}")?;
            }
        }
        Ok(())
    }
}

/// The checks that a lab is the first to require.
fn ids(lab: usize) -> impl Iterator<Item = &'static str> {
    let works = works::ALL.iter().filter(move |work| work.first_lab == lab).map(|work| work.id);
    works.chain(ALL.iter().filter(move |attempt| attempt.first_lab() == lab).map(|attempt| attempt.id))
}

/// Why a check is not of this part.
fn whose(id: &str, part: &str) -> String {
    let first = Attempt::find(id).map(Attempt::first_lab).or(Work::find(id).map(|work| work.first_lab));
    match first {
        Some(lab) => format!("a check of {}, not of {part}", COURSE[lab]),
        None => "no such check; see: grader explain".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::verdict::Outcome;
    use crate::report::{Cause, CheckKind};
    use rstest::rstest;

    #[rstest]
    #[case("[lab1-namespaces]\npoints = 1\n[lab9-nothing]\npoints = 1\n", "r:3: lab9-nothing: no such lab")]
    #[case("[lab1-namespaces]\npoints = -1\n", "r:2: points = -1")]
    #[case(
        "[lab1-namespaces]\npoints = 1\n[lab1-namespaces.weights]\nreboto = 1\n",
        "r:4: reboto: no such check"
    )]
    #[case(
        "[lab1-namespaces]\npoints = 1\n[lab1-namespaces.weights]\nraw-disk = 1\n",
        "r:4: raw-disk: a check of lab2-mounts"
    )]
    #[case("[lab1-namespaces]\npoints = 1\n[lab1-namespaces.weights]\nreboot = -2\n", "r:4: reboot = -2")]
    #[case(
        "[lab1-namespaces]\npoints = 1\n[lab1-namespaces.weights]\nreboot = 1\nreboot = 2\n",
        "r:5: duplicate key"
    )]
    #[case("# nothing\n[lab1-namespaces]\npoints = 0\n", "r:1: the points of all parts sum to zero")]
    #[case(
        "[lab3-pivot]\npoints = 1\n[lab3-pivot.weights]\nread-only-rootfs = 0\nchroot-escape = 0\nsetns-own-mount = 0\nleaked-descriptor = 0\nhost-tree = 0\nenv-secret = 0\ntty-foreground = 0\n",
        "r:1: lab3-pivot: every check weighs 0"
    )]
    #[case("[lab1-namespaces]\npoint = 1\n", "r:2: unknown field")]
    fn what_is_wrong_is_named_with_its_line(#[case] text: &str, #[case] said: &str) {
        let error = Rubric::parse("r", text).unwrap_err().to_string();
        assert!(error.starts_with(said), "{error}");
    }

    fn target(name: &str, kind: TargetKind, checks: Vec<Check>) -> TargetReport {
        TargetReport { checks, ..TargetReport::new(name, name, kind) }
    }

    fn check(id: &str, outcome: &Outcome) -> Check {
        outcome.check(id, CheckKind::Attempt, None)
    }

    #[test]
    fn what_the_machine_could_not_judge_costs_nothing() {
        let text = "[lab2-mounts]\npoints = 3\n";
        let machine = Outcome::Inconclusive(Cause::Machine, String::new());
        let fault = Outcome::Inconclusive(Cause::Target, String::new());
        let blocked = Outcome::Blocked(String::new());
        let mut lab = target(
            "lab2-mounts",
            TargetKind::Lab,
            vec![
                check("raw-disk", &machine),
                check("core-pattern", &blocked),
                check("proc-keys", &blocked),
                check("setuid-drop", &fault),
                check("reboot", &blocked),
            ],
        );
        Rubric::parse("r", text).unwrap().fill_in(&mut lab);
        assert_eq!((lab.points, lab.max_points, lab.not_asked_here), (2.0, 3.0, 1));
        assert_eq!(lab.checks[0].max_points, 0.0);
        assert_eq!(lab.standing(), "2 of 3, 1 check not asked here");
    }

    #[test]
    fn a_lab_is_worth_the_same_where_nothing_can_be_judged() {
        let machine = Outcome::Inconclusive(Cause::Machine, String::new());
        let checks = |number: usize| {
            ids(number).map(|id| check(id, &machine)).chain([check("reboot", &machine)]).collect::<Vec<_>>()
        };
        let mut lab = target("lab3-pivot", TargetKind::Lab, checks(3));
        Rubric::standard().fill_in(&mut lab);
        let bear = Rubric::standard().parts[3].weights.values().filter(|weight| **weight > 0.0).count();
        assert_eq!((lab.points, lab.max_points, lab.not_asked_here), (0.0, 4.0, bear));
        let mut program = target("container", TargetKind::Program, checks(3));
        Rubric::standard().fill_in(&mut program);
        assert_eq!((program.points, program.max_points, program.not_asked_here), (0.0, 5.0, bear + 1));
        // What weighs nothing costs nothing elsewhere.
        let mut lab = target("lab1-namespaces", TargetKind::Lab, vec![check("signals", &machine)]);
        Rubric::standard().fill_in(&mut lab);
        assert_eq!((lab.max_points, lab.not_asked_here), (0.0, 0));
    }

    #[test]
    fn a_lab_is_worth_its_own_part_and_a_program_all() {
        let blocked = Outcome::Blocked(String::new());
        let checks =
            || vec![check("reboot", &blocked), check("raw-disk", &blocked), check("chroot-escape", &blocked)];
        let mut lab = target("lab3-pivot", TargetKind::Lab, checks());
        Rubric::standard().fill_in(&mut lab);
        assert_eq!((lab.points, lab.max_points), (4.0, 4.0));
        let mut program = target("container", TargetKind::Program, checks());
        Rubric::standard().fill_in(&mut program);
        assert_eq!((program.points, program.max_points), (8.0, 8.0));
    }
}
