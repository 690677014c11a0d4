//! What a target has left on its host, and what it has changed there.

use crate::decoy::Decoy;
use crate::decoy::groups::Groups;
use crate::decoy::messages::{Names, Snapshot};
use anyhow::{Context, Result};
use std::time::{Duration, Instant};

/// What is there now and was not before, or the other way round.
pub fn leftovers(decoy: &Decoy, groups: &Groups) -> Vec<String> {
    let before = &decoy.ready.first;
    // What is dying already gets a moment.
    let patience = Instant::now() + Duration::from_millis(200);
    loop {
        let now = match decoy.snapshot(true) {
            Ok(now) => now,
            Err(error) => return vec![format!("the host could not be looked at: {error:#}")],
        };
        let mut found = differences(before, &now);
        if decoy.strangers() > 0 {
            found.push(format!("{} processes of one start were there at the next", decoy.strangers()));
        }
        let mut left = Names::default();
        groups.left().iter().for_each(|group| left.add(group));
        found.extend(in_words("control group", "was left", "were left", &left));
        if found.is_empty() || Instant::now() > patience {
            return found;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What is the host's own and not as it was when its decoy was made, and the new directories in which there is nothing. `when`,
/// in words.
pub fn changed(decoy: &Decoy, when: &str) -> (Option<String>, Option<Vec<String>>) {
    let now = match decoy.snapshot(true) {
        Ok(now) => now,
        Err(error) => {
            return (Some(format!("{when}, the host could not be looked at: {error:#}")), None);
        }
    };
    let (found, first) = (&now.changed, now.changed.first.join(", "));
    let changed = match (found.count, found.more()) {
        (0, _) => None,
        (_, 0) => Some(format!("changed {when}: {first}")),
        (_, more) => Some(format!("changed {when}: {first}, and {more} more")),
    };
    (changed, Some(now.empty.first))
}

fn differences(before: &Snapshot, now: &Snapshot) -> Vec<String> {
    let mut found = Vec::new();
    for (kind, changes) in [("mount", &now.mounts), ("file", &now.files)] {
        found.extend(in_words(kind, "was left", "were left", &changes.new));
        found.extend(in_words(kind, "is gone", "are gone", &changes.gone));
    }
    if found.is_empty() && now.other_mounts.count > 0 {
        let (first, more) = (now.other_mounts.first.join("; "), now.other_mounts.more());
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        found.push(format!("the mount table was changed: {first}{more}"));
    }
    let strangers = now.processes.iter().filter(|pid| !before.processes.contains(pid)).count();
    if strangers > 0 {
        found.push(format!("{strangers} processes were left"));
    }
    if before.hostname != now.hostname {
        found.push(format!("the host's name was changed to {:?}", now.hostname));
    }
    found
}

/// One line: how many there are, and the first of them.
fn in_words(kind: &str, one: &str, several: &str, names: &Names) -> Option<String> {
    let first = names.first.join(", ");
    match names.count {
        0 => None,
        1 => Some(format!("a {kind} {one}: {first}")),
        count if names.more() == 0 => Some(format!("{count} {kind}s {several}: {first}")),
        count => Some(format!("{count} {kind}s {several}: {first}, and {} more", names.more())),
    }
}

/// How many processes there are that were not there before, once what is dying had its time.
///
/// # Errors
/// The host could not be looked at.
pub fn processes(decoy: &Decoy, before: &Snapshot) -> Result<usize> {
    // The end of a whole PID namespace takes a while on a busy machine.
    let patience = Instant::now() + Duration::from_secs(1);
    loop {
        let now = decoy.snapshot(false).context("the host could not be looked at")?;
        let more = now.processes.iter().filter(|pid| !before.processes.contains(pid)).count();
        if more == 0 || Instant::now() > patience {
            return Ok(more);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
