//! What a test starts from: a lab, a person who runs it, and a root file system of that person's.

use crate::fault;
use crate::running::Running;
use assert_cmd::assert::Assert;
use grader::labs::{self, Workspace};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::{getegid, geteuid};
use std::env;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;
use tempfile::TempDir;

/// A guard against tests that hang, and nothing that is measured.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The labs, as [`labs::ALL`] has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lab {
    Chroot,
    Namespaces,
    Mounts,
    Pivot,
}

impl Lab {
    pub fn name(self) -> &'static str {
        labs::ALL[self as usize]
    }
}

/// Who runs the lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Root,
    /// Whoever runs the tests; where that is root, uid and gid 1000 without any other group.
    User,
}

/// The ids of [`Who::User`] where root runs the tests.
pub const USER: u32 = 1000;

impl Who {
    /// Makes `command` this person's.
    fn becomes(self, command: &mut Command) {
        if self == Who::User && geteuid().is_root() {
            // Before it changes the uid the standard library also drops root's groups.
            command.uid(USER).gid(USER);
        }
    }

    /// What keeps this person from running a container on this machine, if anything does.
    fn lacks(self) -> Option<&'static str> {
        static LACKS: [OnceLock<Option<&str>>; 2] = [OnceLock::new(), OnceLock::new()];
        *LACKS[self as usize].get_or_init(|| {
            let (flags, reason) = match self {
                Who::Root if !geteuid().is_root() => return Some("needs root"),
                Who::Root if !in_first_user_namespace() => return Some("needs the machine's own root"),
                Who::Root => (CloneFlags::CLONE_NEWNS, "needs a root that may mount"),
                Who::User => (
                    CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWUSER,
                    "needs user namespaces without root",
                ),
            };
            // Some systems let anybody make a user namespace in which nothing is allowed: so mount as well.
            let container = move || {
                unshare(flags)?;
                let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
                mount(None::<&str>, "/", None::<&str>, private, None::<&str>).map_err(io::Error::from)
            };
            let mut probe = Command::new("true");
            self.becomes(&mut probe);
            // SAFETY: two system calls, in a child that the program then replaces.
            unsafe { probe.pre_exec(container) };
            let works = probe.status().is_ok_and(|status| status.success());
            (!works).then_some(reason)
        })
    }
}

/// The first user namespace maps every id onto itself, all 2³² but one (user_namespaces(7)).
fn in_first_user_namespace() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.split_whitespace().eq(["0", "0", "4294967295"])
}

/// A lab and the person who runs it.
pub struct Stage {
    pub lab: Lab,
    pub who: Who,
    home: &'static Home,
    /// A directory for this test alone, owned by the person.
    pub own: TempDir,
}

impl Stage {
    /// `None`, and a line that says why, where this machine doesn't let this person run a container.
    pub fn new(lab: Lab, who: Who) -> Option<Stage> {
        if let Some(reason) = who.lacks() {
            let thread = std::thread::current();
            let line = format!("skipped: {}: {reason}\n", thread.name().unwrap_or_default());
            // Not `eprintln`: a test that passes would keep it to itself. In one piece: others write as well.
            let _ = io::stderr().write_all(line.as_bytes());
            return None;
        }
        let home = Home::get();
        let own = tempfile::Builder::new()
            .permissions(Permissions::from_mode(0o755))
            .tempdir_in(&home.directory)
            .unwrap();
        give(who, own.path());
        Some(Stage { lab, who, home, own })
    }

    /// The person's root file system, with a program `/fault` in it. Tests share it: who changes it takes a [`copy`](Stage::copy).
    pub fn rootfs(&self) -> PathBuf {
        self.home.rootfs(self.who)
    }

    /// A copy of the root file system for this test alone, as it was before any container ran in it.
    pub fn copy(&self, name: &str) -> PathBuf {
        let copy = self.own.path().join(name);
        link(&self.home.pristine(self.who), &copy);
        copy
    }

    /// The lab's program, to be run by the person in the test's own directory.
    pub fn program(&self) -> Command {
        let mut program = Command::new(self.home.directory.join("bin").join(self.lab.name()));
        program.current_dir(self.own.path());
        self.who.becomes(&mut program);
        end_with_us(&mut program);
        program
    }

    /// Another program in its place: a copy of it, which the person can reach.
    pub fn program_at(&self, from: &Path) -> Command {
        let to = self.own.path().join("program");
        if !to.exists() {
            copy_program(from, &to);
        }
        let mut program = Command::new(to);
        program.current_dir(self.own.path());
        self.who.becomes(&mut program);
        end_with_us(&mut program);
        program
    }

    /// Runs the lab with the given words, to its end.
    pub fn run<W: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = W>) -> Assert {
        let mut program = self.program();
        program.args(words);
        finish(program)
    }

    /// Runs a shell script in the lab, to its end.
    pub fn script(&self, script: &str) -> Assert {
        let rootfs = self.rootfs();
        self.run([rootfs.as_os_str(), "/bin/sh".as_ref(), "-c".as_ref(), script.as_ref()])
    }

    /// Starts a shell script in the lab.
    pub fn start(&self, options: &[&str], script: &str) -> Running {
        let mut program = self.program();
        program.args(options).arg(self.rootfs()).args(["/bin/sh", "-c", script]);
        Running::start(program)
    }
}

/// The program is killed when the thread that starts it ends, as all do of a test that is killed.
fn end_with_us(program: &mut Command) {
    let ours = std::process::id();
    let ask = move || {
        // After the change of ids, which undoes it.
        set_pdeathsig(Signal::SIGKILL)?;
        if std::os::unix::process::parent_id() == ours { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
    };
    // SAFETY: two system calls, in a child that the program then replaces.
    unsafe { program.pre_exec(ask) };
}

/// Copies a program that is executed next. By another process: a child that another test forks meanwhile would
/// hold this one's descriptor, open for writing, until it executes (ETXTBSY, execve(2)).
fn copy_program(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg(from).arg(to).status().unwrap().success());
}

/// Runs a program to its end.
pub fn finish(program: Command) -> Assert {
    assert_cmd::Command::from_std(program).timeout(PATIENCE).assert()
}

/// Runs the program, which must be root's, in a mount namespace where every mount is shared, as systemd has it.
pub fn share_mounts(program: &mut Command) {
    let shared = || {
        unshare(CloneFlags::CLONE_NEWNS)?;
        // Private first, else what the lab mounts would reach this machine.
        for propagation in [MsFlags::MS_PRIVATE, MsFlags::MS_SHARED] {
            mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | propagation, None::<&str>)?;
        }
        Ok(())
    };
    // SAFETY: a few system calls, in a child that the program then replaces.
    unsafe { program.pre_exec(shared) };
}

/// Runs the program in a mount namespace of its own, which is changed first. Without root that takes a user namespace;
/// the person keeps the own ids in it.
pub fn own_mounts(
    stage: &Stage,
    program: &mut Command,
    change: impl Fn() -> nix::Result<()> + Send + Sync + 'static,
) {
    let who = stage.who;
    let (id, gid) = if geteuid().is_root() { (USER, USER) } else { (geteuid().as_raw(), getegid().as_raw()) };
    let (uid_map, gid_map) = (format!("{id} {id} 1"), format!("{gid} {gid} 1"));
    let enter = move || {
        if who == Who::User {
            // A change of ids took this away, and with it the own files in /proc (proc(5)).
            nix::sys::prctl::set_dumpable(true)?;
            unshare(CloneFlags::CLONE_NEWUSER)?;
            fs::write("/proc/self/setgroups", "deny")?;
            fs::write("/proc/self/gid_map", &gid_map)?;
            fs::write("/proc/self/uid_map", &uid_map)?;
        }
        unshare(CloneFlags::CLONE_NEWNS)?;
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(None::<&str>, "/", None::<&str>, private, None::<&str>)?;
        change().map_err(io::Error::from)
    };
    // SAFETY: the child has one thread, and the program then replaces it.
    unsafe { program.pre_exec(enter) };
}

/// What all tests share: the programs, and a root file system a person. It is removed when the process exits,
/// also when a test fails.
struct Home {
    directory: PathBuf,
}

static HOME: OnceLock<Home> = OnceLock::new();

extern "C" fn remove_home() {
    if let Some(home) = HOME.get() {
        let _ = fs::remove_dir_all(&home.directory);
    }
}

impl Home {
    fn get() -> &'static Home {
        HOME.get_or_init(|| {
            // SAFETY: the function takes nothing, keeps nothing, and can't unwind.
            unsafe { nix::libc::atexit(remove_home) };
            Home::new()
        })
    }

    fn new() -> Home {
        // Asked first, since the answer starts a program: a fork in the middle would hold an executable open for
        // writing that is just being made, and then it can't be executed.
        let people =
            [Who::Root, Who::User].into_iter().filter(|who| who.lacks().is_none()).collect::<Vec<_>>();
        // Outside of the target directory: that may lie where only root can go.
        let temporary = tempfile::Builder::new()
            .prefix("container-labs-tests-")
            .permissions(Permissions::from_mode(0o755))
            .tempdir()
            .unwrap();
        let home = Home { directory: temporary.path().canonicalize().unwrap() };

        let bin = home.directory.join("bin");
        fs::create_dir(&bin).unwrap();
        for lab in labs::ALL {
            copy_program(&programs().join(lab), &bin.join(lab));
            fs::set_permissions(bin.join(lab), Permissions::from_mode(0o755)).unwrap();
        }
        for who in people {
            let (embedded, pristine) = (grader::rootfs::embedded().unwrap().path, home.pristine(who));
            run("cp", [OsStr::new("-a"), embedded.as_os_str(), pristine.as_os_str()]);
            fault::write(&pristine.join("fault"));
            give(who, &pristine);
            link(&pristine, &home.rootfs(who));
        }
        // Until here a failure removes it.
        let _ = temporary.keep();
        home
    }

    fn rootfs(&self, who: Who) -> PathBuf {
        self.directory.join(format!("rootfs-{who:?}"))
    }

    /// No container runs in it.
    fn pristine(&self, who: Who) -> PathBuf {
        self.directory.join(format!("pristine-{who:?}"))
    }
}

/// Copies a tree: new directories, the same files.
fn link(from: &Path, to: &Path) {
    run("cp", [OsStr::new("-al"), from.as_os_str(), to.as_os_str()]);
}

/// The directory with the labs' programs.
fn programs() -> &'static Path {
    static PROGRAMS: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        if let Some(given) = env::var_os("CONTAINER_LABS_PROGRAMS") {
            return given.into();
        }
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("labs");
        let workspace = Workspace::find().expect("tests run in their package's directory");
        labs::build(&workspace, &labs::ALL, &out).unwrap();
        out
    })
}

/// Makes the person the owner of everything below `path`.
fn give(who: Who, path: &Path) {
    if who == Who::User && geteuid().is_root() {
        run("chown", ["-Rh".as_ref(), format!("{USER}:{USER}").as_ref(), path.as_os_str()]);
    }
}

fn run<'a>(program: &str, words: impl IntoIterator<Item = &'a OsStr>) {
    let status = Command::new(program).args(words).status().unwrap();
    assert!(status.success(), "{program}: {status}");
}
