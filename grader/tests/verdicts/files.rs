//! Files of the machine: whatever a submission, a root file system or the caller's surroundings hold, nothing outside
//! of the decoy's tree is opened for writing, emptied, given away or replaced.

use crate::common::stage::{Setting, Stage, Who, check, skip};
use grader::report::Verdict;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use rstest::rstest;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use Setting::{RootInRoot, RootInUser, UserInUser};

/// A program that enters the directory and executes the command; words before them are its files.
const CHROOT: &str = "#!/bin/sh\nwhile [ ! -d \"$1\" ]; do shift; done\nexec chroot \"$@\"\n";

/// All that a file could lose.
type Files = BTreeMap<PathBuf, (u32, u32, u64, i64, Option<Vec<u8>>)>;

fn files(directory: &Path) -> Files {
    let mut found = Files::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let it = fs::symlink_metadata(&path).unwrap();
        if it.is_dir() {
            found.extend(files(&path));
        }
        let content = it.is_file().then(|| fs::read(&path).unwrap());
        found.insert(path, (it.mode(), it.uid(), it.ino(), it.mtime(), content));
    }
    found
}

fn script(stage: &Stage, name: &str, text: &str) {
    fs::write(stage.path(name), text).unwrap();
    fs::set_permissions(stage.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    stage.give(name);
}

/// A folder of the machine's, with a file that a submission's link leads to.
fn of_the_machine(stage: &Stage) -> PathBuf {
    let directory = stage.directory("machine");
    for (name, text) in [("app.conf", "important"), ("other.txt", "x"), ("sda", "no disk")] {
        fs::write(directory.join(name), text).unwrap();
        stage.give(&format!("machine/{name}"));
    }
    directory
}

#[rstest]
fn a_link_of_a_submission_leads_to_no_file_of_the_machine(
    #[values(RootInRoot, RootInUser, UserInUser)] setting: Setting,
) {
    let Some(stage) = Stage::new(setting.who()) else { return };
    let machine = of_the_machine(&stage);
    stage.directory("sub");
    script(&stage, "sub/prog.sh", CHROOT);
    symlink(&machine, stage.path("sub/conf")).unwrap();
    let before = files(&machine);
    let mut grader = stage.grader(["run", "--decoy", setting.decoy(), "--attempt", "hostname-read"]);
    grader.args(["--format", "json", "--program", "./prog.sh conf/app.conf {rootfs} {command}"]);
    grader.current_dir(stage.path("sub")).arg("--");
    let ran = stage.run(grader);
    assert_eq!(files(&machine), before);
    // It is there for the program all the same: everybody may read it.
    assert_eq!(check(&ran.report(), "prog.sh", "hostname-read").verdict, Verdict::Escaped);
}

#[rstest]
fn a_submission_with_links_of_its_own_is_copied_with_them(
    #[values(RootInUser, UserInUser)] setting: Setting,
) {
    let Some(stage) = Stage::new(setting.who()) else { return };
    stage.directory("sub/.git");
    fs::write(stage.path("sub/.git/config"), "x").unwrap();
    let text = CHROOT.replace("exec", "[ ! -e .git ] && [ -s conf/real ] && [ -s real/real ] && exec");
    script(&stage, "sub/prog.sh", &text);
    stage.directory("sub/real");
    fs::write(stage.path("sub/real/real"), "x").unwrap();
    symlink("real", stage.path("sub/conf")).unwrap();
    symlink(stage.path("sub/real"), stage.path("sub/absolute")).unwrap();
    let mut grader = stage.grader(["run", "--decoy", "user", "--attempt", "mount", "--format", "json"]);
    grader.args(["--program", "./prog.sh conf/real absolute/real {rootfs} {command}"]);
    grader.current_dir(stage.path("sub"));
    let ran = stage.run(grader);
    assert_eq!(check(&ran.report(), "prog.sh", "mount").verdict, Verdict::Escaped);
    ran.assert().stderr(contains("copied into the decoy host: ./ without dot directories"));
}

#[rstest]
#[case::dev_leads_out("dev", false)]
#[case::data_leads_out("data", false)]
#[case::data_leads_within("data", true)]
#[case::dev_leads_within("dev", true)]
fn a_link_of_a_rootfs_leads_to_no_file_of_the_machine(
    #[case] name: &str,
    #[case] within: bool,
    #[values(RootInRoot, RootInUser, UserInUser)] setting: Setting,
) {
    let Some(stage) = Stage::new(setting.who()) else { return };
    let machine = of_the_machine(&stage);
    let mut make = stage.grader(["rootfs", "build", "r"]);
    make.current_dir(stage.path(""));
    stage.run(make).assert().success();
    let _ = fs::remove_dir_all(stage.path("r").join(name));
    // An absolute link is one within for the programs of the rootfs.
    let target = if within { PathBuf::from("/var") } else { machine.clone() };
    fs::create_dir_all(stage.path("r/var")).unwrap();
    symlink(target, stage.path("r").join(name)).unwrap();
    script(&stage, "prog.sh", CHROOT);
    let before = files(&machine);
    let mut grader = stage.grader(["run", "--decoy", setting.decoy(), "--rootfs", "r", "--format", "json"]);
    grader.args(["--attempt", "mount", "./prog.sh"]);
    let ran = stage.run(grader);
    assert_eq!(files(&machine), before);
    let report = ran.report();
    let mount = check(&report, "prog.sh", "mount");
    if within || (name == "dev" && setting.lacks_disk().is_some()) {
        assert_eq!(mount.verdict, Verdict::Escaped, "{}", mount.why);
    } else {
        let why = format!("/{name} of the root file system is a link that leads to no directory in it");
        assert!(mount.why.contains(&why), "{}", mount.why);
    }
}

#[rstest]
fn a_program_in_a_home_brings_itself_alone(#[values(RootInUser, UserInUser)] setting: Setting) {
    let Some(stage) = Stage::new(setting.who()) else { return };
    for name in ["home", "home/.ssh", "home/.config"] {
        stage.directory(name);
    }
    for name in ["home/.ssh/canary", "home/.config/canary", "home/canary"] {
        fs::write(stage.path(name), "canary").unwrap();
        stage.give(name);
    }
    // It says what it sees by not starting.
    let text = "#!/bin/sh\nfor at in canary .ssh .config; do [ ! -e \"$HERE/$at\" ] || exit 9; done\nexec chroot \"$@\"\n";
    script(&stage, "home/prog.sh", &text.replace("$HERE", stage.path("home").to_str().unwrap()));
    let mut grader =
        stage.grader(["run", "--decoy", "user", "--attempt", "mount", "--format", "json", "./prog.sh"]);
    grader.current_dir(stage.path("home")).env("HOME", stage.path("home"));
    let ran = stage.run(grader);
    assert_eq!(check(&ran.report(), "prog.sh", "mount").verdict, Verdict::Escaped);
    let alone = contains("copied into the decoy host: ./prog.sh\n");
    ran.assert().stderr(alone.and(contains("canary").not()));
}

#[rstest]
fn a_report_goes_where_it_was_meant_to_and_nowhere_else(#[values(Who::Root, Who::User)] who: Who) {
    let Some(stage) = Stage::new(who) else { return };
    script(&stage, "prog.sh", CHROOT);
    stage.directory("out");
    fs::write(stage.path("theirs"), "theirs").unwrap();
    symlink(stage.path("theirs"), stage.path("out/link")).unwrap();
    nix::unistd::mkfifo(&stage.path("out/fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    stage.give("out/fifo");
    let run = |output: &str| {
        let words = ["run", "--decoy", "user", "--attempt", "mount", "--output", output, "./prog.sh"];
        stage.run(stage.grader(words)).code()
    };
    assert_eq!(run("out/link"), Some(1));
    assert_eq!(fs::read_to_string(stage.path("theirs")).unwrap(), "theirs");
    assert!(fs::read_to_string(stage.path("out/link")).unwrap().contains("ESCAPED"));
    let fifo = stage.path("out/fifo");
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        fs::File::open(fifo).unwrap().read_to_string(&mut text).unwrap();
        text
    });
    assert_eq!(run("out/fifo"), Some(1));
    assert!(reader.join().unwrap().contains("ESCAPED"));
    assert!(fs::symlink_metadata(stage.path("out/fifo")).unwrap().file_type().is_fifo());
    assert_eq!(fs::read_dir(stage.path("out")).unwrap().count(), 2);
}

/// In a mount namespace whose `/dev` is the test's own, with a null device of its own.
#[test]
fn a_report_to_the_null_device_leaves_it_a_device() {
    let Some(stage) = Stage::new(Who::Root) else { return };
    script(&stage, "prog.sh", CHROOT);
    let text =
        "set -e; mount -t tmpfs small /dev; mknod -m 666 /dev/null c 1 3; mknod -m 666 /dev/urandom c 1 9
        ln -s /proc/self/fd /dev/fd; ln -s fd/1 /dev/stdout
        \"$@\" --output /dev/null ./prog.sh || [ $? = 1 ]
        [ -c /dev/null ]; \"$@\" --output /dev/stdout ./prog.sh || [ $? = 1 ]; [ -L /dev/stdout ]; ls /dev";
    let mut command = stage.script(
        &format!("exec unshare --mount --propagation private sh -c '{text}' sh \"$@\""),
        ["run", "--decoy", "user", "--attempt", "mount"],
    );
    command.stdin(std::process::Stdio::null());
    let ran = stage.run(command);
    ran.assert().success().stdout(contains("ESCAPED").and(contains("\nfd\nnull\nstdout\nurandom\n")));
}

#[rstest]
#[case::relative(b"tmp")]
#[case::empty(b"")]
#[case::not_utf8(b"odd\xff")]
#[case::two_lines(b"odd\xff\nline")]
fn a_temporary_directory_of_any_name_serves_or_is_named(
    #[case] value: &[u8],
    #[values(Who::Root, Who::User)] who: Who,
) {
    let Some(stage) = Stage::new(who) else { return };
    script(&stage, "prog.sh", CHROOT);
    let mut value = std::ffi::OsString::from_vec(value.to_vec());
    if value.as_bytes().contains(&0xff) {
        let odd = stage.path("").join(&value);
        fs::create_dir(&odd).unwrap();
        fs::set_permissions(&odd, fs::Permissions::from_mode(0o1777)).unwrap();
        value = odd.into_os_string();
    }
    let mut grader = stage.grader(["run", "--decoy", "user", "--attempt", "mount", "./prog.sh"]);
    grader.env("TMPDIR", &value);
    let before: Vec<_> = files(&stage.path("")).into_keys().collect();
    let ran = stage.run(grader);
    assert!([1, 2].map(Some).contains(&ran.code()), "{ran:?}");
    assert_eq!(files(&stage.path("")).into_keys().collect::<Vec<_>>(), before);
}

/// A root decoy's devtmpfs is the machine's own.
#[test]
fn nothing_is_made_in_the_machines_dev() {
    let Some(stage) = Stage::new(Who::Root) else { return };
    if RootInRoot.lacks_disk().is_some() {
        return skip("needs a decoy disk");
    }
    script(
        &stage,
        "prog.sh",
        "#!/bin/sh\nfor at in dev tmp run data; do mount -t devtmpfs dev \"$1/$at\"; done\nexec chroot \"$@\"\n",
    );
    let list = || {
        let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
        if !table.contains(" - devtmpfs ") {
            return None;
        }
        let output = Command::new("find").args(["/dev", "-xdev"]).output().unwrap().stdout;
        let mut lines: Vec<_> = String::from_utf8_lossy(&output).lines().map(str::to_owned).collect();
        // Loop devices come and go with the graders of other tests.
        lines.retain(|line| !line.starts_with("/dev/loop"));
        lines.sort();
        Some(lines)
    };
    let Some(before) = list() else { return skip("needs the machine's devtmpfs on /dev") };
    let mut grader = stage.grader(["run", "--decoy", "root", "--format", "json", "./prog.sh"]);
    for id in
        ["mknod-disk-dev", "mknod-disk-volume", "mknod-disk", "setuid-drop", "mount", "tmp-writable", "shm"]
    {
        grader.args(["--attempt", id]);
    }
    let ran = stage.run(grader);
    assert_eq!(list().unwrap(), before);
    let report = ran.report();
    // The kernel's own node of the decoy disk is there, and was opened.
    assert_eq!(check(&report, "prog.sh", "mknod-disk-dev").verdict, Verdict::Escaped);
    for id in ["mknod-disk-volume", "setuid-drop"] {
        let made = check(&report, "prog.sh", id);
        assert_eq!(made.verdict, Verdict::Inconclusive, "{id}: {}", made.why);
    }
}
