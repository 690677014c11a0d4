//! The examination of this machine, and of one where user namespaces are forbidden.

use assert_cmd::assert::{Assert, OutputAssertExt};
use assert_cmd::cargo::cargo_bin;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::geteuid;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The ordinary user where root runs the tests.
const USER: u32 = 1000;

const LIMIT: &str = "/proc/sys/user/max_user_namespaces";

/// A copy of the grader that an ordinary user can run, and a home.
struct Place {
    directory: TempDir,
}

impl Place {
    fn new() -> Place {
        // The target directory may lie where only root can go.
        let directory =
            tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir().unwrap();
        copy(cargo_bin!("grader"), &directory.path().join("grader"));
        for own in ["home", "tmp"] {
            let own = directory.path().join(own);
            fs::create_dir(&own).unwrap();
            if geteuid().is_root() {
                chown(&own, Some(USER), Some(USER)).unwrap();
            }
        }
        Place { directory }
    }

    fn grader(&self) -> PathBuf {
        self.directory.path().canonicalize().unwrap().join("grader")
    }

    /// The grader, run by whoever runs the tests.
    fn command<W: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = W>) -> Command {
        let mut command = Command::new(self.grader());
        let here = self.directory.path();
        command.args(words).current_dir(here).env("HOME", here.join("home")).env("TMPDIR", here.join("tmp"));
        command.env_remove("XDG_CACHE_HOME");
        command
    }

    /// The grader, run by an ordinary user.
    fn as_user<W: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = W>) -> Command {
        let mut command = self.command(words);
        if geteuid().is_root() {
            command.uid(USER).gid(USER);
        }
        command
    }

    /// The grader, run by an ordinary user in a user namespace whose own limit on user namespaces is 0. That
    /// setting is one of each user namespace (namespaces(7)): the machine's stays.
    fn forbidden<W: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = W>) -> Command {
        let mut command = self.as_user(words);
        // SAFETY: a few system calls, in a child that the program then replaces.
        unsafe { command.pre_exec(forbid) };
        command
    }
}

/// A program's copy, by another program: had this process the file open for writing, a fork in another thread
/// would keep it so for a moment, and it could not be executed.
fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").args([from, to]).status().unwrap();
    assert!(status.success(), "cp: {status}");
}

/// In a child: the limit on user namespaces in one of its own.
fn forbid() -> io::Result<()> {
    let (uid, gid) = (nix::unistd::getuid(), nix::unistd::getgid());
    // The change of ids made root the owner of our /proc files (proc(5)).
    nix::sys::prctl::set_dumpable(true)?;
    unshare(CloneFlags::CLONE_NEWUSER)?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/gid_map", format!("{gid} {gid} 1"))?;
    fs::write("/proc/self/uid_map", format!("{uid} {uid} 1"))?;
    fs::write(LIMIT, "0")
}

/// Whether [`forbid`] works here; else a line that says why.
fn can_forbid(test: &str) -> bool {
    let place = Place::new();
    let mut probe = Command::new("true");
    if geteuid().is_root() {
        probe.uid(USER).gid(USER);
    }
    // SAFETY: as above.
    unsafe { probe.pre_exec(forbid) };
    let status = probe.current_dir(place.directory.path()).status();
    let works = status.as_ref().is_ok_and(|status| status.success());
    if !works {
        // Not `eprintln`: a test that passes would keep it to itself.
        let _ = writeln!(io::stderr(), "skipped: {test}: needs user namespaces without root: {status:?}");
    }
    works
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn out(assert: &Assert) -> String {
    text(&assert.get_output().stdout)
}

/// A page of 80 columns, without colours. Commands and paths are in one piece, however long.
fn is_a_page(page: &str) {
    assert!(!page.contains('\x1b'), "{page}");
    for line in page.lines() {
        let is_command = line.trim_start().starts_with("fix:") || line.contains("sudo ");
        let ends_in_a_path = line.split_whitespace().last().is_some_and(|word| word.starts_with('/'));
        assert!(is_command || ends_in_a_path || line.chars().count() <= 80, "{line}");
    }
}

/// What is the machine's, and must be as before.
fn machine() -> (String, String) {
    (fs::read_to_string("/proc/self/mountinfo").unwrap(), fs::read_to_string(LIMIT).unwrap())
}

fn agrees_with_itself(command: Command) {
    let assert = command.into_assert();
    let page = out(&assert);
    is_a_page(&page);
    let works = page.lines().any(|line| line.contains("decoy ") && line.contains("works: "));
    assert.code(if works { 0 } else { 3 });
    assert!(works || page.lines().last().is_some_and(|line| !line.is_empty()), "{page}");
}

trait IntoAssert {
    fn into_assert(self) -> Assert;
}

impl IntoAssert for Command {
    fn into_assert(mut self) -> Assert {
        self.assert()
    }
}

#[test]
fn whoever_asks_the_exit_code_is_what_the_page_says() {
    let place = Place::new();
    let before = machine();
    agrees_with_itself(place.as_user(["doctor"]));
    agrees_with_itself(place.command(["doctor"]));
    assert_eq!(machine(), before);
    let left: Vec<_> = fs::read_dir(place.directory.path().join("tmp")).unwrap().flatten().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn its_control_group_is_gone() {
    let place = Place::new();
    let child = place.command(["doctor"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let name = format!("container-labs-{}-", child.id());
    let output = child.wait_with_output().unwrap();
    let find =
        Command::new("find").args(["/sys/fs/cgroup", "-name"]).arg(format!("{name}*")).output().unwrap();
    assert_eq!(text(&find.stdout), "", "{}", text(&output.stdout));
}

#[test]
fn where_user_namespaces_are_forbidden_the_last_line_is_the_command_that_helps() {
    if !can_forbid("where_user_namespaces_are_forbidden_the_last_line_is_the_command_that_helps") {
        return;
    }
    let place = Place::new();
    let before = machine();
    let assert = place.forbidden(["doctor"]).into_assert().code(3);
    let page = out(&assert);
    is_a_page(&page);
    assert_eq!(page.lines().last(), Some(format!("sudo {}", place.grader().display()).as_str()), "{page}");
    assert!(page.contains("user.max_user_namespaces is 0"), "{page}");
    assert!(page.contains("sudo sysctl -w user.max_user_namespaces=15000"), "{page}");
    assert_eq!(machine(), before);
}

/// A cargo that says of each lab that it is `/bin/true`: what is asked here is what the matrix says, and the
/// ordinary user may have no cargo.
fn stand_in_for_cargo(place: &Path) -> PathBuf {
    let (text, cargo) = (place.join("cargo.sh"), place.join("cargo"));
    let message = r#"{"reason":"compiler-artifact","target":{"name":"%s"},"executable":"/bin/true"}\n"#;
    let find = "while [ $# -gt 1 ] && [ \"$1\" != --package ]; do shift; done";
    fs::write(&text, format!("#!/bin/sh\n{find}\nprintf '{message}' \"$2\"\n")).unwrap();
    fs::set_permissions(&text, Permissions::from_mode(0o755)).unwrap();
    copy(&text, &cargo);
    cargo
}

#[test]
fn a_matrix_that_judges_nothing_ends_with_the_command_that_helps() {
    if !can_forbid("a_matrix_that_judges_nothing_ends_with_the_command_that_helps") {
        return;
    }
    let place = Place::new();
    let cargo = stand_in_for_cargo(place.directory.path());
    let last = |words: &str| {
        let mut command = place.forbidden(words.split(' ').filter(|word| !word.is_empty()));
        let page = out(&command.env("CARGO", &cargo).assert().code(3));
        page.lines().last().unwrap_or_default().to_owned()
    };
    let grader = place.grader().display().to_string();
    assert_eq!(last(""), format!("sudo {grader}"));
    assert_eq!(last("run lab1 --attempt reboot"), format!("sudo {grader} run lab1 --attempt reboot"));
    // The limit is also root's, and root would still put this program into a user namespace.
    assert_eq!(last("run /bin/true --attempt reboot"), "sudo sysctl -w user.max_user_namespaces=15000");
}

#[test]
fn json_stays_json_where_nothing_is_judged() {
    if !can_forbid("json_stays_json_where_nothing_is_judged") {
        return;
    }
    let place = Place::new();
    let assert = place
        .forbidden(["run", "/bin/true", "--attempt", "reboot", "--format", "json"])
        .into_assert()
        .code(3);
    let report: serde_json::Value = serde_json::from_str(&out(&assert)).unwrap();
    assert_eq!(report["targets"][0]["checks"][0]["cause"], "machine");
    let said = text(&assert.get_output().stderr);
    assert_eq!(said.lines().last(), Some("sudo sysctl -w user.max_user_namespaces=15000"), "{said}");
}
