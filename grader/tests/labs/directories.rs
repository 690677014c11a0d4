//! The directory, in all the ways in which it can be named and be.

use crate::stage::{Lab, Lab::*, Stage, Who, Who::*, finish, own_mounts};
use nix::mount::{MsFlags, mount};
use rstest::rstest;
use std::fs;
use std::path::Path;
use std::process::Command;

const SCRIPT: [&str; 3] = ["/bin/sh", "-c", "pwd; test -x /bin/sh && echo a rootfs"];

#[rstest]
#[case::relative("here", "here")]
#[case::trailing_slash("here", "here/")]
#[case::dots("here", "./here/../here/.")]
#[case::spaces("  a root fs ", "  a root fs ")]
#[case::not_utf8_nor_ascii("r\u{f6}\u{f6}t\n\"fs\"", "r\u{f6}\u{f6}t\n\"fs\"")]
#[case::begins_with_a_dash("-quiet", "./-quiet")]
fn a_name(
    #[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
    #[case] directory: &str,
    #[case] name: &str,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    stage.copy(directory);
    stage.run([&[name], SCRIPT.as_slice()].concat()).success().stdout("/\na rootfs\n");
}

#[rstest]
fn a_symbolic_link(#[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab, #[values(Root, User)] who: Who) {
    let Some(stage) = Stage::new(lab, who) else { return };
    std::os::unix::fs::symlink(stage.rootfs(), stage.own.path().join("link")).unwrap();
    stage.run([&["link"], SCRIPT.as_slice()].concat()).success().stdout("/\na rootfs\n");
}

#[rstest]
fn the_current_directory(
    #[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let mut program = stage.program();
    program.current_dir(stage.rootfs()).arg(".").args(SCRIPT);
    finish(program).success().stdout("/\na rootfs\n");
}

#[rstest]
fn a_read_only_file_system(
    #[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let before = fs::metadata(stage.rootfs()).unwrap().modified().unwrap();
    let mut program = stage.program();
    program.arg(stage.rootfs()).args(["/bin/sh", "-c", "echo >/file && echo written; echo end"]);
    make_read_only(&stage, &stage.rootfs(), &mut program);
    let assert = finish(program).success().stdout("end\n");
    let errors = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(errors.contains("Read-only file system"), "{errors}");
    assert_eq!(fs::metadata(stage.rootfs()).unwrap().modified().unwrap(), before);
}

/// Lets the program see a root file system on a read-only mount.
pub fn make_read_only(stage: &Stage, rootfs: &Path, program: &mut Command) {
    let rootfs = rootfs.to_owned();
    own_mounts(stage, program, move || {
        let change = |source, flags| mount(source, &rootfs, None::<&str>, flags, None::<&str>);
        change(Some(&rootfs), MsFlags::MS_BIND)?;
        // What was set outside must stay set (mount_namespaces(7), "Restrictions on mount namespaces").
        let kept = nix::sys::statvfs::statvfs(&rootfs)?.flags().bits();
        let kept = MsFlags::from_bits_truncate(kept) & (MsFlags::MS_NOSUID | MsFlags::MS_NODEV);
        change(None, MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | kept)
    });
}

#[rstest]
fn two_at_once(#[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab, #[values(Root, User)] who: Who) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let script = "echo ready; read line; echo \"read $line\"; read line; exit \"$line\"";
    let (mut one, mut two) = (stage.start(&[], script), stage.start(&[], script));
    for running in [&mut one, &mut two] {
        assert_eq!(running.line(), "ready");
    }
    assert_ne!(one.command(), two.command());
    for (running, word) in [(&mut two, "two"), (&mut one, "one")] {
        running.say(word);
        assert_eq!(running.line(), format!("read {word}"));
    }
    one.say("1");
    assert_eq!(one.end().code, Some(1));
    // The end of one changes nothing for the other.
    two.say("2");
    assert_eq!(two.end().code, Some(2));
}
