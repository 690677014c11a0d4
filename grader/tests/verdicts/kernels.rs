//! Lab 3 where it alone lacks something of the kernel: what the lab says that its container is without comes back, and
//! nothing else. `tests/programs/lacks.rs` stands for such a kernel.

use crate::common::programs;
use crate::common::stage::{Setting, Stage, everything_is_asked_for, skip};
use attempts::attempts::Attempt;
use grader::report::{Cause, Verdict};
use rstest::rstest;
use std::collections::BTreeSet;
use std::fs;

/// What is missing, and the attempts that are held by it alone.
const LACKS: [(&str, &[&str]); 6] = [
    ("time=EINVAL", &["boot-time"]),
    ("cgroup=EPERM", &["cgroup-path", "cgroup-leave", "release-agent"]),
    ("mount_setattr=ENOSYS", &["mknod-disk-volume", "setuid-volume"]),
    ("pivot_root=EINVAL", &["setns-own-mount", "host-tree"]),
    // Of these the lab has another way.
    ("close_range=ENOSYS", &[]),
    ("close_range=EPERM", &[]),
];

/// Beside those of the table: what the same steps hold in other ways.
const MORE: [&str; 6] = [
    "leaked-descriptor",
    "chroot-escape",
    "rootfs-device-node",
    "setuid-rootfs",
    "mknod-disk",
    "image-root-link",
];

#[rstest]
fn what_a_lab_lacks_is_what_comes_back(
    #[values(Setting::RootInRoot, Setting::RootInUser, Setting::UserInUser)] setting: Setting,
) {
    if setting.who().is_another() && !everything_is_asked_for("as another person") {
        return;
    }
    let Some(stage) = Stage::new(setting.who()) else { return };
    let (Some(lacks), Some(labs)) = (programs::find("lacks"), programs::labs()) else { return };
    let directory = stage.directory("lacks");
    fs::copy(lacks, directory.join("lacks")).unwrap();
    fs::copy(&labs[3], directory.join("lab3-pivot")).unwrap();
    let asked: BTreeSet<&str> = LACKS.iter().flat_map(|(_, back)| *back).chain(&MORE).copied().collect();
    let mut grader = stage.grader(["run", "--format", "json", "--decoy", setting.decoy()]);
    grader.current_dir(&directory).args(asked.iter().flat_map(|id| ["--check", id]));
    for (word, _) in LACKS {
        grader.args(["--program", &format!("./lacks {word} ./lab3-pivot {{rootfs}} {{command}}")]);
    }
    let report = stage.run(grader).report();
    let mut wrong = Vec::new();
    for ((word, back), target) in LACKS.iter().zip(&report.targets) {
        for check in &target.checks {
            assert!(Attempt::find(&check.id).is_some());
            let expected = if back.contains(&&*check.id) { Verdict::Escaped } else { Verdict::Blocked };
            match check.cause {
                Some(Cause::Machine) => skip(&format!("{}: {}", check.id, check.why)),
                _ if check.verdict == expected => {}
                _ => wrong.push(format!("{word}: {} is {}: {}", check.id, check.verdict, check.why)),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
