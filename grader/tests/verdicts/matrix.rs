//! The matrix: what each attempt, and each works check, comes to in each of the reference labs.
//!
//! Here BLOCKED where ESCAPED is expected is a failure: the lesson of that lab would be false.

use crate::common::machine::has_loop_devices;
use crate::common::programs;
use crate::common::stage::{Setting, Stage, check, skip, workspace};
use attempts::attempts::{ALL, Attempt};
use grader::labs;
use grader::report::{Cause, Check, CheckKind, Report, TargetKind, Verdict};
use rstest::rstest;
use std::env;
use std::sync::OnceLock;

/// The report on all labs, made once.
fn report(setting: Setting) -> Option<&'static Report> {
    static REPORTS: [OnceLock<Option<Report>>; 3] = [const { OnceLock::new() }; 3];
    let report = REPORTS[setting as usize].get_or_init(|| grade(setting));
    if report.is_none() {
        skip("the grader could not be run here, see above");
    }
    report.as_ref()
}

fn grade(setting: Setting) -> Option<Report> {
    let stage = Stage::new(setting.who())?;
    let mut grader = stage.grader(["run", "--format", "json", "--decoy", setting.decoy()]);
    let by_name = !setting.who().is_another() && env::var_os("CONTAINER_LABS_PROGRAMS").is_none();
    if by_name {
        grader.args(labs::ALL).current_dir(workspace());
    } else {
        // Whoever has no cargo brings programs.
        grader.args(programs::labs()?);
    }
    let ran = stage.run(grader);
    let report = ran.report();
    // Of a program nothing is expected: there what escapes is bad news.
    assert_eq!(ran.code(), Some(if by_name { 0 } else { 1 }), "{report:#?}");
    let names: Vec<_> = report.targets.iter().map(|target| target.name.as_str()).collect();
    assert_eq!(names, labs::ALL);
    Some(report)
}

/// What was measured of an attempt in this setting, a letter a lab.
fn letters(setting: Setting, attempt: &Attempt) -> &'static str {
    let letters = attempt.letters;
    match setting {
        Setting::RootInRoot => letters.root,
        Setting::RootInUser => letters.user,
        Setting::UserInUser => letters.rootless,
    }
}

#[rstest]
fn every_attempt_is_judged_as_the_lab_deserves(
    #[values(Setting::RootInRoot, Setting::RootInUser, Setting::UserInUser)] setting: Setting,
    #[values(0, 1, 2, 3)] lab: usize,
) {
    let Some(report) = report(setting) else { return };
    let wrong: Vec<String> = ALL.iter().filter_map(|attempt| wrong(setting, report, lab, attempt)).collect();
    assert!(wrong.is_empty(), "{}:\n{}", labs::ALL[lab], wrong.join("\n"));
}

/// What is wrong with a verdict, if anything is.
fn wrong(setting: Setting, report: &Report, lab: usize, attempt: &Attempt) -> Option<String> {
    let id = attempt.id;
    let Check { verdict, cause, why, evidence, .. } = check(report, labs::ALL[lab], id);
    let letter = attempt.letter(lab, letters(setting, attempt));
    if letter != Some('I') && *cause == Some(Cause::Machine) {
        // Another machine may lack what the attempt needs: a loop device, a key, a control group.
        skip(&format!("{id}: {why}"));
        return None;
    }
    let expected = match letter {
        Some('E') => (Verdict::Escaped, None),
        Some('B') => (Verdict::Blocked, None),
        _ => (Verdict::Inconclusive, Some(Cause::Machine)),
    };
    // A verdict gives its reason.
    let right = (*verdict, *cause) == expected && !why.is_empty();
    (!right).then(|| format!("{id}: {verdict} {cause:?}, not {expected:?}: {why}; {evidence:?}"))
}

/// On a machine that has what the four need nothing of this may be skipped.
#[rstest]
fn the_articles_four_attempts_are_judged(
    #[values("reboot", "mount", "raw-disk", "shell-pid")] attempt: &str,
) {
    let Some(report) = report(Setting::RootInRoot) else { return };
    for lab in labs::ALL {
        let Check { verdict, why, .. } = check(report, lab, attempt);
        assert!(
            *verdict != Verdict::Inconclusive || attempt == "raw-disk" && !has_loop_devices(),
            "{lab}: {why}"
        );
    }
}

#[rstest]
fn a_lab_still_is_a_container(
    #[values(Setting::RootInRoot, Setting::RootInUser, Setting::UserInUser)] setting: Setting,
    #[values(0, 1, 2, 3)] lab: usize,
) {
    let Some(report) = report(setting) else { return };
    // An ordinary user's are graded as programs.
    let asked = (setting != Setting::UserInUser).then_some(lab);
    let of_lab = attempts::works::ALL.iter().filter(|work| work.first_lab <= lab && work.is_asked_of(asked));
    for work in of_lab {
        let Check { kind, verdict, why, .. } = check(report, labs::ALL[lab], work.id);
        assert_eq!((*kind, *verdict), (CheckKind::Works, Verdict::Works), "{}: {why}", work.id);
    }
}

/// A lab is not asked for what a later one adds.
#[rstest]
fn a_lab_is_asked_for_its_own_works_checks(#[values(0, 1, 2, 3)] lab: usize) {
    let Some(report) = report(Setting::RootInRoot) else { return };
    let target = &report.targets[lab];
    let asked: Vec<_> =
        target.checks.iter().filter(|it| it.kind == CheckKind::Works).map(|it| it.id.as_str()).collect();
    let own: Vec<_> =
        attempts::works::ALL.iter().filter(|work| work.first_lab <= lab).map(|work| work.id).collect();
    assert_eq!(asked, own);
    assert_eq!(target.kind, TargetKind::Lab);
}
