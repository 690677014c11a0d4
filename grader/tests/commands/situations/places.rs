//! Where a program lies, what it is called, and where its interpreter lies.

use super::{copy, run, stage};
use crate::common::programs;
use crate::common::stage::{Stage, Who};
use grader::report::{Check, Verdict};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use rstest::rstest;
use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// What is to come of it.
enum Comes {
    /// It starts its command.
    Works,
    /// It does not, and the reason has these words.
    Fails(&'static str),
    /// The grader refuses, in these words.
    Refused(&'static str),
}
use Comes::{Fails, Refused, Works};

/// A place: how the program comes there, and what is to come of it. The second argument is lab 3.
type Row = (&'static str, fn(&Stage, &Path) -> PathBuf, Comes);

const ROWS: &[Row] = &[
    ("named {command}", |it, lab| named(it, lab, b"{command}"), Works),
    ("named {rootfs}", |it, lab| named(it, lab, b"{rootfs}"), Works),
    ("named a {id} b", |it, lab| named(it, lab, b"a {id} b"), Works),
    ("named with a newline", |it, lab| named(it, lab, b"a\nb"), Works),
    ("named with quotes", |it, lab| named(it, lab, b"a'\"$(b)\\"), Works),
    ("named with no UTF-8", |it, lab| named(it, lab, b"a\xffb"), Works),
    ("named with a dash", |it, lab| named(it, lab, b"-lab"), Works),
    ("named as long as may be", |it, lab| named(it, lab, &[b'a'; 255]), Works),
    ("in a folder with no UTF-8", |it, lab| in_folder(it, lab, b"a\xffb"), Works),
    ("in a folder {command}", |it, lab| in_folder(it, lab, b"{command}"), Works),
    ("in a deep folder", |it, lab| in_folder(it, lab, "d/".repeat(60).as_bytes()), Works),
    ("behind a link to it", behind_a_link, Works),
    ("behind a link to its folder", behind_a_linked_folder, Works),
    ("set-user-ID", |it, lab| mode(copy(it, "setuid", lab), 0o4755), Works),
    ("that can't be read", unreadable, Refused("so it can't be copied into a decoy host; try: chmod +r ")),
    ("beside a file that can't be read", beside_unreadable, Works),
    ("with an interpreter elsewhere", |it, _| script(it, &interpreter(it, "bin/other-sh")), Works),
    ("with an interpreter by env", |it, _| script(it, "/usr/bin/env other-sh"), Works),
    ("with an interpreter by env -S", |it, _| script(it, "/usr/bin/env -S other-sh -e"), Works),
    (
        "with no interpreter",
        |it, _| script(it, "/no/such/sh"),
        Fails("not found: /no/such/sh, an interpreter"),
    ),
    (
        "with none by env",
        |it, _| script(it, "/usr/bin/env no-such-sh"),
        Fails("not found: no-such-sh, which env"),
    ),
];

#[rstest]
fn a_program_runs_wherever_it_lies(#[values(Who::Root, Who::User)] who: Who) {
    let Some(stage) = stage(who) else { return };
    let Some(lab) = programs::labs().and_then(|mut labs| labs.pop()) else { return };
    let path = interpreter(&stage, "bin/other-sh");
    let path = format!("{}:/usr/bin:/bin", Path::new(&path).parent().unwrap().display());
    for (name, place, comes) in ROWS {
        // Root reads everything.
        let comes = if who == Who::Root && matches!(comes, Refused(_)) { &Works } else { comes };
        let program = place(&stage, &lab);
        let (starts, said) = starts(&stage, |it| {
            it.arg(&program).env("PATH", &path);
        });
        check(name, comes, starts, &said);
        // As it is called from beside it.
        let mut by_name = OsString::from("./");
        by_name.push(program.file_name().unwrap());
        let folder = program.parent().unwrap();
        let (starts, said) = self::starts(&stage, |it| {
            it.arg(&by_name).env("PATH", &path).current_dir(folder);
        });
        check(&format!("{name}, from beside it"), comes, starts, &said);
    }
}

/// Directories in which the decoy host has something of its own, and homes.
#[test]
fn a_program_runs_below_every_directory() {
    let Some(stage) = stage(Who::Root) else { return };
    let Some(lab) = programs::labs().and_then(|mut labs| labs.pop()) else { return };
    let taken = "the decoy host has something of its own there";
    for (top, below, comes) in [
        ("/mnt", "prog", Works),
        ("/mnt", "work/prog", Works),
        ("/media", "work/prog", Works),
        ("/srv", "prog", Works),
        ("/srv", "work/prog", Works),
        ("/srv", "rootfs/prog", Refused(taken)),
        ("/srv", "victim/prog", Refused(taken)),
        ("/opt", "work/prog", Works),
        ("/home", "ann/prog", Works),
        ("/root", "prog", Works),
        ("/root", "work/prog", Works),
        ("/var/tmp", "work/prog", Works),
    ] {
        let own = stage.path(&format!("top{}", top.replace('/', "-")));
        let place = own.join(below);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::copy(&lab, &place).unwrap();
        let flags = MsFlags::MS_BIND | MsFlags::MS_NOEXEC | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        let cover = move || {
            unshare(CloneFlags::CLONE_NEWNS)?;
            mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)?;
            mount(Some(&own), top, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
            Ok(mount(None::<&str>, top, None::<&str>, flags | MsFlags::MS_REMOUNT, None::<&str>)?)
        };
        let program = Path::new(top).join(below);
        let (starts, said) = starts(&stage, |it| {
            it.arg(&program).current_dir("/");
            super::before(it, cover.clone());
        });
        check(&program.display().to_string(), &comes, starts, &said);
    }
}

/// The check `starts`, if there is a report, and what was said.
fn starts(stage: &Stage, prepare: impl FnOnce(&mut std::process::Command)) -> (Option<Check>, String) {
    let report = stage.directory("out").join("report.json");
    let _ = fs::remove_file(&report);
    let mut grader =
        stage.grader(["run", "--decoy", "user", "--format", "json", "--attempt", "starts", "--output"]);
    grader.arg(&report).arg("--");
    prepare(&mut grader);
    let (ran, report) = run(stage, grader, &report);
    let check = report.map(|report| report.checks().next().unwrap().1.clone());
    (check, String::from_utf8_lossy(&ran.0.stderr).into_owned())
}

#[track_caller]
fn check(name: &str, comes: &Comes, starts: Option<Check>, said: &str) {
    match (comes, starts) {
        (Works, Some(check)) => assert_eq!(check.verdict, Verdict::Works, "{name}: {}", check.why),
        (Fails(words), Some(check)) => {
            assert_eq!(check.verdict, Verdict::Fails, "{name}");
            assert!(check.why.contains(words), "{name}: {}", check.why);
        }
        (Refused(words), None) => assert!(said.contains(words), "{name}: {said}"),
        (_, starts) => panic!("{name}: {starts:?}: {said}"),
    }
}

fn mode(path: PathBuf, mode: u32) -> PathBuf {
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    path
}

fn named(stage: &Stage, lab: &Path, name: &[u8]) -> PathBuf {
    let to = stage.directory("named").join(OsStr::from_bytes(name));
    fs::copy(lab, &to).unwrap();
    mode(to, 0o755)
}

fn in_folder(stage: &Stage, lab: &Path, folder: &[u8]) -> PathBuf {
    let folder = stage.directory("folders").join(OsStr::from_bytes(folder));
    fs::create_dir_all(&folder).unwrap();
    fs::copy(lab, folder.join("prog")).unwrap();
    folder.join("prog")
}

fn behind_a_link(stage: &Stage, lab: &Path) -> PathBuf {
    let link = stage.directory("links").join("prog");
    symlink(copy(stage, "linked", lab), &link).unwrap();
    link
}

fn behind_a_linked_folder(stage: &Stage, lab: &Path) -> PathBuf {
    let program = copy(stage, "linked-folder", lab);
    symlink("linked-folder", stage.path("by-link")).unwrap();
    stage.path("by-link").join(program.file_name().unwrap())
}

fn unreadable(stage: &Stage, lab: &Path) -> PathBuf {
    mode(copy(stage, "unreadable", lab), 0o111)
}

fn beside_unreadable(stage: &Stage, lab: &Path) -> PathBuf {
    let program = copy(stage, "beside", lab);
    fs::write(program.with_file_name("secret"), "x").unwrap();
    mode(program.with_file_name("secret"), 0);
    program
}

/// A shell in a directory that is none of the machine's own.
fn interpreter(stage: &Stage, name: &str) -> String {
    let to = stage.directory("prefix").join(name);
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    if !to.exists() {
        fs::copy(fs::canonicalize("/bin/sh").unwrap(), &to).unwrap();
    }
    to.to_str().unwrap().to_owned()
}

fn script(stage: &Stage, interpreter: &str) -> PathBuf {
    let to = stage.directory("scripts").join("prog");
    fs::write(&to, format!("#!{interpreter}\nexec chroot \"$@\"\n")).unwrap();
    mode(to, 0o755)
}
