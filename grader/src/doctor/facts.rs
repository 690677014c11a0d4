//! What was found on the machine, before anything is made of it.

use crate::decoy::ids::Ids;
use crate::report::DecoyKind;
use nix::errno::Errno;
use std::path::PathBuf;

/// Everything that the examination looks at.
#[derive(Clone, Debug)]
pub struct MachineFacts {
    /// Whether the grader runs as root.
    pub root: bool,
    /// Whether it runs in the initial user namespace: elsewhere root is not the machine's root.
    pub initial: bool,
    /// The path of the running program, as a shell would take it.
    pub program: String,
    /// The kernel's release (uname(2)).
    pub release: String,
    /// What the grader needs of a kernel and did not get.
    pub missing: Vec<(Feature, Errno)>,
    /// The container that the grader itself runs in.
    pub container: Option<Container>,
    /// Whether CAP_SYS_ADMIN can be had at all: it is in the bounding set (capabilities(7)).
    pub sys_admin: bool,
    /// Whether a system-call filter is in force (seccomp(2)).
    pub filtered: bool,
    /// Settings of the kernel.
    pub settings: Settings,
    /// A user namespace with a map, other namespaces in it, and a mount.
    pub user_namespace: Outcome,
    /// A loop device.
    pub loop_device: Outcome,
    /// Following a process with ptrace(2).
    pub ptrace: Outcome,
    /// Control groups.
    pub cgroups: Cgroups,
    /// The ids for a decoy of the user kind, or why there are none.
    pub ids: Result<Ids, String>,
    /// The cache directory, or why there is none.
    pub cache: Result<PathBuf, String>,
    /// Whether temporary files can be made.
    pub temporary: Outcome,
    /// How programs link.
    pub libc: Libc,
    /// The kinds of decoy host that were made; empty where none was tried.
    pub decoys: Vec<(DecoyKind, Stands)>,
}

/// What came of trying something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It works.
    Works,
    /// The kernel refused it.
    Refused {
        /// What was tried, and what the system said.
        why: String,
        /// The error number; `UnknownErrno` where there was none.
        errno: Errno,
    },
    /// It was not tried, since this stands in the way.
    NotTried(&'static str),
}

/// Something that not every kernel has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feature {
    /// Its name.
    pub name: &'static str,
    /// The first kernel that has it.
    pub since: (u32, u32),
    /// What can't be done without.
    pub costs: &'static str,
}

/// A container around the grader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// The program that made it: `docker`, `podman`, or another name.
    pub engine: String,
    /// The name that the engine knows it by, where the host name tells it.
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
    /// Those of `memory` and `pids` that no hierarchy has.
    pub lacking: Vec<&'static str>,
    /// Whether a group with limits can be made.
    pub group: Outcome,
    /// Whether systemd manages this person's own units, and so can delegate a group.
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

/// How a kind of decoy host fared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stands {
    /// It stands.
    Works {
        /// The number of attempts that land on it, as they must where nothing stops them.
        landed: usize,
        /// The attempts that don't, each with its reason.
        not: Vec<(String, String)>,
    },
    /// It can't be made, or nothing lands on it.
    Fails(String),
}

impl MachineFacts {
    /// Whether a decoy host of some kind works.
    pub fn works(&self) -> bool {
        self.decoys.iter().any(|(_, stands)| matches!(stands, Stands::Works { .. }))
    }
}
