//! What is graded was built from what the files hold now, whatever their dates say, and whatever was built before.

use crate::common::stage::{Stage, Who, skip};
use crate::common::warm;
use grader::report::Verdict;
use grader::student::starter;
use nix::unistd::geteuid;
use predicates::str::contains;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const LIBRARY: &str = "lab0-chroot/src/lib.rs";

/// Two libraries: the command of the other one stays outside of its root.
struct Workspaces {
    stage: Stage,
    good: String,
    bad: String,
}

impl Workspaces {
    /// A new workspace, `mine`, in which everything that the labs use is built.
    fn new() -> Option<Workspaces> {
        if Command::new("cargo").arg("--version").output().is_err() {
            skip("needs cargo");
            return None;
        }
        let stage = Stage::new(if geteuid().is_root() { Who::Root } else { Who::User })?;
        let mine = stage.directory("mine");
        starter::source().unwrap().write(&mine).unwrap();
        warm::write_cargo(&stage.path("warm-cargo"));
        let good = fs::read_to_string(mine.join(LIBRARY)).unwrap();
        let bad = good.replace("chdir(\"/\")", "chdir(\".\")");
        assert_ne!(good, bad);
        Some(Workspaces { stage, good, bad })
    }

    fn mine(&self) -> PathBuf {
        self.stage.path("mine")
    }

    /// Another file is moved over the library, as editors, git and archives do it.
    fn put(&self, text: &str, date: SystemTime) {
        let beside = self.stage.path("beside");
        fs::write(&beside, text).unwrap();
        File::options().write(true).open(&beside).unwrap().set_modified(date).unwrap();
        fs::rename(beside, self.mine().join(LIBRARY)).unwrap();
    }

    fn grader(&self, words: &[&str]) -> Command {
        let mut grader = self.stage.grader(words);
        grader.current_dir(self.mine());
        warm::cargo_settings(&mut grader);
        grader.env("CARGO", self.stage.path("warm-cargo"));
        grader
    }

    fn run(&self, settings: impl Fn(&mut Command)) -> Verdict {
        let words = ["run", "lab0", "--check", "cwd-outside-root", "--format", "json", "--decoy", "user"];
        let mut grader = self.grader(&words);
        settings(&mut grader);
        self.stage.run(grader).report().targets[0].checks[0].verdict
    }

    fn grades(&self, expected: Verdict, what: &str) {
        assert_eq!(self.run(|_| ()), expected, "{what}");
    }
}

/// A watch that stays: a file that is moved into its place under it is built, however old it is.
#[test]
fn a_watch_builds_what_is_there() {
    let Some(them) = Workspaces::new() else { return };
    them.put(&them.good, years_ago(1));
    let mut watch = them.grader(&["watch", "lab0", "--plain", "--check", "cwd-outside-root"]);
    let mut watch = watch.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut shows = |wanted: &str| {
        let line = lines.by_ref().map(Result::unwrap).find(|line| line.starts_with("cwd-outside-root: "));
        assert!(line.as_ref().is_some_and(|line| line.contains(wanted)), "{wanted}: {line:?}");
    };
    shows("BLOCKED");
    them.put(&them.bad, UNIX_EPOCH);
    shows("BLOCKED -> ESCAPED");
    them.put(&them.good, years_ago(1));
    shows("ESCAPED -> BLOCKED");
    drop(watch.stdin.take());
    assert!(watch.wait().unwrap().success());
}

fn years_ago(years: u32) -> SystemTime {
    SystemTime::now() - Duration::from_secs(365 * 24 * 60 * 60) * years
}

#[test]
fn dates_do_not_count() {
    let Some(them) = Workspaces::new() else { return };
    them.put(&them.good, years_ago(1));
    them.grades(Verdict::Blocked, "the first");
    // As `grader pack` dates all files.
    them.put(&them.bad, UNIX_EPOCH);
    them.grades(Verdict::Escaped, "a file of 1970");
    them.put(&them.good, years_ago(1));
    them.grades(Verdict::Blocked, "an older file, moved back");
    // Somebody builds in the workspace, too, from something else.
    them.put(&them.bad, SystemTime::now());
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--quiet", "--package", "lab0-chroot"]).current_dir(them.mine());
    warm::cargo_settings(&mut cargo);
    if cargo.status().unwrap().success() {
        them.put(&them.good, years_ago(1));
        them.grades(Verdict::Blocked, "a build of the student's between");
    }
    // A build that failed, and one that was never noted.
    them.put("no rust", SystemTime::now());
    them.stage.run(them.grader(&["run", "lab0"])).assert().code(1).stderr(contains("does not compile"));
    them.put(&them.bad, years_ago(2));
    them.grades(Verdict::Escaped, "after a build that failed");
    fs::remove_file(them.mine().join("target/container-labs/built-from.json")).unwrap();
    them.put(&them.good, years_ago(3));
    them.grades(Verdict::Blocked, "nothing is known");
}

#[test]
fn the_workspace_before_does_not_count() {
    let Some(them) = Workspaces::new() else { return };
    them.put(&them.good, years_ago(1));
    them.grades(Verdict::Blocked, "the first");
    // Another one is unpacked at its place, with what was built in the first.
    them.put(&them.bad, years_ago(2));
    them.grades(Verdict::Escaped, "over the first");

    // A directory for all of them.
    let shared = them.stage.directory("shared");
    let share = |command: &mut Command| {
        command.env("CARGO_TARGET_DIR", &shared);
    };
    for (text, expected) in
        [(&them.good, Verdict::Blocked), (&them.bad, Verdict::Escaped), (&them.good, Verdict::Blocked)]
    {
        fs::remove_dir_all(them.mine()).unwrap();
        starter::source().unwrap().write(&them.mine()).unwrap();
        them.put(text, years_ago(2));
        assert_eq!(them.run(share), expected);
    }
}

/// A file that is no source of Rust, and is read by one, or by a build script.
#[test]
fn all_that_a_program_is_built_from_counts() {
    let Some(them) = Workspaces::new() else { return };
    let package = them.mine().join("lab0-chroot");
    fs::write(package.join("build.rs"), BUILD_SCRIPT).unwrap();
    let reading =
        them.good.replace("chdir(\"/\")", "chdir(concat!(env!(\"PART\"), include_str!(\"rest.txt\")))");
    them.put(&reading, years_ago(1));
    let write = |name: &str, text: &str| {
        let path = package.join(name);
        fs::write(&path, text).unwrap();
        File::options().write(true).open(path).unwrap().set_modified(years_ago(5)).unwrap();
    };
    write("part.txt", "/");
    write("src/rest.txt", "");
    them.grades(Verdict::Blocked, "the first");
    write("part.txt", ".");
    them.grades(Verdict::Escaped, "what the build script reads");
    write("part.txt", "");
    write("src/rest.txt", "/");
    them.grades(Verdict::Blocked, "what the source includes");
}

const BUILD_SCRIPT: &str = "fn main() {
    println!(\"cargo::rustc-env=PART={}\", std::fs::read_to_string(\"part.txt\").unwrap());
}
";

#[test]
fn knock_outs_and_packs_are_of_what_is_there() {
    let Some(them) = Workspaces::new() else { return };
    let common = them.mine().join("common/src/lib.rs");
    let text = fs::read_to_string(&common).unwrap();
    let date = |path: &Path, text: &str, date| {
        fs::write(path, text).unwrap();
        File::options().write(true).open(path).unwrap().set_modified(date).unwrap();
    };
    date(&common, &text, years_ago(1));
    assert!(warm::target_of_pack(&them.stage.cache()));
    let pack = || them.stage.run(them.grader(&["pack"])).code();
    let knockout = || {
        let ran = them.stage.run(them.grader(&["knockout", "lab0/chdir", "--decoy", "user"]));
        String::from_utf8(ran.assert().get_output().stderr.clone()).unwrap()
    };
    assert_eq!(pack(), Some(0));
    assert!(!knockout().contains("not today"));
    date(&common, &format!("{text}\ncompile_error!(\"not today\");\n"), UNIX_EPOCH);
    assert_eq!(pack(), Some(1));
    assert!(knockout().contains("not today"));
    date(&common, &text, UNIX_EPOCH);
    assert_eq!(pack(), Some(0));
    assert!(!knockout().contains("not today"));
}
