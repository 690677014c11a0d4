//! Examines the machine. Everything that can be tried is tried, in a child, and removed afterwards.

use super::child::{in_child, outcome, user_namespace};
use super::facts::{Cgroups, Container, Flavour, Libc, MachineFacts, Settings, Tried};
use super::features;
use crate::cache_dir;
use crate::decoy::delegated;
use crate::decoy::disk::Disk;
use crate::decoy::groups::Groups;
use crate::decoy::ids::Lease;
use crate::interrupts::as_by_default;
use crate::proc;
use crate::runner::keeper::Keeper;
use crate::runner::keeper::record::Record;
use crate::this_process::own_mount_namespace;
use anyhow::{Context, Result, bail};
use nix::mount::{MsFlags, mount};
use nix::sys::utsname::uname;
use nix::unistd::{geteuid, gethostname};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Examines everything except the decoy hosts. The calling process must have one thread.
pub fn facts() -> MachineFacts {
    let status = proc::read("self", "status");
    let bounding =
        proc::field(&status, "CapBnd").and_then(|hex| u64::from_str_radix(hex, 16).ok()).unwrap_or_default();
    let (user_namespace, ptrace) = user_namespace();
    let (temporary, loop_device, cgroups) = with_keeper();
    MachineFacts {
        root: geteuid().is_root(),
        initial: proc::read("self", "uid_map").split_whitespace().eq(["0", "0", "4294967295"]),
        program: program(),
        release: uname().map(|it| it.release().to_string_lossy().into_owned()).unwrap_or_default(),
        missing: features::ALL.iter().filter_map(|it| Some((it, (it.probe)().err()?))).collect(),
        container: container(),
        // CAP_SYS_ADMIN in include/uapi/linux/capability.h.
        sys_admin: bounding & 1 << 21 != 0,
        filtered: proc::field(&status, "Seccomp") == Some("2"),
        settings: settings(),
        user_namespace,
        loop_device,
        ptrace,
        cgroups,
        ids: Lease::take(crate::report::DecoyKind::User)
            .map(|lease| lease.ids)
            .map_err(|error| format!("{error:#}")),
        cache: cache_dir::cache().map_err(|error| format!("{error:#}")),
        temporary,
        libc: libc_here(),
        decoys: Vec::new(),
    }
}

/// The running program, quoted for a shell: the commands that are printed must be ready to be pasted.
pub fn program() -> String {
    let path = std::env::current_exe().unwrap_or_else(|_| "grader".into());
    shell_words::quote(&path.to_string_lossy()).into_owned()
}

fn settings() -> Settings {
    let read = |name: &str| fs::read_to_string(format!("/proc/sys/{name}")).ok()?.trim().parse().ok();
    Settings {
        max_user_namespaces: read("user/max_user_namespaces"),
        unprivileged_userns_clone: read("kernel/unprivileged_userns_clone"),
        apparmor_restrict: read("kernel/apparmor_restrict_unprivileged_userns"),
        ptrace_scope: read("kernel/yama/ptrace_scope"),
        legacy_tiocsti: read("dev/tty/legacy_tiocsti"),
    }
}

/// The container around the grader, detected by the files that engines leave.
fn container() -> Option<Container> {
    let engine = if Path::new("/.dockerenv").exists() {
        "docker".to_owned()
    } else if Path::new("/run/.containerenv").exists() {
        "podman".to_owned()
    } else {
        // systemd.io/CONTAINER_INTERFACE
        let noted = fs::read_to_string("/run/systemd/container").ok();
        noted.or_else(|| std::env::var("container").ok()).filter(|name| !name.trim().is_empty())?
    };
    let name = gethostname().ok()?.to_string_lossy().into_owned();
    let is_id = name.len() == 12 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    Some(Container { engine: engine.trim().to_owned(), id: is_id.then_some(name) })
}

/// Tries what would survive a killed grader: with a keeper, which would remove it.
fn with_keeper() -> (Tried, Tried, Cgroups) {
    delegated::enter();
    match Keeper::start() {
        Ok(mut keeper) => (Tried::Works, loop_device(&keeper.directory), cgroups(&mut keeper)),
        Err(error) => {
            let why = Tried::NotTried("not without temporary files");
            let (mounts, own) = groups_of_process();
            (outcome(Err(error)), why.clone(), hierarchies(&mounts, &own, why))
        }
    }
}

/// Attaches a loop device as for a decoy's disk.
fn loop_device(scratch: &Path) -> Tried {
    if !geteuid().is_root() {
        return Tried::NotTried("only root can make one");
    }
    in_child(|| {
        own_mount_namespace()?;
        // The directory may be on a file system mounted with `nodev`.
        mount(Some("doctor"), scratch, Some("tmpfs"), MsFlags::empty(), Some("mode=700,size=1m"))
            .context("mounting a tmpfs")?;
        Disk::make(scratch).map(drop)
    })
}

fn groups_of_process() -> (String, String) {
    (proc::read("self", "mountinfo"), proc::read("self", "cgroup"))
}

/// Which control groups exist, and whether one can be made where workers make theirs.
fn cgroups(keeper: &mut Keeper) -> Cgroups {
    let (mounts, own) = groups_of_process();
    let groups = Groups::plan(&format!("{}-doctor", keeper.name()));
    let group = if geteuid().is_root() || !groups.list.is_empty() {
        outcome(try_groups(&groups, keeper))
    } else {
        Tried::NotTried("only root, or a user with a delegated group, can make one")
    };
    hierarchies(&mounts, &own, group)
}

fn try_groups(groups: &Groups, keeper: &mut Keeper) -> Result<()> {
    if groups.list.is_empty() {
        bail!("no hierarchy has the controllers memory and pids enabled for its groups");
    }
    for path in groups.list.iter().map(|group| &group.path) {
        keeper.tell(&Record::ControlGroup(path.clone()))?;
        fs::create_dir(path).with_context(|| format!("mkdir {}", path.display()))?;
        fs::remove_dir(path).with_context(|| format!("rmdir {}", path.display()))?;
    }
    Ok(())
}

/// Parses mountinfo and the process's own groups. A controller that is in a v1 hierarchy is in no v2 one.
fn hierarchies(mounts: &str, own: &str, group: Tried) -> Cgroups {
    let of_type = |kind| proc::mounts(mounts).find(|mount| mount.kind == kind);
    let unified = of_type("cgroup2").map(|mount| PathBuf::from(mount.point));
    let flavour = match (of_type("cgroup"), &unified) {
        (None, None) => Flavour::Absent,
        (None, Some(_)) => Flavour::V2,
        (Some(_), None) => Flavour::V1,
        (Some(_), Some(_)) => Flavour::Hybrid,
    };
    let in_v2 = unified.as_deref().map(|top| fs::read_to_string(top.join("cgroup.controllers")));
    let in_v2 = in_v2.and_then(|read| read.ok()).unwrap_or_default();
    let has = |name: &str| {
        let in_v1 = |(names, _): (&str, &str)| names.split(',').any(|it| it == name);
        proc::control_groups(own).any(in_v1) || in_v2.split_whitespace().any(|it| it == name)
    };
    let lacking = ["memory", "pids"].into_iter().filter(|name| !has(name)).collect();
    Cgroups { flavour, unified, lacking, group, user_manager: has_user_manager() }
}

/// Whether a systemd user manager runs: it can delegate a group (systemd-run(1), `--user`).
fn has_user_manager() -> bool {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    runtime.is_some_and(|directory| directory.join("systemd/private").exists())
}

/// Asks the C compiler that rustc links with for the path of its static C library. Without one it prints the name back.
fn libc_here() -> Libc {
    let mut cc = Command::new("cc");
    as_by_default(&mut cc);
    match cc.arg("-print-file-name=libc.a").stdin(Stdio::null()).output() {
        Ok(answer) if answer.status.success() => {
            let path = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
            if Path::new(&path).is_absolute() { Libc::Static } else { Libc::Dynamic }
        }
        _ => Libc::NoCompiler,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const MEMORY: &str = "35 31 0:32 / /c/memory rw,relatime - cgroup cgroup rw,memory\n";
    const UNIFIED: &str = "41 31 0:38 / /c/unified rw,relatime - cgroup2 cgroup2 rw\n";

    #[rstest]
    #[case("", "", Flavour::Absent, &["memory", "pids"])]
    #[case(MEMORY, "4:memory:/a\n", Flavour::V1, &["pids"])]
    #[case(UNIFIED, "0::/\n", Flavour::V2, &["memory", "pids"])]
    #[case(&[MEMORY, UNIFIED].concat(), "4:memory:/\n8:pids:/\n0::/\n", Flavour::Hybrid, &[])]
    fn hierarchies_are_told_apart(
        #[case] mounts: &str,
        #[case] own: &str,
        #[case] flavour: Flavour,
        #[case] lacking: &[&str],
    ) {
        let found = hierarchies(mounts, own, Tried::Works);
        assert_eq!((found.flavour, &found.lacking[..]), (flavour, lacking));
    }
}
