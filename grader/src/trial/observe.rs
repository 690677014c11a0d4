//! What the host reads of a process, from outside: `/proc/<pid>` (proc(5)).

use crate::decoy::messages::Ready;
use crate::proc::{self, children, field, nspid, numbers};
use attempts::host::{Cpu, Descriptor, Executed, Process};
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::{major, minor};
use nix::sys::statfs::{FsType, PROC_SUPER_MAGIC, fstatfs};
use nix::sys::statvfs::{FsFlags, fstatvfs};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::time::Instant;

/// As much of a file is read: a mount table may have 100,000 lines, each as long as a path.
const MAX_BYTES: u64 = 16 << 20;

/// So many open descriptors are looked at: there may be a million, each with the name of a path.
const MAX_DESCRIPTORS: usize = 4096;

/// Inode of the machine's first PID namespace: `PROC_PID_INIT_INO` in the kernel's include/linux/proc_ns.h.
pub const FIRST_PID_NAMESPACE: u64 = 0xEFFF_FFFC;

/// Who a process is, beside what a witness may read of it.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// Device and inode of the file that it executes.
    pub exe: Option<(u64, u64)>,
    /// The name of that file.
    pub exe_name: String,
    /// Who traces it; 0 is nobody.
    pub tracer: i32,
    /// Its parent.
    pub parent: i32,
}

/// Reads a process's identity.
pub fn identity(pid: Pid) -> Identity {
    let status = proc::read(pid, "status");
    let number = |name| field(&status, name).and_then(|text| text.parse().ok()).unwrap_or(0);
    let exe = fs::metadata(format!("/proc/{pid}/exe")).ok();
    Identity {
        exe: exe.map(|it| (it.dev(), it.ino())),
        exe_name: fs::read_link(format!("/proc/{pid}/exe"))
            .map_or_else(|_| "unknown".into(), |path| path.display().to_string()),
        tracer: number("TracerPid"),
        parent: number("PPid"),
    }
}

/// Whether it has memory, and so is more than a process that waits to be waited for.
pub fn runs(pid: Pid) -> bool {
    let maps = fs::File::open(format!("/proc/{pid}/maps"));
    maps.and_then(|mut maps| maps.read(&mut [0])).is_ok_and(|length| length > 0)
}

/// Reads what a witness may want to know of a process: nothing of one that has ended, or ends meanwhile. Until its parent
/// has waited for it, some of it could still be read, and the rest could not.
pub fn process(pid: Pid, host: &Ready) -> Process {
    let namespaces = namespaces(pid);
    let status = status(pid);
    // Real, effective, saved, and that for files (proc(5)).
    let uid = |at| status.get("Uid")?.split_whitespace().nth(at)?.parse().ok();
    let found = Process {
        nspid: nspid(pid),
        uid: uid(0),
        euid: uid(1),
        // The kernel bounds it: a quarter of the limit of the stack, and 6 MiB (execve(2)).
        environment: fs::read(format!("/proc/{pid}/environ")).ok(),
        status,
        descriptors: descriptors(pid),
        children_user: children(pid).into_iter().filter_map(|child| namespace(child, "user")).collect(),
        personality: fs::read_to_string(format!("/proc/{pid}/personality"))
            .ok()
            .and_then(|text| u64::from_str_radix(text.trim(), 16).ok()),
        executes: None,
        uid_map: read_bounded(format!("/proc/{pid}/uid_map")),
        cpu: Cpu::default(),
        boot_offset: boot_offset(pid),
        mountinfo: mountinfo(pid),
        own_root: has_own_root(pid, host),
        namespaces,
        proc_lists: None,
        companions: Vec::new(),
    };
    if runs(pid) { found } else { Process::default() }
}

/// Its mount table, as it stands in its root directory (proc_pid_mountinfo(5)).
pub fn mountinfo(pid: Pid) -> String {
    read_bounded(format!("/proc/{pid}/mountinfo"))
}

/// The words of its command line; none where they can't be read (proc_pid_cmdline(5)).
pub fn words(pid: Pid) -> Option<Vec<String>> {
    let line = read_bounded(format!("/proc/{pid}/cmdline"));
    let words = line.strip_suffix('\0')?.split('\0').map(str::to_owned);
    Some(words.collect())
}

/// What it executes.
pub fn executed(pid: Pid) -> Option<Executed> {
    // The link leads to the file itself, and by the mount on which the process found it.
    let file = fs::File::open(format!("/proc/{pid}/exe")).ok()?;
    let about = file.metadata().ok()?;
    Some(Executed {
        owner: about.uid(),
        setuid: about.mode() & nix::libc::S_ISUID != 0,
        nosuid: fstatvfs(&file).ok()?.flags().contains(FsFlags::ST_NOSUID),
    })
}

/// How far its clock that counts from the machine's start is set apart (`/proc/<pid>/timens_offsets`, time_namespaces(7)).
/// The file tells of the namespace of its children: none where that is another.
pub fn boot_offset(pid: Pid) -> Option<i64> {
    let offsets = proc::read(pid, "timens_offsets");
    let of_boot = offsets
        .lines()
        .map(str::split_whitespace)
        .find_map(|mut words| (words.next()? == "boottime").then(|| words.next()?.parse().ok()).flatten());
    of_boot.filter(|_| namespace(pid, "time") == namespace(pid, "time_for_children"))
}

/// The lines of its `status` by their names (proc_pid_status(5)).
pub fn status(pid: Pid) -> BTreeMap<String, String> {
    let text = proc::read(pid, "status");
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
}

/// Whether its root directory is another than the decoy host's; none where it can't be read.
pub fn has_own_root(pid: Pid, host: &Ready) -> Option<bool> {
    let root = fs::metadata(format!("/proc/{pid}/root/")).ok()?;
    Some((root.dev(), root.ino()) != host.root)
}

/// What it holds open.
fn descriptors(pid: Pid) -> Vec<Descriptor> {
    let names = numbers(format!("/proc/{pid}/fd"));
    let read = |number: i32| {
        let link = format!("/proc/{pid}/fd/{number}");
        let about = proc::read(pid, &format!("fdinfo/{number}"));
        let flags = field(&about, "flags").and_then(|text| i32::from_str_radix(text, 8).ok())?;
        // The link leads to the file itself, whatever lies at its path.
        let file_system = nix::sys::statfs::statfs(link.as_str()).ok()?.filesystem_type().0;
        Some(Descriptor {
            target: fs::read_link(&link).ok()?.to_string_lossy().into_owned(),
            writes: flags & nix::libc::O_ACCMODE != nix::libc::O_RDONLY,
            file_system: file_system as i64,
            device: fs::metadata(&link)
                .map(|it| format!("{}:{}", major(it.dev()), minor(it.dev())))
                .unwrap_or_default(),
        })
    };
    names.into_iter().take(MAX_DESCRIPTORS).filter_map(read).collect()
}

/// The beginning of a file of `/proc` that a process may lengthen. In names there may be any byte.
fn read_bounded(path: String) -> String {
    let mut bytes = Vec::new();
    let _ = fs::File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What it has had of a CPU so far (`/proc/<pid>/schedstat`; kernels without it say no more than `stat`).
pub fn cpu(pid: Pid) -> Option<Cpu> {
    if let Ok(text) = fs::read_to_string(format!("/proc/{pid}/schedstat")) {
        let nanoseconds: f64 = text.split_whitespace().next()?.parse().ok()?;
        return Some(Cpu { used: nanoseconds / 1e9, passed: 0.0 });
    }
    let stat = proc::read(pid, "stat");
    let ticks = |number| proc::stat_field(&stat, number)?.parse::<f64>().ok();
    let ticks = ticks(14)? + ticks(15)?;
    // The kernel counts them in hundredths for everybody outside (USER_HZ).
    Some(Cpu { used: ticks / 100.0, ..Cpu::default() })
}

/// What it has had since `then`, some moment `begun`.
pub fn cpu_since(pid: Pid, then: Cpu, begun: Instant) -> Option<Cpu> {
    let now = cpu(pid)?;
    let passed = begun.elapsed().as_secs_f64();
    Some(Cpu { used: now.used - then.used, passed })
}

/// All mounts of its mount namespace: a child of ours joins it, and so stands at its root, without a chroot.
pub fn mounts_of_namespace(pid: Pid) -> Option<String> {
    let open = |name: &str| fs::File::open(format!("/proc/{pid}/ns/{name}")).ok();
    let mounts = open("mnt")?;
    let proc = fs::File::open("/proc").ok()?;
    let (reader, writer) = nix::unistd::pipe2(OFlag::O_CLOEXEC).ok()?;
    // SAFETY: this process has one thread.
    match unsafe { nix::unistd::fork() }.ok()? {
        nix::unistd::ForkResult::Child => {
            drop(reader);
            use nix::sched::{CloneFlags, setns};
            // By the user namespace that owns it, or a copy would belong to another one, and its mounts be locked.
            // SAFETY: the call takes no argument, and returns a descriptor, which is ours.
            let owner = unsafe {
                let owner = nix::libc::ioctl(mounts.as_raw_fd(), NS_GET_USERNS);
                (owner >= 0).then(|| OwnedFd::from_raw_fd(owner))
            };
            let _ = owner.map(|owner| setns(&owner, CloneFlags::CLONE_NEWUSER));
            if setns(&mounts, CloneFlags::CLONE_NEWNS).is_ok() {
                let _ = read_all_layers(&proc, &mut fs::File::from(writer));
            }
            // SAFETY: ends this copy of the grader without running what it would run at its exit.
            unsafe { nix::libc::_exit(0) }
        }
        nix::unistd::ForkResult::Parent { child } => {
            drop(writer);
            let mut bytes = Vec::new();
            let read = fs::File::from(reader).read_to_end(&mut bytes);
            let _ = nix::sys::wait::waitpid(child, None);
            read.ok()?;
            // What is missing from a part may be in the rest.
            let whole = !bytes.is_empty() && (bytes.len() as u64) < MAX_BYTES;
            whole.then(|| String::from_utf8_lossy(&bytes).into_owned())
        }
    }
}

/// `NS_GET_USERNS`: include/uapi/linux/nsfs.h.
const NS_GET_USERNS: nix::libc::c_ulong = 0xb701;

/// So many mounts may lie over one another at the root.
const LAYERS: usize = 256;

/// Writes the mount table of the calling process's mount namespace, and again without what lies over its root, until nothing
/// does: whoever takes that away has what lies below. It does so in a copy of the namespace.
fn read_all_layers(proc: &fs::File, out: &mut fs::File) -> Option<()> {
    use nix::mount::{MntFlags, MsFlags, mount, umount2};
    use nix::sched::{CloneFlags, setns, unshare};
    let none = None::<&str>;
    let open = |name: &str| {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        nix::fcntl::openat(proc, name, flags, nix::sys::stat::Mode::empty()).ok().map(fs::File::from)
    };
    unshare(CloneFlags::CLONE_NEWNS).ok()?;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).ok()?;
    for _ in 0..LAYERS {
        std::io::copy(&mut open("self/mountinfo")?.take(MAX_BYTES), out).ok()?;
        let uncovered = umount2("/", MntFlags::MNT_DETACH);
        if uncovered.is_err() || setns(open("self/ns/mnt")?, CloneFlags::CLONE_NEWNS).is_err() {
            break;
        }
    }
    Some(())
}

/// Adds what its `/proc` lists, and which processes share its PID namespace.
pub fn companions(pid: Pid, process: &mut Process) {
    process.proc_lists = proc_lists(pid);
    let Some(ours) = process.namespaces.get("pid") else { return };
    for other in numbers("/proc") {
        let other = Pid::from_raw(other);
        if namespace(other, "pid") == Some(*ours) {
            process.companions.extend(nspid(other).last());
        }
    }
}

/// PID 1 of a process's PID namespace, if that is an ancestor of it or itself.
pub fn pid1_of(pid: Pid) -> Option<Pid> {
    let depth = nspid(pid).len();
    let mut at = pid;
    // A chain of ancestors is not longer than this.
    for _ in 0..64 {
        let numbers = nspid(at);
        if numbers.len() < depth {
            return None;
        }
        if numbers.len() == depth && numbers.last() == Some(&1) {
            return Some(at);
        }
        at = Pid::from_raw(identity(at).parent);
    }
    None
}

/// The inode number of one namespace of a process.
pub fn namespace(pid: Pid, name: &str) -> Option<u64> {
    let link = fs::read_link(format!("/proc/{pid}/ns/{name}")).ok()?;
    link.to_str()?.split(['[', ']']).nth(1)?.parse().ok()
}

fn namespaces(pid: Pid) -> BTreeMap<String, u64> {
    ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), namespace(pid, name)?)))
        .collect()
}

/// What `/proc` lists for a process with this root. Its file tree is the target's: no link in it may lead out.
fn proc_lists(pid: Pid) -> Option<Vec<i32>> {
    let root = nix::fcntl::open(
        format!("/proc/{pid}/root").as_str(),
        OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC,
        nix::sys::stat::Mode::empty(),
    )
    .ok()?;
    let how = OpenHow::new()
        .flags(OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let proc: OwnedFd = openat2(&root, "proc", how).ok()?;
    let kind: FsType = fstatfs(&proc).ok()?.filesystem_type();
    if kind != PROC_SUPER_MAGIC {
        return None;
    }
    let mut directory = nix::dir::Dir::from_fd(proc).ok()?;
    Some(
        directory
            .iter()
            .flatten()
            .filter_map(|entry| entry.file_name().to_str().ok()?.parse().ok())
            .collect(),
    )
}
