//! What the decoy's PID 1 does: it makes its host, and then serves the grader. It is a copy of a worker and never executes
//! a program.
//!
//! Nothing in the decoy has it in hand. It is not dumpable, so nobody can trace it or read its memory. Where the decoy
//! has ids of its own, its real and its saved uid are none that its user namespace maps: a process is moved to another
//! v1 control group by somebody of the same uid only (cgroups(7)). Its effective uid, by
//! which what it makes gets its owner, is the decoy's root. It has no privilege outside.
//!
//! # Layout
//! - [`serve`]: what it does once its host stands.

mod serve;

use super::changes::TreeState;
use super::ids::Ids;
use super::messages::{FromPid1, Ready, ToPid1};
use super::secrets::Secrets;
use super::services::Services;
use super::{Plan, layout, start, tree, user_root, victim};
use crate::beneath::Directory;
use crate::channel::Channel;
use crate::report::DecoyKind;
use crate::this_process::{close_all_but, rename_process};
use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::libc;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::signal::Signal;
use nix::unistd::{
    Gid, Pid, Uid, chdir, fchdir, pivot_root, setgroups, sethostname, setresgid, setresuid, setsid,
};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

const NONE: Option<&str> = None;

/// PID 1, from its clone(2) to its end.
pub fn main(channel: &Channel, plan: &Plan, secrets: &Secrets, ids: &Ids) -> isize {
    match make(channel, plan, secrets, ids) {
        Ok(made) => serve::serve(channel, secrets, made).is_err().into(),
        Err(error) => {
            let _ = channel.send(&FromPid1::failed(&error), &[]);
            1
        }
    }
}

fn make(channel: &Channel, plan: &Plan, secrets: &Secrets, ids: &Ids) -> Result<(Services, Pid, TreeState)> {
    close_all_but(channel.descriptor());
    // Also while it is made. What follows resets it; then it is set again.
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).context("PR_SET_PDEATHSIG")?;
    rename_process("init")?;
    // Out of memory: rather this host than the grader. Its file system is in memory and goes with it.
    let _ = fs::write("/proc/self/oom_score_adj", "500");
    setsid().context("setsid(2)")?;
    let Some((ToPid1::Begin, _)) = channel.receive()? else { bail!("the grader is gone") };
    own_time(secrets.boot_offset);
    if plan.kind == DecoyKind::User {
        take_ids(ids)?;
    }
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE).context("making / private")?;
    own_root(plan)?;
    volumes(secrets)?;
    other_names()?;
    // Shared within, so that a container which forgets private propagation is caught.
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_SHARED, NONE).context("making / shared")?;
    sethostname(secrets.at("hostname")).context("sethostname(2)")?;
    loopback_up().context("bringing lo up")?;
    let services = Services::start(secrets)?;
    let victim = victim::start(secrets).context("the victim")?;
    // The last change of ids is done: it would have reset both.
    nix::sys::prctl::set_dumpable(false).context("PR_SET_DUMPABLE")?;
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).context("PR_SET_PDEATHSIG")?;

    let root = fs::metadata("/")?;
    let programs = plan.files.iter().map(|(_, there)| there.clone()).collect();
    let first = TreeState::now(&services, victim, programs)?;
    let ready = Ready {
        namespaces: namespaces()?,
        root: (root.dev(), root.ino()),
        first: serve::snapshot(&services, &first, false, (victim, None))?,
        victim: victim.as_raw(),
    };
    channel.send(&FromPid1::Ready(Box::new(ready)), &[])?;
    Ok((services, victim, first))
}

/// A boot-time clock that no other host has. Kernels before 5.6 have no time namespace: there it is the
/// machine's.
fn own_time(offset: i64) {
    let new_time = CloneFlags::from_bits_retain(libc::CLONE_NEWTIME);
    if unshare(new_time).is_ok() {
        let _ = fs::write("/proc/self/timens_offsets", format!("boottime {offset} 0"));
        if let Ok(ours) = File::open("/proc/self/ns/time_for_children") {
            let _ = setns(ours, new_time);
        }
    }
}

fn take_ids(ids: &Ids) -> Result<()> {
    if ids.count == 1 {
        return start::become_root();
    }
    let (uid, gid) = (Uid::from_raw(0), Gid::from_raw(0));
    setgroups(&[gid]).context("setgroups(2)")?;
    setresgid(gid, gid, gid).context("setresgid(2)")?;
    // -1 leaves an id as it is (setresuid(2)).
    let same = Uid::from_raw(libc::uid_t::MAX);
    setresuid(same, uid, same).context("setresuid(2)")
}

/// A root of its own: the working directory. The mounts are private by now, so that nothing reaches the real host.
fn own_root(plan: &Plan) -> Result<()> {
    enter_a_copy()?;
    if plan.kind == DecoyKind::User {
        user_root::bind_machine()?;
    }
    let careful = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    // Before the machine's own are gone: in a user namespace a new one may show no more than they do.
    mount(Some("proc"), "proc", Some("proc"), careful, NONE).context("mounting /proc")?;
    if mount(Some("sysfs"), "sys", Some("sysfs"), careful, NONE).is_err() {
        mount(Some("/sys"), "sys", NONE, MsFlags::MS_BIND | MsFlags::MS_REC, NONE)
            .context("mounting /sys")?;
    }
    plan.groups.show(Path::new("sys/fs/cgroup"));
    let terminals = Some("newinstance,ptmxmode=0666,mode=0620");
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    mount(Some("devpts"), "dev/pts", Some("devpts"), flags, terminals).context("mounting /dev/pts")?;
    if plan.kind == DecoyKind::User {
        return user_root::enter();
    }
    pivot_root(".", ".").context("pivot_root(2)")?;
    umount2(".", MntFlags::MNT_DETACH).context("detaching the machine's tree")?;
    chdir("/").context("chdir(2)")
}

/// Binds the working directory to itself, with all that is mounted below, and enters what is now on top of it. What was
/// mounted outside of this user namespace is locked in place (mount_namespaces(7)); a bind of all of it is not. No path
/// leads there: the directory for temporary files may lie in a home where the decoy's root may not go.
fn enter_a_copy() -> Result<()> {
    let here = libc::AT_FDCWD;
    let clone = libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC | libc::AT_RECURSIVE as libc::c_uint;
    // SAFETY: the paths end in NUL; the first call returns a descriptor, which we own.
    let copy = unsafe {
        let fd = Errno::result(libc::syscall(libc::SYS_open_tree, here, c".".as_ptr(), clone))
            .context("copying the mounts of the decoy's root")?;
        let copy = OwnedFd::from_raw_fd(fd as RawFd);
        let (fd, none, flags) = (copy.as_raw_fd(), c"".as_ptr(), libc::MOVE_MOUNT_F_EMPTY_PATH);
        Errno::result(libc::syscall(libc::SYS_move_mount, fd, none, here, c".".as_ptr(), flags))
            .context("binding the decoy's root")?;
        copy
    };
    fchdir(&copy).context("the decoy's root")
}

/// A mount of the host's, and a volume of the container's below the rootfs. Each has a random word for its
/// source; the volume has a set-user-ID program.
fn volumes(secrets: &Secrets) -> Result<()> {
    let root = Directory::open(Path::new("/"))?;
    let rootfs = root.below(layout::ROOTFS)?;
    // `data` may have come with the rootfs, as a link.
    for (word, at, name) in [("host-mount", &root, "mnt"), ("volume", &rootfs, "data")] {
        let place = match tree::place(at, name)? {
            Some(found) => found,
            None => at.make(name, 0o755).with_context(|| format!("mkdir {name}"))?,
        };
        let options = Some("mode=755,size=16m");
        mount(Some(secrets.at(word)), &place.path(), Some("tmpfs"), MsFlags::empty(), options)
            .with_context(|| format!("mounting {name}"))?;
    }
    let name = format!("setuid-{}", secrets.name);
    let mut program = rootfs.in_root("data")?.create(&name, 0o4755)?;
    std::io::copy(&mut rootfs.read(&name)?, &mut program)?;
    // write(2) takes the set-user-ID bit off.
    program.set_permissions(fs::Permissions::from_mode(0o4755))?;
    Ok(())
}

/// The rootfs once more, on a read-only file system, and under names with a space and without.
fn other_names() -> Result<()> {
    let root = Directory::open(Path::new("/"))?;
    let (place, rootfs) = (root.make(layout::READ_ONLY, 0o755)?, root.below(layout::ROOTFS)?);
    mount(Some(&rootfs.path()), &place.path(), NONE, MsFlags::MS_BIND, NONE).context("binding the rootfs")?;
    tree::set_attributes(&root.below(layout::READ_ONLY)?, libc::MOUNT_ATTR_RDONLY)
        .context("making it read-only")?;
    let links =
        [(layout::READ_ONLY_WITHOUT_SPACE, layout::READ_ONLY), (layout::ROOTFS_WITH_SPACE, layout::ROOTFS)];
    for (name, of) in links {
        root.link(name, of)?;
    }
    Ok(())
}

fn loopback_up() -> Result<()> {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    // SAFETY: an ifreq of zeros is valid; the call reads one.
    let answer = unsafe {
        let mut lo: libc::ifreq = std::mem::zeroed();
        lo.ifr_name[..2].copy_from_slice(&[b'l' as libc::c_char, b'o' as libc::c_char]);
        lo.ifr_ifru.ifru_flags = libc::IFF_UP as libc::c_short;
        libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &lo)
    };
    Errno::result(answer)?;
    Ok(())
}

fn namespaces() -> Result<BTreeMap<String, u64>> {
    let mut found = BTreeMap::new();
    // The directory can't be listed by a process that is not dumpable.
    for name in ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"] {
        let Ok(link) = fs::read_link(format!("/proc/self/ns/{name}")) else { continue };
        let inode = link.to_str().and_then(|text| text.split(['[', ']']).nth(1)?.parse().ok());
        found.insert(name.to_owned(), inode.context("reading /proc/self/ns")?);
    }
    Ok(found)
}
