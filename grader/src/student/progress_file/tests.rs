use super::*;
use crate::judge::verdict::Outcome;
use crate::labs::Workspace;
use crate::report::{Cause, CheckKind, DecoyKind, TargetKind};
use rstest::rstest;
use std::fs;
use std::os::unix::fs::symlink;

const LAB: &str = "lab1-namespaces";

fn report(checks: &[(&str, Outcome)]) -> TargetReport {
    let checks = checks.iter().map(|(id, verdict)| verdict.check(id, CheckKind::Attempt, None)).collect();
    TargetReport { checks, ..TargetReport::new(LAB, LAB, TargetKind::Lab) }
}

fn blocked() -> Outcome {
    Outcome::Blocked("it was kept in".into())
}

fn escaped() -> Outcome {
    Outcome::Escaped("it came out".into())
}

fn lab_progress(report: &TargetReport) -> LabProgress {
    let reference = Workspace::sources().steps().unwrap();
    LabProgress::of(LAB, &reference, &Workspace::sources(), Some((report, DecoyKind::Root)))
}

fn note(progress: &mut ProgressFile, checks: &[(&str, Outcome)]) -> News {
    let report = report(checks);
    progress.record(&lab_progress(&report), &report)
}

#[test]
fn what_is_new_is_told_and_what_was_not_judged_stays() {
    let mut progress = ProgressFile::default();
    let first = note(&mut progress, &[("reboot", blocked()), ("mount", escaped()), ("raw-disk", blocked())]);
    assert_eq!((first.won, first.lost), (vec!["reboot".to_owned(), "raw-disk".to_owned()], vec![]));
    let machine = Outcome::Inconclusive(Cause::Machine, "no disk".into());
    let second = note(&mut progress, &[("reboot", escaped()), ("mount", blocked()), ("raw-disk", machine)]);
    assert_eq!((second.won, second.lost), (vec!["mount".to_owned()], vec!["reboot".to_owned()]));
    assert_eq!(progress.list(LAB, "green"), ["raw-disk", "mount"]);
}

#[test]
fn what_is_written_is_read_back_from_a_folder_that_was_moved() {
    let directory = tempfile::tempdir().unwrap();
    let (old, new) = (directory.path().join("old"), directory.path().join("new"));
    fs::create_dir(&old).unwrap();
    let mut progress = ProgressFile::default();
    note(&mut progress, &[("mount", blocked())]);
    progress.count_run();
    progress.show_hints(LAB, "hostname", 2);
    progress.show_hints(LAB, "hostname", 1);
    progress.write(&old).unwrap();
    let text = fs::read_to_string(old.join(FILE)).unwrap();
    assert!(text.starts_with("# ") && !text.contains(directory.path().to_str().unwrap()), "{text}");
    fs::rename(&old, &new).unwrap();
    let (again, aside) = ProgressFile::read(&new).unwrap();
    assert_eq!((&again, aside), (&progress, None));
    assert_eq!((again.runs(), again.hints(LAB, "hostname"), again.hints(LAB, "proc")), (1, 2, 0));
    assert_eq!(fs::read_dir(&new).unwrap().count(), 1);
}

/// Another set of labs and steps: an older grader, or a newer one.
#[test]
fn what_is_not_known_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let text = "runs = 7\nterm = \"spring\"\n[lab1-namespaces]\ngreen = [\"telepathy\", \"mount\"]\n\
        holds = [\"old-step\", \"hostname\"]\nnote = 1\n[lab9-future]\ngreen = [\"tomorrow\"]\n";
    fs::write(directory.path().join(FILE), text).unwrap();
    let (mut progress, _) = ProgressFile::read(directory.path()).unwrap();
    note(&mut progress, &[("mount", blocked()), ("reboot", blocked()), ("host-name", escaped())]);
    progress.write(directory.path()).unwrap();
    let (again, _) = ProgressFile::read(directory.path()).unwrap();
    assert_eq!(again.list(LAB, "green"), ["telepathy", "mount", "reboot"]);
    assert!(
        again.list(LAB, "holds").contains(&"old-step") && !again.list(LAB, "holds").contains(&"hostname")
    );
    assert_eq!(again.list("lab9-future", "green"), ["tomorrow"]);
    assert_eq!((again.table.get("term"), again.runs()), (Some(&Value::from("spring")), 7));
}

#[rstest]
#[case::broken(b"runs = 1\ngreen = [".as_slice(), "line 2")]
#[case::no_text(b"\xff\xfe".as_slice(), "UTF-8")]
fn a_broken_file_is_set_aside(#[case] content: &[u8], #[case] why: &str) {
    let directory = tempfile::tempdir().unwrap();
    for name in ["progress.toml.broken", "progress.toml.broken-2"] {
        fs::write(directory.path().join(FILE), content).unwrap();
        let (progress, aside) = ProgressFile::read(directory.path()).unwrap();
        let aside = aside.unwrap();
        assert_eq!((progress, &aside.path), (ProgressFile::default(), &directory.path().join(name)));
        assert!(aside.why.contains(why), "{}", aside.why);
        assert_eq!(fs::read(aside.path).unwrap(), content);
        assert!(!directory.path().join(FILE).exists());
    }
}

/// A value where a table should be is no reason to stop.
#[test]
fn values_of_another_kind_are_replaced() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join(FILE), "runs = \"many\"\nlab1-namespaces = 3\n").unwrap();
    let (mut progress, aside) = ProgressFile::read(directory.path()).unwrap();
    assert_eq!((aside, progress.runs()), (None, 0));
    note(&mut progress, &[("mount", blocked())]);
    progress.show_hints(LAB, "hostname", 1);
    progress.count_run();
    assert_eq!((progress.list(LAB, "green"), progress.runs()), (vec!["mount"], 1));
}

#[test]
fn no_link_is_followed_and_no_pipe_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let other = directory.path().join("other");
    fs::write(&other, "runs = 5\n").unwrap();
    symlink(&other, directory.path().join(FILE)).unwrap();
    let (progress, aside) = ProgressFile::read(directory.path()).unwrap();
    assert_eq!(progress.runs(), 0);
    assert!(aside.unwrap().why.contains("not a regular file"));
    nix::unistd::mkfifo(&directory.path().join(FILE), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(ProgressFile::read(directory.path()).unwrap().1.is_some());
    fs::create_dir_all(directory.path().join(FILE).join("full")).unwrap();
    let aside = ProgressFile::read(directory.path()).unwrap().1.unwrap();
    assert!(aside.path.join("full").is_dir() && aside.why.contains("not a regular file"), "{}", aside.why);
    progress.write(directory.path()).unwrap();
    assert_eq!(fs::read_to_string(other).unwrap(), "runs = 5\n");
}
