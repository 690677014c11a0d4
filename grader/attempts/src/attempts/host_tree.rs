//! host-tree: leave the host's mounts in the container's namespace.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::host::mounts::{Mount, mounts_of_root};
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use std::path::Path;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "host-tree",
    stake: "Every file system of the host: what is still mounted in the container's namespace can be \
            reached again.",
    story: "This is a property and not a deed: the attacker does nothing. The host joins the \
            container's mount namespace, without its chroot, and reads the list of mounts. It looks \
            for a mount of its own, whose source is a random word, and for its root file system. A new mount namespace begins as a \
            copy of the host's tree, and chroot(2) only hides it. After pivot_root(2) and the \
            detaching of the old root nothing of it is left.",
    by_hand: &["nsenter -t 1234 -m findmnt    # on the host, for a process of the container"],
    stopped_by: &["lab3-pivot/pivot-root"],
    after: &[],
    man: &["pivot_root(2)", "umount(2)", "mount_namespaces(7)"],
    letters: Measured { root: "E EEEBBBB", user: "E EEEBBBB", rootless: "E EEEBBBB" },
    needs: &[Need::MountNamespace],
    decisive: &[],
    attack,
    class: Refusal::Root,
    witness,
};

fn attack(_: &mut Attacker) -> Result<(), Failed> {
    Ok(())
}

/// What of its root file system is the host's alone. The container's own tree lies in it as well, or a copy of that.
const HOSTS: [&str; 4] = ["/", "/etc", "/home", "/srv"];

fn witness(host: &Host) -> Seen {
    let Some(mounts) = &host.namespace_mounts else { return Seen::Nothing };
    let hosts = &host.mountinfo.1;
    if mounts.contains(host.secret("host-mount")) {
        return Seen::Effect("a mount of the host is in the container's mount namespace".into());
    }
    // A host that has lost it proves nothing.
    if !hosts.contains(host.secret("host-mount")) {
        return Seen::Nothing;
    }
    let is_hosts = |it: &Mount| HOSTS.iter().any(|place| it.root == Path::new(place));
    match mounts_of_root(mounts, hosts).find(is_hosts) {
        Some(found) => Seen::Effect(format!(
            "{} of the host is in the container's mount namespace, at {}",
            found.root.display(),
            found.point.display()
        )),
        None => Seen::Confined("no mount of the host is in the container's mount namespace".into()),
    }
}
