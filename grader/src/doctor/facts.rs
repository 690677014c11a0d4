//! The results of the examination, without any conclusion.

use crate::decoy::ids::Ids;
use crate::report::DecoyKind;
use nix::errno::Errno;
use std::path::PathBuf;

/// All results.
#[derive(Clone, Debug)]
pub struct MachineFacts {
    /// Whether the grader runs as root.
    pub root: bool,
    /// Whether it runs in the initial user namespace: elsewhere root is not the machine's root.
    pub initial: bool,
    /// The path of the running program, quoted for a shell.
    pub program: String,
    /// The kernel's release (uname(2)).
    pub release: String,
    /// Features that are missing or refused, and what the kernel said.
    pub missing: Vec<(&'static Feature, Errno)>,
    /// The container that the grader itself runs in.
    pub container: Option<Container>,
    /// Whether CAP_SYS_ADMIN is in the bounding set (capabilities(7)); otherwise it can't be gained.
    pub sys_admin: bool,
    /// Whether a system-call filter is in force (seccomp(2)).
    pub filtered: bool,
    /// Kernel settings.
    pub settings: Settings,
    /// A user namespace with a map, other namespaces in it, and a mount.
    pub user_namespace: Tried,
    /// A loop device.
    pub loop_device: Tried,
    /// Tracing a process with ptrace(2).
    pub ptrace: Tried,
    /// Control groups.
    pub cgroups: Cgroups,
    /// The ids for a decoy of the user kind, or why there are none.
    pub ids: Result<Ids, String>,
    /// The cache directory, or why there is none.
    pub cache: Result<PathBuf, String>,
    /// Whether temporary files can be made.
    pub temporary: Tried,
    /// How programs link.
    pub libc: Libc,
    /// The decoy hosts that were made, by kind; empty where none was tried.
    pub decoys: Vec<(DecoyKind, Stands)>,
}

/// The result of trying something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    /// It works.
    Works,
    /// The kernel refused it.
    Refused {
        /// What was tried, and the system's message.
        why: String,
        /// The error number; `UnknownErrno` where there was none.
        errno: Errno,
    },
    /// It was not tried, for this reason.
    NotTried(&'static str),
}

/// A feature of the kernel.
#[derive(Debug)]
pub struct Feature {
    /// Its name.
    pub name: &'static str,
    /// The first kernel that has it; None: no kernel has it in every place.
    pub since: Option<(u32, u32)>,
    /// What it is used for.
    pub used_for: &'static str,
    /// What comes of it in a lab that is without it, in the words of that lab; None: no lab uses it.
    pub in_a_lab: Option<&'static str>,
    /// What can't be judged without it.
    pub without: &'static str,
    /// Whether everything can be judged without it.
    pub judged: bool,
    /// Asks for it, in a form that changes nothing: ENOSYS or EINVAL where it is missing, another error where it is refused.
    pub probe: fn() -> nix::Result<()>,
}

/// A container around the grader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// The program that made it: `docker`, `podman`, or another name.
    pub engine: String,
    /// The engine's name for it, where the host name shows it.
    pub id: Option<String>,
}

/// Kernel settings; None where the kernel has no such setting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// `user.max_user_namespaces` (namespaces(7)).
    pub max_user_namespaces: Option<u64>,
    /// `kernel.unprivileged_userns_clone`: a patch of Debian's.
    pub unprivileged_userns_clone: Option<u64>,
    /// `kernel.apparmor_restrict_unprivileged_userns`: Ubuntu since 23.10, and upstream AppArmor.
    pub apparmor_restrict: Option<u64>,
    /// `kernel.yama.ptrace_scope` (ptrace(2)).
    pub ptrace_scope: Option<u64>,
    /// `dev.tty.legacy_tiocsti` (Linux 6.2).
    pub legacy_tiocsti: Option<u64>,
}

/// Control groups on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroups {
    /// Which hierarchies are mounted.
    pub flavour: Flavour,
    /// Where the second version is mounted.
    pub unified: Option<PathBuf>,
    /// Which of `memory` and `pids` no hierarchy has.
    pub lacking: Vec<&'static str>,
    /// Whether a group with limits can be made.
    pub group: Tried,
    /// Whether a systemd user manager runs, which can delegate a group.
    pub user_manager: bool,
}

/// Which versions of control groups are mounted (cgroups(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// No hierarchy.
    Absent,
    /// A hierarchy for each controller.
    V1,
    /// One hierarchy for all.
    V2,
    /// Both: the controllers are in the first.
    Hybrid,
}

/// How programs can be linked with the C library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Libc {
    /// `libc.a` is there: labs link statically.
    Static,
    /// It isn't: labs link dynamically.
    Dynamic,
    /// There is no C compiler, which rustc links with.
    NoCompiler,
}

/// The result for a kind of decoy host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stands {
    /// It works.
    Works {
        /// The number of attempts that succeed on it, as they must where nothing stops them.
        landed: usize,
        /// The attempts that fail, each with its reason.
        not: Vec<(String, String)>,
    },
    /// It can't be made, or no attempt succeeds on it.
    Fails(String),
}

impl MachineFacts {
    /// Whether a decoy host of some kind works.
    pub fn works(&self) -> bool {
        self.decoys.iter().any(|(_, stands)| matches!(stands, Stands::Works { .. }))
    }
}
