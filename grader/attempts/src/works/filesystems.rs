//! The container's file systems: `/proc`, `/sys`, `/tmp`, `/run`.

use super::calls::{number, read, read_link, rights, said, stat, write_and_read};
use super::{InStart, Work, nothing_to_do, nothing_to_see};
use crate::Host;
use nix::libc;

/// What the host mounts later stays outside.
pub const LATER_MOUNTS: Work = Work {
    id: "later-mounts",
    first_lab: 1,
    what: "What the host mounts below the directory while the container runs does not appear inside, unless that was asked \
           for.",
    man: &["mount_namespaces(7)", "mount(2)"],
    after: &[],
    run: InStart::Afterwards,
    calls: nothing_to_do,
    judge: |host| match &host.later_mount {
        Some(Ok(false)) => Ok(()),
        Some(Ok(true)) => {
            Err("a file system that the host mounted later appeared inside: its mounts are shared with the \
                               host, or a slave of the host's"
                .into())
        }
        Some(Err(why)) => Err(why.clone()),
        None => Err("it was not tried".into()),
    },
};

/// All of them are there.
pub const FILE_SYSTEMS: Work = Work {
    id: "file-systems",
    first_lab: 2,
    what: "/proc, /sys, /dev, /dev/pts, /dev/shm, /tmp and /run are mounts of the container's own, each of its kind and \
           with its flags.",
    man: &["proc_pid_mountinfo(5)", "mount(2)", "filesystems(5)"],
    after: &[],
    run: InStart::Pipes,
    calls: nothing_to_do,
    judge: |host| OWN.iter().try_for_each(|own| is_mounted(host, own)),
};

/// Where each lies, its type, and the flags of its mount. Of programs that are no lab only the type is asked for.
const OWN: [(&str, &str, &[&str]); 7] = [
    ("/proc", "proc", &["nosuid", "nodev", "noexec"]),
    ("/sys", "sysfs", &["ro", "nosuid", "nodev", "noexec"]),
    ("/dev", "tmpfs", &["nosuid", "nodev", "noexec"]),
    ("/dev/pts", "devpts", &["nosuid", "noexec"]),
    ("/dev/shm", "tmpfs", &["nosuid", "nodev", "noexec"]),
    ("/tmp", "tmpfs", &["nosuid", "nodev"]),
    ("/run", "tmpfs", &["nosuid", "nodev"]),
];

/// Whether the mount on top at this path is the one that it should be. Paths in the table are as the container sees
/// them.
fn is_mounted(host: &Host, (path, kind, flags): &(&str, &str, &[&str])) -> Result<(), String> {
    let mut mounts = host.attacker.mountinfo.lines().filter_map(|line| {
        let (mount, file_system) = line.split_once(" - ")?;
        let mut words = mount.split(' ').skip(4);
        Some((words.next()?, words.next()?, file_system.split(' ').next()?))
    });
    let Some((_, has, found)) = mounts.rfind(|(point, _, _)| point == path) else {
        return Err(format!("nothing is mounted at {path}"));
    };
    if found != *kind {
        return Err(format!("at {path} is a {found}, not a {kind}"));
    }
    match flags.iter().find(|flag| !has.split(',').any(|has| has == **flag)) {
        Some(flag) if host.is_lab => Err(format!("{path} is mounted without {flag}")),
        _ => Ok(()),
    }
}

/// `/proc` shows the container.
pub const PROC_SELF: Work = Work {
    id: "proc-self",
    first_lab: 2,
    what: "/proc/self is the command, and /proc shows only the container's processes.",
    man: &["proc(5)", "pid_namespaces(7)"],
    after: &["pid-1"],
    run: InStart::Pipes,
    calls: |me| {
        let link = read_link(me, "/proc/self").map_err(said("/proc/self"))?;
        let pid = number(me, "getpid", libc::SYS_getpid)?;
        if link.to_str() != Some(&pid.to_string()) {
            return Err(format!("/proc/self is {}, the command is {pid}", link.display()));
        }
        let path = "/proc/self/status";
        let status = me.open(path, libc::O_RDONLY).map_err(said(path))?;
        read(me, status, 16).map_err(said(path))?;
        me.close(status).map_err(said(path))
    },
    judge: only_its_own_processes,
};

fn only_its_own_processes(host: &Host) -> Result<(), String> {
    let Some(listed) = &host.attacker.proc_lists else { return Err("its /proc is no procfs".into()) };
    match listed.iter().find(|number| !host.attacker.companions.contains(number)) {
        Some(stranger) => Err(format!("its /proc lists process {stranger}, which is not the container's")),
        None if listed.is_empty() => Err("its /proc lists no process".into()),
        None => Ok(()),
    }
}

/// `/sys` is there.
pub const SYS_THERE: Work = Work {
    id: "sys-there",
    first_lab: 2,
    what: "/sys is there, and shows the container's network interfaces.",
    man: &["sysfs(5)"],
    after: &[],
    run: InStart::Pipes,
    calls: |me| stat(me, "/sys/class/net/lo").map(drop).map_err(said("/sys/class/net/lo")),
    judge: nothing_to_see,
};

/// `/tmp` can be used.
pub const TMP_WRITABLE: Work = Work {
    id: "tmp-writable",
    first_lab: 2,
    what: "/tmp is a file system of the container's own, and everybody may write to it (mode 1777).",
    man: &["hier(7)", "tmpfs(5)"],
    after: &[],
    run: InStart::Pipes,
    calls: |me| match rights(me, "/tmp").map_err(said("/tmp"))? {
        0o1777 => write_and_read(me, "/tmp"),
        mode => Err(format!("/tmp has mode {mode:o}, not 1777")),
    },
    judge: |host| own_tmpfs(host, "/tmp"),
};

/// `/run` can be used.
pub const RUN_WRITABLE: Work = Work {
    id: "run-writable",
    first_lab: 2,
    what: "/run is a file system of the container's own, and root may write to it.",
    man: &["hier(7)", "tmpfs(5)"],
    after: &[],
    run: InStart::Pipes,
    calls: |me| write_and_read(me, "/run"),
    judge: |host| own_tmpfs(host, "/run"),
};

/// Whether the container's mount table has a tmpfs at a path whose last part is `path`. The host reads the
/// table from outside, where a chroot shows the rootfs's own path before it.
fn own_tmpfs(host: &Host, path: &str) -> Result<(), String> {
    let found = host.attacker.mountinfo.lines().any(|line| {
        let (mount, file_system) = line.split_once(" - ").unwrap_or((line, ""));
        let point = mount.split(' ').nth(4).unwrap_or_default();
        point.ends_with(path) && file_system.starts_with("tmpfs ")
    });
    if found {
        Ok(())
    } else {
        Err(format!("{path} is a directory of the rootfs: what is written stays there"))
    }
}
