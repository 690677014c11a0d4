//! What an attempt needs beside a target, and what its attacker is told.

use super::group::ContainerGroup;
use super::{Stage, shared};
use crate::decoy::layout::ROOTFS;
use crate::decoy::{Decoy, ids};
use crate::report::DecoyKind;
use crate::target::Target;
use anyhow::Result;
use attempts::attempts::{Attempt, Need};
use attempts::host::Process;

/// What this machine lacks for an attempt, in words.
pub fn missing_requirement(stage: &Stage, target: &Target, attempt: &Attempt) -> Option<String> {
    let lack = |need: &Need| match need {
        Need::Disk => stage.disk.as_ref().err().map(|why| format!("no decoy disk: {why}")),
        Need::Ext4Volume => stage.ext4(target.decoy).err(),
        Need::Group if !stage.groups.any() => Some("no control group can be made".into()),
        Need::ReleaseAgent => stage.hierarchy.mounted().err(),
        Need::Limits => stage.groups.lacks_limits(),
        Need::ManyIds if target.decoy == DecoyKind::User && !ids::are_many() => {
            Some("the decoy host has one id only: there is no second user".into())
        }
        Need::NewPrivileges => gains_nothing(),
        _ => None,
    };
    attempt.needs.iter().find_map(lack)
}

/// Why execve(2) gives no rights to anybody here, if so.
fn gains_nothing() -> Option<String> {
    let set = nix::sys::prctl::get_no_new_privs() == Ok(true);
    let why = "the grader was started with no_new_privs, which nothing takes off (PR_SET_NO_NEW_PRIVS(2const)): start it \
               from a shell, or a container, that does not set it";
    set.then(|| why.to_owned())
}

/// What an attacker may know of the host.
pub fn attacker_hints(stage: &Stage, attacker: &Process, decoy: &Decoy) -> Vec<(String, String)> {
    let name = &decoy.secrets.name;
    let mut given = vec![
        // Who stands in the host's own root, as on the bare host, finds the rootfs where it lies.
        ("rootfs", if attacker.own_root == Some(false) { ROOTFS } else { "" }.to_owned()),
        ("victim", decoy.victim().to_string()),
        ("setuid", format!("setuid-{name}")),
        ("node", format!("node-{name}")),
        ("ext4", format!("ext4-{name}")),
    ];
    if let Ok(disk) = &stage.disk {
        given.push(("disk", disk.device.number.to_string()));
    }
    if let Some(group) = stage.groups.first() {
        given.push(("cgroup", group.kind().to_owned()));
        given.push(("cgroup-options", group.controllers.clone()));
    }
    given.push(("release-agent", stage.hierarchy.options()));
    given.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Whether an attempt needs a decoy that nobody has used, or one that nobody else needs.
pub fn needs_own(attempt: &Attempt) -> bool {
    attempt
        .needs
        .iter()
        .any(|need| matches!(need, Need::FreshHost | Need::Ext4Volume | Need::ImageLink { .. }))
}

/// Whether a decoy in which it was made may serve for the next one.
pub fn may_serve(target: &Target, attempt: &Attempt) -> bool {
    let serves = |need: &Need| !matches!(need, Need::Ext4Volume | Need::ImageLink { .. });
    shared::may_serve(target) && attempt.needs.iter().all(serves)
}

/// The control group of the container, where the attempt needs one.
pub fn job<'a>(stage: &'a Stage, decoy: &Decoy, needs: &[Need]) -> Result<Option<ContainerGroup<'a>>> {
    let hierarchy = match needs.contains(&Need::ReleaseAgent) {
        true => stage.hierarchy.mounted().ok(),
        false => None,
    };
    let wanted = needs.iter().any(|need| matches!(need, Need::Group | Need::Limits));
    if !(wanted && stage.groups.any() || hierarchy.is_some()) {
        return Ok(None);
    }
    let limits = needs.contains(&Need::Limits);
    ContainerGroup::make(&stage.groups, hierarchy, decoy.secrets.at("group"), decoy.root_id(), limits)
        .map(Some)
}
