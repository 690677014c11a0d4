//! What a target has left on its host.

use crate::decoy::Decoy;
use crate::decoy::messages::Snapshot;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// What is there now and was not before, or the other way round.
pub fn leftovers(decoy: &Decoy) -> Vec<String> {
    let before = &decoy.ready.first;
    // What is dying already gets a moment.
    let patience = Instant::now() + Duration::from_millis(200);
    loop {
        let Some(now) = decoy.snapshot(true) else { return vec!["the host itself is gone".into()] };
        let mut found = differences(before, &now);
        if decoy.strangers() > 0 {
            found.push(format!("{} processes of one start were there at the next", decoy.strangers()));
        }
        if found.is_empty() || Instant::now() > patience {
            return found;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn differences(before: &Snapshot, now: &Snapshot) -> Vec<String> {
    let lines = |snapshot: &Snapshot| -> BTreeSet<String> {
        snapshot.mountinfo.lines().filter_map(|line| Some(line.split(' ').nth(4)?.to_owned())).collect()
    };
    let set = |list: &[String]| -> BTreeSet<String> { list.iter().cloned().collect() };
    let mut found = Vec::new();
    for (kind, before, now) in
        [("mount", lines(before), lines(now)), ("file", set(&before.files), set(&now.files))]
    {
        found.extend(now.difference(&before).map(|name| format!("a {kind} was left: {name}")));
        found.extend(before.difference(&now).map(|name| format!("a {kind} is gone: {name}")));
    }
    if found.is_empty() && before.mountinfo.lines().count() != now.mountinfo.lines().count() {
        found.push("the mount table has another length".into());
    }
    if found.is_empty() && before.mountinfo != now.mountinfo {
        found.push("the mount table was changed".into());
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

/// How many processes there are that were not there before, once what is dying had its time.
pub fn processes(decoy: &Decoy, before: &Snapshot) -> usize {
    // The end of a whole PID namespace takes a while on a busy machine.
    let patience = Instant::now() + Duration::from_secs(1);
    loop {
        let Some(now) = decoy.snapshot(false) else { return 0 };
        let more = now.processes.iter().filter(|pid| !before.processes.contains(pid)).count();
        if more == 0 || Instant::now() > patience {
            return more;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
