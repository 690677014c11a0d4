//! The report as a matrix, for people: a row for each attempt, a column for each target, 80 columns wide.

use crate::judge::reached::was_asked;
use crate::report::{Cause, Check, CheckKind, Report, TargetKind, TargetReport, Verdict};
use crate::text::line as clean;
use anstyle::{AnsiColor, Style};
use comfy_table::presets::NOTHING;
use comfy_table::{Cell, Table};
use std::io::{self, Write};

const LEGEND: &str = "ESCAPED: the host saw it. BLOCKED: refused or kept in. ? no verdict ! unexpected";

/// Writes the matrix and the notes on it. Colours are escape sequences; `out` removes them where they are not
/// supported.
pub fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    matrix(report, out)?;
    fell_short(report, out)?;
    unjudged(report, out)?;
    how_far(report, out)?;
    fix_first(report, out)
}

/// The matrix alone.
pub fn matrix(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let mut rows: Vec<&str> = Vec::new();
    for (_, check) in report.checks().filter(|(_, check)| check.kind == CheckKind::Attempt) {
        if !rows.contains(&check.id.as_str()) {
            rows.push(&check.id);
        }
    }
    // The table's widths are computed without colours, which are added afterwards.
    let mut table = Table::new();
    table.load_style(NOTHING);
    let mut header = vec![Cell::new("")];
    header.extend(report.targets.iter().map(|target| Cell::new(clean(report.label(target)))));
    table.set_header(header);
    for id in rows {
        let mut row = vec![Cell::new(id)];
        row.extend(report.targets.iter().map(|target| {
            let check = target.checks.iter().find(|check| check.id == id && check.kind == CheckKind::Attempt);
            Cell::new(check.map_or("-".into(), word))
        }));
        table.add_row(row);
    }
    if report.checks().any(|(_, check)| check.kind == CheckKind::Works) {
        let mut row = vec![Cell::new("works checks")];
        row.extend(report.targets.iter().map(|target| {
            let works: Vec<_> = target.checks.iter().filter(|check| check.kind == CheckKind::Works).collect();
            let hold = works.iter().filter(|check| check.verdict == Verdict::Works).count();
            Cell::new(format!("{hold} of {}", works.len()))
        }));
        table.add_row(row);
    }
    if report.targets.iter().any(|target| target.max_points > 0.0) {
        let points = |target: &TargetReport| match target.max_points {
            0.0 => Cell::new("-"),
            most => Cell::new(format!("{} of {most}", target.points)),
        };
        table.add_row([Cell::new("points")].into_iter().chain(report.targets.iter().map(points)));
    }
    if report.targets.iter().any(|target| target.not_asked_here > 0) {
        let open = |target: &TargetReport| Cell::new(target.open().unwrap_or("-".into()));
        table.add_row([Cell::new("not asked here")].into_iter().chain(report.targets.iter().map(open)));
    }
    for line in table.lines() {
        writeln!(out, "{}", colour(line.trim_end()))?;
    }
    writeln!(out, "\n{LEGEND}")
}

/// The check to fix first, for each target that does not pass.
fn fix_first(report: &Report, out: &mut impl Write) -> io::Result<()> {
    for target in &report.targets {
        let Some(first) = &target.fix_first else { continue };
        write!(out, "fix first: {} {}: {}", clean(report.label(target)), first.id, clean(&first.why))?;
        match first.steps.as_slice() {
            [] => writeln!(out)?,
            steps => writeln!(out, " (step {})", steps.join(" or "))?,
        }
    }
    Ok(())
}

/// The highest lab that each program passes. A lab that passes needs no such line: its name has the number.
fn how_far(report: &Report, out: &mut impl Write) -> io::Result<()> {
    for target in &report.targets {
        // No statement where only some attempts were run, or where no decoy host can be made.
        let judged = target
            .checks
            .iter()
            .any(|check| check.kind == CheckKind::Works && check.cause != Some(Cause::Machine));
        let whole = judged && was_asked(&target.checks);
        let is_lab = target.kind == TargetKind::Lab && target.checks.iter().all(|check| check.as_expected);
        match target.reached {
            _ if !whole || is_lab => {}
            Some(lab) => writeln!(out, "{}: reached lab {lab}", clean(report.label(target)))?,
            None => writeln!(out, "{}: reached no lab", clean(report.label(target)))?,
        }
    }
    Ok(())
}

/// One line for each check that does not pass, and one for the checks that wait for it.
fn fell_short(report: &Report, out: &mut impl Write) -> io::Result<()> {
    for (target, check) in report.checks().filter(|(_, check)| !check.as_expected) {
        if check.waiting_for.is_empty() {
            writeln!(
                out,
                "{} {}: {} ({})",
                clean(report.label(target)),
                check.id,
                check.verdict,
                clean(&check.why)
            )?;
        }
    }
    for target in &report.targets {
        for (roots, waiting) in waiting(target) {
            let who = match waiting.as_slice() {
                [one] => format!("{one} waits"),
                [.., _, _, _, _, _] => format!("{} checks wait", waiting.len()),
                few => format!("{} wait", few.join(", ")),
            };
            writeln!(out, "{}: {who} for {}", clean(report.label(target)), roots.join(", "))?;
        }
    }
    Ok(())
}

/// One line for each reason why something can't be judged on this machine.
pub fn unjudged(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for (_, check) in report.checks().filter(|(_, check)| check.is_unjudgeable_here()) {
        let id = if check.kind == CheckKind::Works { "works checks" } else { &check.id };
        match reasons.iter_mut().find(|(why, _)| *why == check.why) {
            Some((_, ids)) if ids.contains(&id) => {}
            Some((_, ids)) => ids.push(id),
            None => reasons.push((&check.why, vec![id])),
        }
    }
    for (why, ids) in &reasons {
        writeln!(out, "{}: can't be judged here: {}", ids.join(", "), clean(why))?;
    }
    if !reasons.is_empty() {
        writeln!(
            out,
            "What is not asked here costs no points here; it will be asked where it can be judged, and counts there; \
             grader doctor says what helps."
        )?;
    }
    Ok(())
}

/// The waiting checks of a target, grouped by what they wait for.
fn waiting(target: &TargetReport) -> Vec<(&[String], Vec<&str>)> {
    let mut found: Vec<(&[String], Vec<&str>)> = Vec::new();
    for check in target.checks.iter().filter(|check| check.waits()) {
        match found.iter_mut().find(|(roots, _)| *roots == check.waiting_for) {
            Some((_, list)) => list.push(&check.id),
            None => found.push((&check.waiting_for, vec![&check.id])),
        }
    }
    found
}

fn word(check: &Check) -> String {
    if check.waits() {
        return "waits".into();
    }
    let word = match check.verdict {
        Verdict::Inconclusive => "?".to_owned(),
        verdict => verdict.to_string(),
    };
    if check.as_expected { word } else { format!("{word} !") }
}

fn colour(line: &str) -> String {
    let style = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
    let mut line = line.to_owned();
    for (word, style) in [("ESCAPED", style(AnsiColor::Red)), ("BLOCKED", style(AnsiColor::Green))] {
        line = line.replace(word, &format!("{style}{word}{style:#}"));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::verdict::Outcome;
    use crate::report::DecoyKind;
    use attempts::attempts::ALL as ATTEMPTS;
    use attempts::works::ALL as WORKS;

    fn lines(kind: TargetKind, reached: Option<usize>, checks: Vec<Check>) -> Vec<String> {
        let fix_first = crate::judge::prerequisites::fix_first(&checks, None);
        let target =
            TargetReport { reached, fix_first, checks, ..TargetReport::new("container", "container", kind) };
        let mut report = Report::new(DecoyKind::User, "embedded".into());
        report.targets.push(target);
        let mut text = Vec::new();
        write(&report, &mut text).unwrap();
        String::from_utf8(text).unwrap().lines().map(str::to_owned).collect()
    }

    /// The last line: the highest lab that a program passes, or the legend.
    fn last_line(kind: TargetKind, reached: Option<usize>, checks: Vec<Check>) -> String {
        let mut lines = lines(kind, reached, checks);
        lines.retain(|line| !line.starts_with("fix first: "));
        lines.pop().unwrap_or_default()
    }

    #[test]
    fn what_is_to_be_fixed_stands_last_and_who_waits_for_it_before() {
        let check = |id, kind, outcome: Outcome| outcome.check(id, kind, None);
        let fails = |id| check(id, CheckKind::Works, Outcome::Fails("not there".into()));
        let mut checks = vec![
            check("starts", CheckKind::Works, Outcome::Works),
            fails("devices"),
            fails("pts"),
            fails("shm"),
            check("proc-keys", CheckKind::Attempt, Outcome::Escaped("seen".into())),
            check("proc-keys-unmask", CheckKind::Attempt, Outcome::Blocked("refused".into())),
        ];
        crate::judge::prerequisites::mark_waiting(&mut checks);
        let lines = lines(TargetKind::Program, None, checks);
        assert_eq!(lines.last().unwrap(), "fix first: container devices: not there");
        for line in
            ["container: pts, shm wait for devices", "container: proc-keys-unmask waits for proc-keys"]
        {
            assert!(lines.iter().any(|it| it == line), "{lines:#?}");
        }
        // A waiting check is not listed as a failure of its own.
        assert!(!lines.iter().any(|line| line.contains("shm:")), "{lines:#?}");
        let row = lines.iter().find(|line| line.contains("proc-keys-unmask")).unwrap();
        assert!(row.trim_end().ends_with("waits"), "{row}");
    }

    #[test]
    fn the_last_line_says_how_far_a_program_has_come() {
        // All checks that lab 0 requires.
        let works = |outcome: Outcome| -> Vec<Check> {
            let works =
                WORKS.iter().filter(|work| work.first_lab == 0).map(|work| (work.id, CheckKind::Works));
            let attempts =
                ATTEMPTS.iter().filter(|it| it.first_lab() == 0).map(|it| (it.id, CheckKind::Attempt));
            works.chain(attempts).map(|(id, kind)| outcome.check(id, kind, None)).collect()
        };
        assert_eq!(
            last_line(TargetKind::Program, Some(2), works(Outcome::Works)),
            "container: reached lab 2"
        );
        assert_eq!(last_line(TargetKind::Program, None, works(Outcome::Works)), "container: reached no lab");
        // A lab that passes needs no such line.
        assert_eq!(last_line(TargetKind::Lab, Some(2), works(Outcome::Works)), LEGEND);
        let short = works(Outcome::Fails("no".into()));
        assert_eq!(last_line(TargetKind::Lab, Some(1), short), "container: reached lab 1");
        // No statement about checks that were not run, or that can't be judged on this machine.
        let few = works(Outcome::Works).split_off(1);
        assert_eq!(last_line(TargetKind::Program, None, few), LEGEND);
        let attempt = vec![Outcome::Blocked(String::new()).check("mount", CheckKind::Attempt, None)];
        assert_eq!(last_line(TargetKind::Program, None, attempt), LEGEND);
        let nothing = works(Outcome::Inconclusive(Cause::Machine, "no decoy".into()));
        assert!(!last_line(TargetKind::Program, None, nothing).contains("reached"));
    }
}
