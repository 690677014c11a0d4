//! Which errno refuses, and which is an accident. A call that failed has been refused only if the host finds in the
//! kernel what refuses: another namespace, another root, a flag of the mount, a missing capability, a filter.

use crate::host::{GroupFacts, Host, Process};
use crate::rules::Rule;
use nix::errno::Errno;

/// What an attempt's decisive calls are about: their class. It says which errnos can refuse, and what the host must find
/// then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Permission alone refuses: EPERM, EACCES, or ENOSYS of a filter.
    Permission,
    /// A file of the host: another root has no such file; a mount is read-only.
    File,
    /// A device node: the mount has `nodev`, or `/dev` is another mount.
    Node,
    /// A file of the kernel that may be masked: what was opened is another file, or it is read-only.
    Mask,
    /// A process: in another PID namespace there is none of that number.
    Process,
    /// A mount: in another mount namespace it is no mount of the host's.
    Mount,
    /// The end of a mount: in another mount namespace the host keeps it, or it is locked there.
    Unmount,
    /// A way out of the root directory: it leads where the attacker has been.
    Root,
    /// A name or a clock of the host: another UTS namespace has its own.
    HostName,
    /// An object of IPC: another IPC namespace has none of that key or name.
    Ipc,
    /// A socket: its kind is filtered, or it is one of another network namespace.
    Socket,
    /// A connection: nobody listens there in another network namespace.
    Connection,
    /// A user namespace: the limit of an own one is reached.
    UserNamespace,
    /// A control group: in another cgroup namespace no hierarchy begins above the container's own.
    Group,
    /// Processes in numbers: the container's group has no room for more.
    Processes,
    /// Memory in amounts: the container's group has none left.
    Memory,
    /// A key: the session keyring is another.
    Key,
    /// A terminal: the attacker has none of the host's, or its session has not.
    Terminal,
    /// A set-user-ID program: it ran, and gave nothing.
    SetUserId,
    /// A file by its handle: the file system or mount is not the host's.
    Handle,
}

/// Errnos of accidents, whatever the call: something ran out, was in the way, was asked for wrongly, or came too early.
#[rustfmt::skip]
const NEVER: &[Errno] = &[
    Errno::EMFILE, Errno::ENFILE, Errno::ENOMEM, Errno::ENOBUFS, Errno::EAGAIN, Errno::EINTR, Errno::EIO, Errno::EFAULT,
    Errno::EBADF, Errno::EBUSY, Errno::EDQUOT, Errno::EFBIG, Errno::EEXIST, Errno::ENAMETOOLONG, Errno::ENOTDIR,
    Errno::EISDIR, Errno::ELOOP, Errno::ETXTBSY, Errno::ENOTEMPTY, Errno::ETIMEDOUT, Errno::EINPROGRESS,
    Errno::ECONNRESET, Errno::ECHILD, Errno::EDEADLK, Errno::ESTALE, Errno::ETOOMANYREFS, Errno::EKEYEXPIRED,
    Errno::EKEYREVOKED, Errno::ENOSPC,
];

/// Nobody listens at an address, or there is no way to it.
#[rustfmt::skip]
const NOBODY_LISTENS: &[Errno] =
    &[Errno::ECONNREFUSED, Errno::ENETUNREACH, Errno::EHOSTUNREACH, Errno::ENETDOWN, Errno::EADDRNOTAVAIL];

/// include/uapi/linux/capability.h
const CAP_SETUID: u32 = 7;

impl Refusal {
    /// What refused a call with this errno, in words.
    ///
    /// # Errors
    /// The host finds nothing that would refuse it: why the errno counts for nothing.
    pub fn explain(self, errno: Errno, host: &Host) -> Result<String, String> {
        let me = &host.attacker;
        let spoiled = |place: &str| host.spoiled.iter().any(|it| it == place);
        // What is left out of a copy of the tree is confined, but what was taken from the host's own is not.
        if spoiled("canary") || spoiled("node") && (self, errno) == (Refusal::Node, Errno::ENOENT) {
            return Err("what was at stake had been removed or changed on the host".into());
        }
        if let Some(why) = &host.unfit {
            return Err(why.clone());
        }
        match errno {
            // Whoever has memory writes to it without a call: no permission can refuse it.
            Errno::EPERM | Errno::EACCES if self == Refusal::Memory => {}
            Errno::EPERM | Errno::EACCES => return Ok("permission denied".into()),
            Errno::ENOSYS if me.is_filtered() => return Ok("a system-call filter is in force".into()),
            _ => {}
        }
        if !host.rules.holds(Rule::Errno) {
            return Ok("it was refused".into());
        }
        if let Some(found) = self.elsewhere(errno, host).or_else(|| self.denied(errno, host)) {
            return Ok(found.to_owned());
        }
        match NEVER.contains(&errno) {
            true => Err(format!("{errno} is an accident, not a refusal")),
            false => Err(format!("the host finds nothing in the kernel that refuses with {errno}")),
        }
    }

    /// Where the attacker is that what it asked for is not there.
    fn elsewhere(self, errno: Errno, host: &Host) -> Option<&'static str> {
        let apart = |namespace| host.shares(namespace) == Some(false);
        // Who exchanges the root of the host's own mount namespace has left the host without its tree.
        let own_root = host.attacker.own_root == Some(true) && (apart("mnt") || host.has_its_root());
        match (self, errno) {
            (Refusal::File | Refusal::Node | Refusal::Root, Errno::ENOENT) if own_root => {
                Some("its root directory is not the host's")
            }
            (Refusal::SetUserId, Errno::ENOENT) if own_root => Some("the file is not in its tree"),
            (Refusal::Handle, Errno::ESTALE | Errno::ENOENT) if own_root => {
                Some("its file system is not the host's")
            }
            (Refusal::Process, Errno::ESRCH | Errno::ENOENT) if apart("pid") => {
                Some("it is in a PID namespace of its own, which has no such process")
            }
            (Refusal::Unmount, Errno::EINVAL) if apart("mnt") && apart("user") => {
                Some("the mount is locked: it belongs to another user namespace (mount_namespaces(7))")
            }
            (Refusal::Unmount, Errno::EINVAL) if apart("mnt") && host.keeps_volume_from(&host.attacker) => {
                Some("the volume is not in its file tree, and what it mounts there stays there")
            }
            (Refusal::Ipc, Errno::ENOENT) if apart("ipc") => {
                Some("it is in an IPC namespace of its own, which has no such object")
            }
            (Refusal::Connection, errno) if NOBODY_LISTENS.contains(&errno) && apart("net") => {
                Some("it is in a network namespace of its own, where nobody listens")
            }
            (Refusal::Group, Errno::ENOENT) if apart("cgroup") => {
                Some("it is in a cgroup namespace of its own, where hierarchies begin with its own group")
            }
            (Refusal::Key, Errno::ENOKEY) if host.has_other_keyring() => {
                Some("its session keyring is not the host's")
            }
            _ => None,
        }
    }

    /// What it is denied where it is.
    fn denied(self, errno: Errno, host: &Host) -> Option<&'static str> {
        let rose = |figure: fn(&GroupFacts) -> Option<u64>| figure(&host.group.1) > figure(&host.group.0);
        match (self, errno) {
            (Refusal::File | Refusal::Node, Errno::EROFS) => Some("the mount is read-only"),
            (Refusal::Mask | Refusal::HostName, Errno::EROFS) if host.handles.read_only == Some(true) => {
                Some("the mount is read-only")
            }
            (Refusal::Socket | Refusal::Connection, Errno::EAFNOSUPPORT | Errno::EPROTONOSUPPORT)
                if host.attacker.is_filtered() =>
            {
                Some("a system-call filter is in force")
            }
            (Refusal::UserNamespace, Errno::ENOSPC | Errno::EUSERS) if host.shares("user") == Some(false) => {
                Some("it is in a user namespace of its own, which allows no further one")
            }
            (Refusal::Processes, Errno::EAGAIN) if rose(|group| group.forks_refused) => {
                Some("the container's control group has no room for more")
            }
            (Refusal::Memory, Errno::ENOMEM) if rose(|group| group.memory_refused) => {
                Some("the container's control group has no memory left")
            }
            (Refusal::Terminal, Errno::ENOTTY) if host.terminal.held == Some(false) => {
                Some("none of its descriptors is the caller's terminal")
            }
            (Refusal::Terminal, Errno::ENOTTY) if host.terminal.in_session == Some(false) => {
                Some("it is not in the session of the caller's terminal")
            }
            _ => None,
        }
    }

    /// What confined a call that succeeded, in words: its effect lies in a namespace that is not the host's.
    ///
    /// # Errors
    /// The host finds nothing that would confine it.
    pub fn explain_success(self, host: &Host) -> Result<String, String> {
        let me = &host.attacker;
        if let Some(why) = &host.unfit {
            return Err(why.clone());
        }
        if !host.rules.holds(Rule::Success) {
            return Ok("the host saw no effect".into());
        }
        if self == Refusal::Mask {
            return match host.handles.file_system.is_some() && !host.handles.is_of_the_kernel() {
                true => Ok("another file lies over it".into()),
                false => Err("it opened the kernel's own file, and the host saw no effect".into()),
            };
        }
        let (namespace, word) = match self {
            Refusal::Mount | Refusal::Unmount => ("mnt", "mount"),
            Refusal::HostName => ("uts", "UTS"),
            Refusal::Ipc => ("ipc", "IPC"),
            Refusal::Socket | Refusal::Connection => ("net", "network"),
            Refusal::Process => ("pid", "PID"),
            Refusal::SetUserId => return gains_nothing(host).map(str::to_owned),
            Refusal::Terminal if host.terminal.held == Some(false) => {
                return Ok("none of its descriptors is the caller's terminal".into());
            }
            _ => {
                return Err(
                    "the call succeeded, and the host saw neither its effect nor what confines it".into()
                );
            }
        };
        // A filter can let a call return 0 that was never made (SECCOMP_RET_ERRNO, seccomp(2)).
        if self == Refusal::Mount && !me.mountinfo.contains(&host.mark) {
            return Err("the call succeeded, and the host finds no mount of the attacker's".into());
        }
        if self == Refusal::Unmount && me.mountinfo.contains(host.secret("volume")) {
            return Err("the call succeeded, and the attacker has the mount as before".into());
        }
        match host.shares(namespace) {
            Some(false) => Ok(format!("the attacker is in a {word} namespace of its own")),
            _ => {
                Err(format!("the call succeeded in the host's {word} namespace, and the host saw no effect"))
            }
        }
    }
}

/// Why a set-user-ID program ran and gave nothing.
fn gains_nothing(host: &Host) -> Result<&'static str, String> {
    let me = &host.attacker;
    let Some(file) = me.executes else {
        return Err("the program ran, and the host could not look at its file".into());
    };
    if !file.setuid || file.owner != host.root_uid {
        // The host's own is whole: this is another one.
        return Ok("the file in its tree is a copy, and no set-user-ID file of root's");
    }
    if file.nosuid {
        return Ok("the program ran, and the bit was ignored: its mount has nosuid");
    }
    if me.status.get("NoNewPrivs").is_some_and(|set| set == "1") {
        return Ok("the program ran, and the bit was ignored: the process has no_new_privs");
    }
    if host.shares("user") == Some(false) {
        if !me.maps(host.root_uid) {
            return Ok("the program ran, and the bit was ignored: its user namespace has no such user");
        }
        if me.users() == 1 {
            return Ok("its user namespace has one user only: there is nobody else to become");
        }
    }
    if me.can_never_become_another() {
        return Ok("nobody in it can become another user than root: it has no CAP_SETUID");
    }
    match me.uid == Some(host.root_uid) {
        true => Err("the attacker could not become another user, and remained root".into()),
        false => {
            Err("the program ran without a gain, and the host finds nothing that ignores the bit".into())
        }
    }
}

impl Process {
    /// The ranges of its user namespace's users: the first one, as the host counts, and how many.
    fn ranges(&self) -> impl Iterator<Item = (u32, u32)> {
        self.uid_map.lines().filter_map(|line| {
            let mut words = line.split_whitespace().skip(1).map(str::parse);
            Some((words.next()?.ok()?, words.next()?.ok()?))
        })
    }

    /// Whether its user namespace has this user of the host's.
    fn maps(&self, uid: u32) -> bool {
        self.ranges().any(|(first, count)| uid.checked_sub(first).is_some_and(|nth| nth < count))
    }

    /// How many users its user namespace has.
    fn users(&self) -> u64 {
        self.ranges().map(|(_, count)| u64::from(count)).sum()
    }

    /// Whether neither it nor any program that it executes has CAP_SETUID (capabilities(7)).
    fn can_never_become_another(&self) -> bool {
        let lacks = |set| {
            let bits = self.status.get(set).and_then(|bits| u64::from_str_radix(bits, 16).ok());
            bits.is_some_and(|bits| bits & 1 << CAP_SETUID == 0)
        };
        ["CapPrm", "CapBnd"].into_iter().all(lacks)
    }

    /// Whether a system-call filter is in force (`Seccomp: 2`, proc_pid_status(5)).
    pub fn is_filtered(&self) -> bool {
        self.status.get("Seccomp").is_some_and(|mode| mode == "2")
    }
}

#[cfg(test)]
mod tests;
