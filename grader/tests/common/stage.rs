//! What a test starts from: a person, a grader of that person's, and a directory for this test alone.
//!
//! Every grader that a test runs to its end is looked after: what it has left behind fails the test.

use super::machine::{Machine, has_loop_devices};
use super::{ends, programs};
use assert_cmd::assert::{Assert, OutputAssertExt};
use grader::report::{Check, Report};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::geteuid;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;
use tempfile::TempDir;

/// A guard against tests that hang, and nothing that is measured.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// Who runs the grader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Root,
    /// Whoever runs the tests; where that is root, uid and gid 1000 without any other group.
    User,
}

/// The ids of [`Who::User`] where root runs the tests.
const USER: u32 = 1000;

impl Who {
    /// Makes `command` this person's.
    fn becomes(self, command: &mut Command) {
        if self.is_another() {
            // Before it changes the uid the standard library also drops root's groups.
            command.uid(USER).gid(USER);
        }
    }

    /// Whether this is not the person who runs the tests.
    pub fn is_another(self) -> bool {
        self == Who::User && geteuid().is_root()
    }

    /// The uid.
    pub fn uid(self) -> u32 {
        if self.is_another() { USER } else { geteuid().as_raw() }
    }

    /// What keeps this person from making a decoy host on this machine, if anything does.
    fn lacks(self) -> Option<&'static str> {
        static LACKS: [OnceLock<Option<&str>>; 2] = [OnceLock::new(), OnceLock::new()];
        *LACKS[self as usize].get_or_init(|| {
            if self == Who::Root && !geteuid().is_root() {
                return Some("needs root");
            }
            // Some systems let anybody make a user namespace in which nothing is allowed: so mount as well.
            let decoy = || {
                unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)?;
                let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
                mount(None::<&str>, "/", None::<&str>, private, None::<&str>).map_err(io::Error::from)
            };
            let mut probe = Command::new("true");
            self.becomes(&mut probe);
            // SAFETY: two system calls, in a child that the program then replaces.
            unsafe { probe.pre_exec(decoy) };
            let works = probe.status().is_ok_and(|status| status.success());
            (!works).then_some("needs user namespaces")
        })
    }
}

/// Who runs the grader, and in which kind of decoy host it puts its targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    RootInRoot,
    RootInUser,
    UserInUser,
}

impl Setting {
    pub fn who(self) -> Who {
        if self == Setting::UserInUser { Who::User } else { Who::Root }
    }

    /// The value of `--decoy`.
    pub fn decoy(self) -> &'static str {
        if self == Setting::RootInRoot { "root" } else { "user" }
    }

    /// What keeps this machine from judging `raw-disk` in such a setting: part of the reason that is given.
    pub fn lacks_disk(self) -> Option<&'static str> {
        match self {
            Setting::UserInUser => Some("only root can make one"),
            _ if !has_loop_devices() => Some("no decoy disk"),
            _ => None,
        }
    }
}

/// Says why a test judges nothing here. Not `eprintln`: a test that passes would keep it to itself.
pub fn skip(reason: &str) {
    let thread = std::thread::current();
    let _ = writeln!(io::stderr(), "skipped: {}: {reason}", thread.name().unwrap_or_default());
}

/// Whether all is to be run, `GRADER_TESTS=all`, and not only the part that stands for it. Else a line says what is left
/// out.
pub fn all_is_asked_for(rest: &str) -> bool {
    is_asked_for(&["all", "everything"], rest)
}

/// The same of what takes a quarter of an hour and more: `GRADER_TESTS=everything`.
pub fn everything_is_asked_for(rest: &str) -> bool {
    is_asked_for(&["everything"], rest)
}

fn is_asked_for(words: &[&str], rest: &str) -> bool {
    let asked = std::env::var_os("GRADER_TESTS").is_some_and(|asked| words.iter().any(|word| asked == *word));
    if !asked {
        skip(&format!("{rest}: set GRADER_TESTS={} to run it", words[0]));
    }
    asked
}

/// A person's place to run graders in.
pub struct Stage {
    pub who: Who,
    own: TempDir,
}

impl Stage {
    /// None, and a line that says why, where this machine lets this person make no decoy host.
    pub fn new(who: Who) -> Option<Stage> {
        if let Some(reason) = who.lacks() {
            skip(reason);
            return None;
        }
        let own = tempfile::Builder::new()
            .permissions(Permissions::from_mode(0o755))
            .tempdir_in(&home().directory)
            .unwrap();
        let stage = Stage { who, own };
        stage.directory("tmp");
        symlink(home().directory.join("grader"), stage.path("grader")).unwrap();
        stage.give("");
        Some(stage)
    }

    /// A path in this test's own directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.own.path().join(name)
    }

    /// A word that is in the command line of every grader of this test, of its workers and its decoys, and
    /// nobody else's.
    pub fn word(&self) -> &str {
        self.own.path().file_name().and_then(OsStr::to_str).unwrap()
    }

    /// The person's cache directory, which all tests of a program share.
    pub fn cache(&self) -> PathBuf {
        home().cache(self.who)
    }

    /// Makes a directory of the person's.
    pub fn directory(&self, name: &str) -> PathBuf {
        fs::create_dir_all(self.path(name)).unwrap();
        self.give(name);
        self.path(name)
    }

    /// Makes the person the owner.
    pub fn give(&self, name: &str) {
        if self.who.is_another() {
            std::os::unix::fs::lchown(self.path(name), Some(USER), Some(USER)).unwrap();
        }
    }

    /// A program to be graded, in a directory of its own. None, and a line that says why, where it can't be built.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        let found = programs::find(name)?;
        let directory = self.directory(&format!("programs/{name}"));
        let to = directory.join(name);
        fs::copy(found, &to).unwrap();
        fs::set_permissions(&to, Permissions::from_mode(0o755)).unwrap();
        Some(to)
    }

    /// A grader, to be run in this test's own directory.
    pub fn grader<W: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = W>) -> Command {
        let mut grader = self.command(&self.path("grader"));
        grader.args(words);
        grader
    }

    /// A shell script, with a grader and its words as `"$@"`.
    pub fn script<W: AsRef<OsStr>>(&self, script: &str, words: impl IntoIterator<Item = W>) -> Command {
        let mut shell = self.command(Path::new("/bin/sh"));
        shell.args(["-c", script, "sh"]).arg(self.path("grader")).args(words);
        shell
    }

    /// A program, run as this person in this test's own directory.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.own.path())
            .env("TMPDIR", self.path("tmp"))
            .env("XDG_CACHE_HOME", home().cache(self.who))
            .stdin(Stdio::null());
        self.who.becomes(&mut command);
        ends::with_us(&mut command);
        command
    }

    /// Runs a grader to its end. It must leave this machine as it was.
    pub fn run(&self, grader: Command) -> Ran {
        self.run_within(grader, PATIENCE)
    }

    /// The same for one that may take longer.
    pub fn run_within(&self, grader: Command, patience: Duration) -> Ran {
        let before = Machine::now();
        let output = assert_cmd::Command::from_std(grader).timeout(patience).output().unwrap();
        before.assert_unchanged(self);
        Ran(output)
    }
}

/// A grader that has ended.
#[derive(Debug)]
pub struct Ran(pub Output);

impl Ran {
    /// For assertions on its exit code and what it wrote.
    #[track_caller]
    pub fn assert(self) -> Assert {
        self.0.assert()
    }

    /// Its exit code.
    pub fn code(&self) -> Option<i32> {
        self.0.status.code()
    }

    /// Its report, where it was asked for JSON.
    #[track_caller]
    pub fn report(&self) -> Report {
        serde_json::from_slice(&self.0.stdout).unwrap_or_else(|error| {
            panic!("no report: {error}; {}", String::from_utf8_lossy(&self.0.stderr));
        })
    }
}

/// One check of one target.
#[track_caller]
pub fn check<'a>(report: &'a Report, target: &str, id: &str) -> &'a Check {
    let found = report.checks().find(|(of, check)| of.name == target && check.id == id);
    found.unwrap_or_else(|| panic!("{target} has no {id} in {report:#?}")).1
}

/// What all tests of this process share. It is removed when the process exits, also when a test fails.
struct Home {
    directory: PathBuf,
}

static HOME: OnceLock<Home> = OnceLock::new();

fn home() -> &'static Home {
    HOME.get_or_init(|| {
        // SAFETY: the function takes nothing, keeps nothing, and can't unwind.
        unsafe { nix::libc::atexit(remove_home) };
        let home = Home { directory: ends::directory() };
        fs::copy(assert_cmd::cargo::cargo_bin!("grader"), home.directory.join("grader")).unwrap();
        for who in [Who::Root, Who::User] {
            fs::create_dir(home.cache(who)).unwrap();
            if who.is_another() {
                std::os::unix::fs::chown(home.cache(who), Some(USER), Some(USER)).unwrap();
            }
        }
        home
    })
}

impl Home {
    /// The person's cache directory: the root file system is made once.
    fn cache(&self, who: Who) -> PathBuf {
        self.directory.join(format!("cache-{who:?}"))
    }
}

extern "C" fn remove_home() {
    if let Some(home) = HOME.get() {
        let _ = fs::remove_dir_all(&home.directory);
    }
}

/// The directory with the workspace's `Cargo.toml`.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the grader lies in a workspace")
}
