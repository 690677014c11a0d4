//! Findings about the decoy hosts.

use super::{fine, lack, note, without_user_decoy};
use crate::doctor::facts::{MachineFacts, Stands, Tried};
use crate::doctor::hindrance::Hindrance;
use crate::doctor::mend::{Mend, as_root, in_container};
use crate::doctor::{Area, Finding};
use crate::report::DecoyKind;
use attempts::attempts::{Attempt, Need};

/// The findings of the decoy hosts that were made.
pub(super) fn decoys(facts: &MachineFacts) -> Vec<Finding> {
    let mut found = Vec::new();
    if !facts.root && !facts.decoys.is_empty() {
        found.push(note(Area::RootDecoy, "needs root"));
    }
    for (kind, stands) in &facts.decoys {
        let area = if *kind == DecoyKind::Root { Area::RootDecoy } else { Area::UserDecoy };
        match stands {
            Stands::Fails(why) => found.push(failed(facts, area, why)),
            Stands::Works { landed, not } => {
                let of = landed + not.len();
                found.push(fine(area, format!("works: {landed} of {of} attempts succeed on it")));
                // The missing disk has a finding of its own.
                let rest = not
                    .iter()
                    .filter(|(id, _)| !needs(id, Need::Disk) || matches!(facts.loop_device, Tried::Works));
                found.extend(rest.map(|(id, why)| not_landed(facts, area, id, why)));
            }
        }
    }
    found
}

fn needs(id: &str, need: Need) -> bool {
    Attempt::find(id).is_some_and(|attempt| attempt.needs.contains(&need))
}

fn failed(facts: &MachineFacts, area: Area, why: &str) -> Finding {
    let costs = match area {
        Area::RootDecoy => "attempts that need real privilege can't be judged",
        _ => without_user_decoy(facts),
    };
    let above = || Mend::Otherwise("fix what is missing above, if anything".into());
    let mend = match Hindrance::all(facts).first() {
        _ if facts.cache.is_err() || facts.temporary != Tried::Works => above(),
        Some(hindrance) if area == Area::UserDecoy => hindrance.mend(facts),
        _ if facts.container.is_some() && !facts.sys_admin => in_container(facts),
        _ if !facts.root || !facts.initial => as_root(facts),
        _ => above(),
    };
    lack(area, why, costs, mend)
}

fn not_landed(facts: &MachineFacts, area: Area, id: &str, why: &str) -> Finding {
    let elsewhere = facts.decoys.iter().any(|(kind, stands)| {
        let lands = matches!(stands, Stands::Works { not, .. } if not.iter().all(|(other, _)| other != id));
        *kind == DecoyKind::Root && lands
    });
    let mend = match (facts.root, elsewhere) {
        (false, _) => as_root(facts),
        (true, true) => Mend::Run(format!("{} run --decoy root --check {id}", facts.program)),
        (true, false) if needs(id, Need::Ext4Volume) => {
            Mend::Otherwise("a loop device, and mkfs.ext4 from the package e2fsprogs".into())
        }
        (true, false) => Mend::Otherwise("no fix is known".into()),
    };
    lack(area, why, format!("`{id}` can't be judged in such a decoy"), mend)
}
