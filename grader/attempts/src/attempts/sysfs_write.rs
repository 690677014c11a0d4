//! sysfs-write: open a setting of the kernel's memory management for writing.

use super::{Attack, Attempt, Measured};
use crate::inside::look::{is_null, look};
use crate::inside::sysfs::sysfs;
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use std::os::fd::IntoRawFd;

/// Below a sysfs.
const SETTING: &str = "kernel/mm/transparent_hugepage/enabled";

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "sysfs-write",
    stake: "The kernel's settings and the machine's devices: whoever writes to /sys tunes or unplugs them for all.",
    story: "sysfs shows the kernel's own objects as files, and a write to one acts on the whole machine: it \
            unbinds a driver, takes a processor offline, or changes how memory is managed for everybody. The \
            attacker opens one such file for writing and writes nothing; where there is no sysfs it mounts one. \
            The host looks for the open descriptor. In a container /sys is mounted read-only (EROFS).",
    by_hand: &[
        "[ -e /sys/kernel ] || mount -t sysfs sysfs /sys",
        "exec 3>> /sys/kernel/mm/transparent_hugepage/enabled    # writes nothing: that it opens is enough",
    ],
    stopped_by: &["lab2-mounts/sys"],
    after: &[],
    man: &["sysfs(5)", "mount(2)"],
    letters: Measured { root: "E EEBBBBB", user: "I IIIIIII", rootless: "I IIIIIII" },
    needs: &[],
    decisive: &[libc::SYS_openat],
    attack: Attack::Inside(inside),
    witness,
};

fn inside(me: &mut Inside) -> Result<(), Errno> {
    let path = format!("{}/{SETTING}", sysfs()?);
    let found = look(&path);
    if found.is_device_but(is_null) {
        return Err(me.give_up(&format!("{path} is a device")));
    }
    me.decisive(&format!("open(\"{path}\", O_WRONLY)"));
    let file = found.open(OFlag::O_WRONLY)?;
    // It stays open: the host looks for it.
    let _ = file.into_raw_fd();
    Ok(())
}

fn witness(host: &Host) -> Seen {
    match host.attacker.writes_to(libc::SYSFS_MAGIC, SETTING) {
        Some(path) => Seen::Effect(format!("the attacker holds {path} open for writing, on a sysfs")),
        None => Seen::Nothing,
    }
}
