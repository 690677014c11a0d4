//! Submissions and root file systems whose files are hostile: the grader builds a decoy's tree from the machine's root.

use crate::caller::Caller;
use crate::common::stage::{Who, skip};
use crate::groups::remove_directories_below;
use crate::run::{Ran, run, run_watched};
use nix::fcntl::{AT_FDCWD, OFlag, RenameFlags, openat, renameat2};
use nix::sys::stat::{Mode, SFlag, makedev, mkdirat, mknod};
use nix::unistd::{Gid, Uid, fchown, mkfifo};
use rstest::rstest;
use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// A program that is called with a file before the other words: it prints that, and what is beside it.
const SCRIPT: &str = "#!/bin/sh
cat \"$1\" conf/* file other one.conf key.conf >&2 2>/dev/null
exit 9
";

/// Levels of a deep submission: more than a process may have descriptors, or a recursion stack.
const DEEP: usize = 4000;

/// A submission's directory, and a template that names a file below a directory of it.
fn submission(caller: &Caller, directory: &str) -> PathBuf {
    let path = caller.stage.directory(directory);
    caller.file(&format!("{directory}/prog.sh"), SCRIPT, 0o755);
    path
}

fn grader(caller: &Caller, directory: &Path, template: &str) -> Command {
    let words = ["run", "--format", "json", "--decoy", "user", "--attempt", "hostname-read", "--output"];
    let mut grader = caller.grader(words);
    grader.arg(caller.report()).args(["--program", template]).current_dir(directory);
    grader
}

/// Adds a fault unless it ended with words: a submission may be refused.
fn ended_with_words(mut ran: Ran) -> Ran {
    if !matches!(ran.code, Some(0..=3)) {
        let stderr = String::from_utf8_lossy(&ran.stderr).into_owned();
        ran.faults.push(format!("exit code {:?}: {stderr}", ran.code));
    }
    ran
}

/// A link in a submission, and a template that names a file behind it: once by an absolute link, once by a relative
/// one, once by `..`.
#[rstest]
#[case::absolute("conf/app.conf")]
#[case::relative("near/app.conf")]
#[case::above("sub/../conf/below/other.txt")]
#[case::file("one.conf")]
#[case::key("key.conf")]
fn truncates(#[case] named: &str, #[values(Who::Root, Who::User)] who: Who) {
    let Some(caller) = Caller::new(who) else { return };
    let directory = submission(&caller, "work/sub");
    for (name, to) in [
        ("conf", caller.stage.path("machine")),
        ("near", "../../machine".into()),
        ("one.conf", caller.stage.path("machine/app.conf")),
        ("key.conf", "../../home/.ssh/id_canary".into()),
    ] {
        symlink(to, directory.join(name)).unwrap();
        caller.stage.give(&format!("work/sub/{name}"));
    }
    caller.stage.directory("work/sub/sub");
    let template = format!("./prog.sh {named} {{rootfs}} {{command}}");
    ended_with_words(run(&caller, grader(&caller, &directory, &template))).assert();
}

/// Directories and files of a submission that are exchanged for links, and for a fifo, while they are copied.
#[rstest]
fn exchanged(#[values(Who::Root, Who::User)] who: Who) {
    let Some(caller) = Caller::new(who) else { return };
    // Not in a directory that is watched: it changes all the time.
    let directory = submission(&caller, "race");
    caller.stage.directory("race/conf");
    for name in ["race/conf/app.conf", "race/conf/canary", "race/file", "race/other"] {
        caller.file(name, "a submission's\n", 0o644);
    }
    symlink("../machine", directory.join("conf.other")).unwrap();
    symlink("../machine/canary", directory.join("file.other")).unwrap();
    mkfifo(&directory.join("other.other"), Mode::S_IRWXU).unwrap();
    for name in ["conf.other", "file.other", "other.other"] {
        caller.stage.give(&format!("race/{name}"));
    }
    let done = AtomicBool::new(false);
    let mut faults = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                for name in ["conf", "file", "other"] {
                    let [one, two] = [name.to_owned(), format!("{name}.other")].map(|it| directory.join(it));
                    renameat2(AT_FDCWD, &one, AT_FDCWD, &two, RenameFlags::RENAME_EXCHANGE).unwrap();
                }
            }
        });
        for _ in 0..6 {
            let template = "./prog.sh conf/app.conf {rootfs} {command}";
            let ran = ended_with_words(run(&caller, grader(&caller, &directory, template)));
            faults.extend(ran.faults);
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(faults.is_empty(), "\n  {}", faults.join("\n  "));
}

/// Hard links, a fifo, a socket, a device, files without permission, sparse ones, names that are no text.
#[rstest]
fn odd(#[values(Who::Root, Who::User)] who: Who) {
    let Some(caller) = Caller::new(who) else { return };
    let directory = submission(&caller, "work/odd");
    fs::hard_link(caller.stage.path("machine/app.conf"), directory.join("hard")).unwrap();
    mkfifo(&directory.join("fifo"), Mode::S_IRWXU).unwrap();
    let _socket = UnixListener::bind(directory.join("socket")).unwrap();
    if who == Who::Root
        && mknod(&directory.join("zero"), SFlag::S_IFCHR, Mode::S_IRWXU, makedev(1, 5)).is_err()
    {
        skip("no device can be made here");
    }
    for (name, to) in [("loop", "loop"), ("dangling", "/nowhere"), ("root", "/"), ("proc", "/proc/self/root")]
    {
        symlink(to, directory.join(name)).unwrap();
    }
    for name in [&b"new\nline"[..], b"not \xff UTF-8", b"-rf", b"{command}", b"\x1b[2J"] {
        fs::write(directory.join(OsStr::from_bytes(name)), "x").unwrap();
    }
    File::create(directory.join("sparse")).unwrap().set_len(1 << 40).unwrap();
    for (name, mode) in [("shut", 0o000), ("setuid", 0o6755)] {
        fs::write(directory.join(name), "x").unwrap();
        fs::set_permissions(directory.join(name), Permissions::from_mode(mode)).unwrap();
    }
    fs::create_dir(directory.join("closed")).unwrap();
    fs::set_permissions(directory.join("closed"), Permissions::from_mode(0o000)).unwrap();
    own_all(&caller, &directory);
    for named in ["hard", "fifo", "zero", "sparse", "{rootfs}"] {
        let template = format!("./prog.sh {named} {{rootfs}} {{command}}");
        ended_with_words(run(&caller, grader(&caller, &directory, &template))).assert();
    }
}

/// A submission with thousands of directories below each other.
#[rstest]
fn deep(#[values(Who::Root, Who::User)] who: Who) {
    let Some(caller) = Caller::new(who) else { return };
    let directory = submission(&caller, "work/deep");
    let _made = Deep::make(&caller, &directory.join("d"));
    ended_with_words(run(&caller, grader(&caller, &directory, "./prog.sh prog.sh {rootfs} {command}")))
        .assert();
}

/// A root file system in which a directory that the grader puts something into is a link out of it.
#[rstest]
fn rootfs_links(
    #[values("dev", "etc", "data", "srv", "proc", "sys", "tmp", "run")] name: &str,
    #[values(Who::Root, Who::User)] who: Who,
) {
    let Some(caller) = Caller::new(who) else { return };
    let Some(rootfs) = rootfs(&caller) else { return };
    let _ = fs::remove_dir_all(rootfs.join(name));
    symlink(caller.stage.path("machine"), rootfs.join(name)).unwrap();
    caller.stage.give(&format!("rfs/{name}"));
    let Some(honest) = caller.honest("honest-a") else { return };
    let words =
        ["run", "--format", "json", "--decoy", "user", "--attempt", "raw-disk", "--attempt", "setuid-drop"];
    let mut grader = caller.grader(words);
    grader.arg("--rootfs").arg(&rootfs).arg("--output").arg(caller.report()).arg(honest);
    ended_with_words(run_watched(&caller, grader, &[&rootfs])).assert();
}

/// A copy of the embedded root file system, which an honest run has made.
fn rootfs(caller: &Caller) -> Option<PathBuf> {
    let cache = caller.stage.cache().join("container-labs/rootfs");
    if !cache.exists() {
        let honest = caller.honest("honest-first")?;
        let mut grader = caller.grader(["run", "--attempt", "hostname-read"]);
        grader.arg(honest);
        run(caller, grader).assert();
    }
    let cached = fs::read_dir(cache).unwrap().flatten().map(|entry| entry.path());
    let cached = cached.into_iter().find(|path| path.join("bin").exists()).unwrap();
    let to = caller.stage.path("rfs");
    let mut cp = Command::new("cp");
    assert!(cp.arg("-a").arg(cached).arg(&to).status().unwrap().success());
    own_all(caller, &to);
    Some(to)
}

/// Gives all below to the person.
fn own_all(caller: &Caller, path: &Path) {
    if caller.stage.who.is_another() {
        let id = Some(caller.stage.who.uid());
        lchown(path, id, id).unwrap();
        if path.symlink_metadata().unwrap().is_dir() {
            fs::read_dir(path).unwrap().flatten().for_each(|entry| own_all(caller, &entry.path()));
        }
    }
}

/// Directories below each other, which no `remove_dir_all` gets rid of.
struct Deep(PathBuf);

impl Deep {
    fn make(caller: &Caller, top: &Path) -> Deep {
        fs::create_dir(top).unwrap();
        let deep = Deep(top.to_owned());
        let id = caller.stage.who.uid();
        let mut directory = OwnedFd::from(File::open(top).unwrap());
        for _ in 0..DEEP {
            fchown(&directory, Some(Uid::from_raw(id)), Some(Gid::from_raw(id))).unwrap();
            mkdirat(&directory, "directory", Mode::S_IRWXU).unwrap();
            directory = openat(&directory, "directory", OFlag::O_RDONLY, Mode::empty()).unwrap();
        }
        deep
    }
}

impl Drop for Deep {
    fn drop(&mut self) {
        if let Ok(top) = File::open(&self.0) {
            remove_directories_below(top.into());
        }
        let _ = fs::remove_dir(&self.0);
    }
}
