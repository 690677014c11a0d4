//! setuid-drop: leave a set-user-ID program behind for a user of the host.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::attacker::paths::CHMODS;
use crate::host::Descriptor;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::errno::Errno;
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "setuid-drop",
    stake: "Root on the host, for any user of it who can reach the container's directory.",
    story: "The attacker makes a file of root's with the set-user-ID bit in /tmp and in /run. Inside it gains \
            nothing by it: it is root already. But those directories lie in a directory of the host, where the \
            container's flag `nosuid` does not count, and an accomplice without rights executes the file there. \
            On a tmpfs of the container's own the file is nowhere on the host, and ends with the container. The \
            host looks through its own file tree.",
    by_hand: &["cp /bin/sh /tmp/sh; chmod 4755 /tmp/sh", "rootfs/tmp/sh -p    # on the host, as anybody"],
    stopped_by: &["lab2-mounts/tmp", "lab2-mounts/run"],
    after: &[],
    man: &["chmod(2)", "inode(7)", "tmpfs(5)"],
    letters: Measured { root: "E EEBBBBB", user: "E EEBBBBB", rootless: "E EEBBBBB" },
    needs: &[Need::FreshHost, Need::SetuidFiles],
    decisive: CHMODS,
    attack,
    class: Refusal::File,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let mut done = me.gives_up("neither /tmp nor /run is a place where anything may be made");
    let mut accident = None;
    for directory in ["/tmp", "/run"] {
        if me.is_on_devtmpfs(directory)? {
            continue;
        }
        let _ = me.mkdir(directory, 0o755);
        // The host sees by itself what the first one has left.
        done = me.making_way(directory, |me, directory| {
            let path = format!("{directory}/{}", me.mark());
            drop_setuid(me, &path)
        });
        match &done {
            Ok(_) | Err(Failed::Refused(Errno::EROFS | Errno::EPERM | Errno::EACCES)) => {}
            Err(Failed::Refused(errno)) => accident = Some(format!("no file in {directory}: {errno}")),
            Err(_) => break,
        }
    }
    match accident {
        // That nothing came to lie in the other one says nothing of this one.
        Some(why) => me.gives_up(&why),
        None => done,
    }
}

fn drop_setuid(me: &mut Attacker, path: &str) -> Result<(), Failed> {
    let file = me.again(|me| me.open(path, libc::O_WRONLY | libc::O_CREAT))?;
    me.set_setuid(file, path)
}

fn witness(host: &Host) -> Seen {
    if let Some(file) = host.setuid_files.iter().find(|file| file.ends_with(&host.mark)) {
        let directory = file.trim_end_matches(&host.mark);
        return Seen::Effect(format!("a set-user-ID file of root's lies in {directory} of the host"));
    }
    // It is still open: which file system it lies on, the host has seen.
    let mut made = host.attacker.descriptors.iter().filter(|it| it.writes && it.target.ends_with(&host.mark));
    let is_the_hosts =
        |device: &str| host.mountinfo.1.lines().any(|line| line.split(' ').nth(2) == Some(device));
    let has_mounted = |it: &Descriptor| host.attacker_has_mounted(&it.device);
    match made.next() {
        Some(_) if host.attacker.euid != Some(host.root_uid) => {
            Seen::Confined("the file was made, and the host's root is not its owner".into())
        }
        Some(first) if !has_mounted(first) && host.shares("mnt") == Some(true) => {
            Seen::Unclear("the file lies on a file system that the attacker has nowhere".into())
        }
        Some(first) if ![first].into_iter().chain(made).any(|it| is_the_hosts(&it.device)) => Seen::Confined(
            "the file lies on a file system of the container's own, which the host has nowhere".into(),
        ),
        _ => Seen::Nothing,
    }
}
