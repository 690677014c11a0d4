//! What was seen, in single facts, for people.

use super::facts::{Facts, SeenCall};
use super::session::Session;
use attempts::Host;
use attempts::host::Ending;
use nix::unistd::Pid;

/// How a traced process has ended, if it has.
pub fn death(session: &Session, pid: Option<Pid>) -> Ending {
    pid.and_then(|pid| session.deaths.get(&pid.as_raw()).copied()).unwrap_or_default()
}

/// The facts of one attempt.
pub fn evidence(facts: &Facts, host: &Host) -> Vec<String> {
    let mut found = Vec::new();
    let deed = facts.seen_call != SeenCall::Property;
    if let Some(what) = &facts.tried {
        found.push(if deed { format!("the attacker called {what}") } else { what.clone() });
    }
    match facts.got.as_ref().filter(|_| deed) {
        Some((0, _)) => found.push("the call succeeded".into()),
        Some((_, text)) => found.push(format!("the call was refused: {text}")),
        None => {}
    }
    if let Some(signal) = facts.killed_by {
        found.push(format!("signal {signal} ended the attacker"));
    }
    match host.pid1 {
        Ending::None => found.push("the host's PID 1 lives".into()),
        Ending::Killed(signal) => found.push(format!("signal {signal} ended the host's PID 1")),
        Ending::Exited(status) => found.push(format!("the host's PID 1 exited with status {status}")),
    }
    match host.shares("pid") {
        Some(true) => found.push("the attacker is in the host's PID namespace".into()),
        Some(false) => found.push("the attacker is in another PID namespace than the host".into()),
        None => {}
    }
    found
}
