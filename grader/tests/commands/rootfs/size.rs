//! How large a root file system may be: `rootfs check` and `run` say the same.

use crate::common::stage::{Stage, Who, check};
use rstest::rstest;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::PathBuf;

/// A root file system of the person's.
fn rootfs(stage: &Stage) -> PathBuf {
    stage.run(stage.grader(["rootfs", "build", "made"])).assert().code(0);
    stage.path("made")
}

#[rstest]
fn one_that_is_too_large_is_refused_by_both(#[values(Who::Root, Who::User)] who: Who) {
    let Some(stage) = Stage::new(who) else { return };
    let rootfs = rootfs(&stage);
    // Of blocks, which take no time to write.
    let large = File::create(rootfs.join("large")).unwrap();
    if nix::fcntl::fallocate(&large, nix::fcntl::FallocateFlags::empty(), 0, 1100 << 20).is_err() {
        return crate::common::stage::skip(
            "there is no room for a file of 1.1 GiB, or its file system can't set it aside",
        );
    }
    let path = rootfs.to_str().unwrap();
    let said = |words: &[&str], code: i32| {
        let ran = stage.run(stage.grader(words));
        assert_eq!(ran.code(), Some(code), "{ran:?}");
        String::from_utf8_lossy(&ran.0.stderr).into_owned()
    };
    let checked = said(&["rootfs", "check", path], 1);
    assert!(checked.contains("copies it into memory") && checked.contains("the limit is 1 GiB"), "{checked}");
    let Some(lab) = stage.program("lab3-pivot") else { return };
    let ran = said(&["run", lab.to_str().unwrap(), "--check", "starts", "--rootfs", path], 2);
    assert_eq!(ran.lines().last(), checked.lines().last());
    assert!(!ran.contains("sudo"), "{ran}");
}

/// 300 MiB of blocks, and a hole of 10 GiB, which takes none.
#[rstest]
fn a_large_one_with_holes_is_graded(#[values(Who::Root, Who::User)] who: Who) {
    let Some(stage) = Stage::new(who) else { return };
    let rootfs = rootfs(&stage);
    let large = File::create(rootfs.join("large")).unwrap();
    let block = vec![b'x'; 1 << 20];
    for at in 0..300 {
        large.write_all_at(&block, at << 20).unwrap();
    }
    let holes = File::create(rootfs.join("holes")).unwrap();
    holes.write_all_at(b"end", 10 << 30).unwrap();
    let path = rootfs.to_str().unwrap();
    stage.run(stage.grader(["rootfs", "check", path])).assert().code(0);
    let Some(lab) = stage.program("lab3-pivot") else { return };
    let ran = stage.run(stage.grader([
        "run",
        lab.to_str().unwrap(),
        "--check",
        "starts",
        "--format",
        "json",
        "--rootfs",
        path,
    ]));
    let said = String::from_utf8_lossy(&ran.0.stderr).into_owned();
    assert!(said.contains("takes 3 times 3") && said.contains("MiB of memory"), "{said}");
    let report = ran.report();
    assert!(check(&report, "lab3-pivot", "starts").as_expected, "{report:#?}");
}

#[test]
fn what_the_person_may_not_read_is_named_by_the_check() {
    let Some(stage) = Stage::new(Who::User) else { return };
    let rootfs = rootfs(&stage);
    fs::write(rootfs.join("etc/closed"), "x").unwrap();
    fs::set_permissions(rootfs.join("etc/closed"), Permissions::from_mode(0o000)).unwrap();
    let ran = stage.run(stage.grader(["rootfs", "check", rootfs.to_str().unwrap()]));
    assert_eq!(ran.code(), Some(1));
    ran.assert().stderr(predicates::str::contains("etc: closed: "));
}
