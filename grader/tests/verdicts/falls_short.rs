//! No check is one that can't fail: for each there is something that falls short of it, and a test that sees it do so.
//! That none is one which always fails is seen in `matrix.rs` and `held.rs`.
//!
//! INCONCLUSIVE shows nothing: of what only ever waits for another check nobody knows whether it can fail.

use crate::common::broken::{ALONE, BROKEN};
use crate::common::stage::{Setting, Stage, check, skip, workspace};
use crate::common::variants;
use attempts::attempts::ALL as ATTEMPTS;
use attempts::works::ALL as WORKS;
use grader::labs;
use grader::labs::steps::Source;
use grader::report::{Cause, Report, TargetReport, Verdict};
use rstest::rstest;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A lab without some of its steps, and the checks that fall short of it. The steps are taken out together, and not
/// one by one as `knockout` does: it is not asked here which of them a check is for.
struct Weaker {
    lab: &'static str,
    /// Empty: all of them.
    out: &'static [&'static str],
    short: &'static [&'static str],
}

#[rustfmt::skip]
const WEAKER: &[Weaker] = &[
    Weaker { lab: "lab0-chroot", out: &[], short: &["cwd-outside-root"] },
    Weaker {
        lab: "lab1-namespaces",
        out: &[],
        short: &[
            "mount", "host-umount", "hostname-set", "hostname-read", "host-name", "sysv-shm", "posix-mq", "reboot",
            "shell-pid", "signal-process", "ptrace-attach", "proc-environ", "pidfd-getfd", "proc-pid-root", "pid-1",
            "no-child-left", "abstract-socket", "loopback-service", "packet-sniff", "loopback-up", "cgroup-path",
            "cgroup-leave", "release-agent", "boot-time",
        ],
    },
    Weaker {
        lab: "lab2-mounts",
        out: &[],
        short: &[
            "raw-disk", "rootfs-device-node", "mknod-disk", "mknod-disk-dev", "mknod-disk-volume", "setuid-rootfs",
            "setuid-volume", "setuid-drop", "image-tmp-link", "file-systems", "core-pattern", "sysfs-write", "proc-keys", "proc-self", "sys-there",
            "tmp-writable", "run-writable", "devices",
        ],
    },
    // With all of lab 2 out these wait for the devices.
    Weaker {
        lab: "lab2-mounts",
        out: &["pts", "shm", "dev-links", "console"],
        short: &["pts", "shm", "dev-links", "console"],
    },
    Weaker {
        lab: "lab3-pivot",
        out: &[],
        short: &[
            "chroot-escape", "setns-own-mount", "host-tree", "leaked-descriptor", "env-secret", "tty-foreground",
            "tty-inject",
        ],
    },
];

#[test]
fn every_check_has_something_that_falls_short_of_it() {
    let mut shown: BTreeSet<&str> = WEAKER.iter().flat_map(|it| it.short.iter().copied()).collect();
    // The last lab itself: `matrix.rs` sees that letter.
    let escapes = ATTEMPTS.iter().filter(|it| it.letter(labs::ALL.len() - 1, it.letters.root) == Some('E'));
    shown.extend(escapes.map(|attempt| attempt.id));
    // A lab behind something that breaks it, and other programs: `broken.rs` grades each, and sees in all of them
    // that they execute another program.
    shown.extend(BROKEN.iter().flat_map(|(_, _, short)| short.iter().copied()));
    shown.extend(ALONE.map(|(_, short)| short));
    shown.insert("no-other-program");
    // A launcher that mounts by path and then exchanges the root: see `image.rs`.
    shown.insert("image-root-link");
    // A program that ends at once: see `negative.rs`.
    shown.insert("starts");

    let all: BTreeSet<&str> = ATTEMPTS.iter().map(|it| it.id).chain(WORKS.iter().map(|it| it.id)).collect();
    let missing: Vec<_> = all.difference(&shown).collect();
    assert!(missing.is_empty(), "nothing falls short of {missing:?}");
    let unknown: Vec<_> = shown.difference(&all).collect();
    assert!(unknown.is_empty(), "no check is called {unknown:?}");
}

#[test]
fn every_step_that_is_taken_out_is_there() {
    let steps = Source::read(workspace()).unwrap().steps().unwrap();
    for Weaker { lab, out, .. } in WEAKER {
        let of_the_lab: Vec<&str> =
            steps.iter().filter(|step| step.id.lab == *lab).map(|step| step.id.name.as_str()).collect();
        assert!(!of_the_lab.is_empty(), "{lab}");
        assert!(out.iter().all(|name| of_the_lab.contains(name)), "{lab}: {out:?}");
    }
}

#[rstest]
fn a_lab_without_its_steps_falls_short(
    #[values(Setting::RootInRoot, Setting::RootInUser, Setting::UserInUser)] setting: Setting,
) {
    let Some(stage) = Stage::new(setting.who()) else { return };
    let Some(programs) = programs() else { return };
    let (mut wrong, mut unjudged) = (Vec::new(), BTreeMap::new());
    for (number, (weaker, program)) in WEAKER.iter().zip(programs).enumerate() {
        let report = grade(&stage, setting, number, weaker, program);
        let [TargetReport { name, .. }] = report.targets.as_slice() else { panic!("{report:#?}") };
        for id in weaker.short {
            let check = check(&report, name, id);
            if check.cause == Some(Cause::Machine) {
                unjudged.insert(*id, check.why.clone());
            } else if !matches!(check.verdict, Verdict::Escaped | Verdict::Fails) {
                wrong.push(format!("{} without {:?}: {id} is {}", weaker.lab, weaker.out, check.verdict));
            }
        }
    }
    for (id, why) in unjudged {
        skip(&format!("{id}: {why}"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Grades one of them by those checks alone that it is there for.
fn grade(stage: &Stage, setting: Setting, number: usize, weaker: &Weaker, program: &Path) -> Report {
    // A directory of its own: what lies beside a program goes with it into the decoy.
    let to = stage.directory(&format!("{}-{number}", weaker.lab)).join("program");
    fs::copy(program, &to).unwrap();
    let mut grader = stage.grader(["run", "--format", "json", "--decoy", setting.decoy()]);
    grader.args(weaker.short.iter().flat_map(|id| ["--attempt", id])).arg(to);
    stage.run(grader).report()
}

/// The programs, built once for all settings. None, and a line that says why, where they can't be built.
fn programs() -> Option<&'static [PathBuf]> {
    static PROGRAMS: OnceLock<Option<Vec<PathBuf>>> = OnceLock::new();
    let build = || {
        let source = Source::read(workspace()).unwrap();
        variants::build(WEAKER, |Weaker { lab, out, .. }| {
            let is_out = |name: &str| out.is_empty() || out.contains(&name);
            (source.without(|id| id.lab == *lab && is_out(&id.name)).unwrap(), lab)
        })
    };
    PROGRAMS.get_or_init(build).as_deref()
}
