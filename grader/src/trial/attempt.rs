//! One attempt against one target, in a decoy host.

use super::evidence::{death, evidence};
use super::facts::{Facts, SeenCall};
use super::requirements::{attacker_hints, job, may_serve, missing_requirement, needs_own};
use super::session::Session;
use super::session::follow::Call;
use super::{Stage, by_hand, look, observe, why_not};
use crate::decoy::start::Streams;
use crate::random::random_word;
use crate::target::{Target, What};
use anyhow::{Context, Result};
use attempts::attempts::{Attack, Attempt, Need};
use attempts::host::Ending;
use attempts::rules::Rule;
use attempts::wire::Answer;
use attempts::{Host, Seen};
use nix::errno::Errno;
use nix::libc;
use std::time::Instant;

/// Why the host's look counts for nothing, where a program has made more than is looked at.
const TOO_MUCH: &str = "the program made more mounts or set-user-ID files on the host than are looked at";

/// Runs one attempt against one target. A target whose probe never ran is started a second time, with a
/// terminal: some demand one, and some are races.
pub fn attempt(stage: &Stage, target: &Target, attempt: &Attempt) -> Facts {
    let begun = Instant::now();
    let mut streams = Streams::Pipes;
    let mut facts = run_once(stage, target, attempt, streams);
    let once = stage.rules.holds(Rule::TriedOnce);
    let never_ran = |facts: &Facts| {
        facts.not_started.is_some() && !facts.refused
            || facts.distrust.is_some() && facts.tried.is_none() && !(facts.tampered && once)
    };
    // One that used up its time is no race.
    let in_time = begun.elapsed() < stage.limit;
    if target.what != What::Bare && never_ran(&facts) && facts.seen == Seen::Nothing && in_time {
        let again = run_once(stage, target, attempt, Streams::Terminal);
        if !never_ran(&again) || again.seen != Seen::Nothing {
            (facts, streams) = (again, Streams::Terminal);
        }
    }
    // A busy machine has quiet moments. With other streams the command might not even start.
    for _ in 0..3 {
        if !matches!(facts.seen, Seen::Unclear(_)) {
            break;
        }
        facts = run_once(stage, target, attempt, streams);
    }
    facts.ms = begun.elapsed().as_secs_f64() * 1000.0;
    facts
}

fn run_once(stage: &Stage, target: &Target, attempt: &Attempt, streams: Streams) -> Facts {
    if let Attack::ByHand(attack, refusal) = attempt.attack {
        return by_hand::run_once(stage, target, attempt, (attack, refusal), streams);
    }
    let mut facts = Facts { lacks: missing_requirement(stage, target, attempt), ..Facts::default() };
    if facts.lacks.is_some() {
        return facts;
    }
    match in_decoy(stage, target, attempt, streams, &mut facts) {
        Ok(()) => {}
        Err(error) if facts.no_decoy.is_none() => facts.distrust = Some(format!("{error:#}")),
        Err(_) => {}
    }
    facts
}

#[expect(clippy::too_many_lines, reason = "one trial from its beginning to its end")]
fn in_decoy(
    stage: &Stage,
    target: &Target,
    attempt: &Attempt,
    streams: Streams,
    facts: &mut Facts,
) -> Result<()> {
    let kept = if needs_own(attempt) { None } else { stage.shared.take(target) };
    let decoy = match kept.map_or_else(|| stage.decoy(target, attempt.needs), Ok) {
        Ok(decoy) => decoy,
        Err(error) => {
            facts.no_decoy = Some(format!("{error:#}"));
            return Ok(());
        }
    };
    // An attempt at a terminal has one from the start.
    let streams = match attempt.needs {
        needs if needs.contains(&Need::Terminal) => Streams::Terminal,
        needs if needs.contains(&Need::FreeTerminal) => Streams::FreeTerminal,
        _ => streams,
    };
    let program = stage.program(target, &decoy, streams, attempt.needs)?;
    let job = job(stage, &decoy, attempt.needs)?;
    let mut session = Session::start(&decoy, stage, &program, job.as_ref())?;
    let mut host = Host {
        mark: random_word(24)?,
        disk: stage.disk.as_ref().ok().map(|disk| disk.nonce.as_bytes().to_vec()),
        namespaces: decoy.ready.namespaces.clone(),
        secrets: decoy.secrets.words.clone(),
        root_uid: decoy.root_id(),
        ..Host::default()
    };
    if let Some(Ok(ext4)) = stage.ext4.get() {
        host.secrets.insert("ext4".into(), ext4.word.clone());
    }
    let mut pid1 = None;
    let mut probe = None;
    let mut cpu = None;
    if session.hello()? {
        probe = session.probe().context("no probe")?.pid;
        if let Some(pid) = probe {
            host.attacker_before = observe::process(pid, &decoy.ready);
            host.attacker = host.attacker_before.clone();
            host.group.0 = job.as_ref().map(|job| job.look(Some(pid))).unwrap_or_default();
            pid1 = observe::pid1_of(pid).filter(|pid1| *pid1 != decoy.pid1());
            facts.distrust = seize(&mut session, pid, pid1, attempt.decisive).err();
        } else {
            facts.distrust =
                Some("it spoke over standard output, and the host did not find the probe".into());
        }
        host.foreground.0 = look::foreground(&session);
        // What the host can't trust can still escape.
        let asked = (Instant::now(), probe.and_then(observe::cpu));
        let (question, answers) =
            session.ask(attempt.id, &host.mark, attacker_hints(stage, &host.attacker, &decoy))?;
        if facts.distrust.is_none() {
            facts.distrust = session.verify_testimony(&question, &answers).err();
        }
        cpu = probe.zip(asked.1).and_then(|(pid, then)| observe::cpu_since(pid, then, asked.0));
        record(answers, facts, &mut host);
        if probe.is_some_and(|pid| session.was_sent_sigsys(pid)) {
            facts.distrust = Some("somebody sent the attacker a SIGSYS: that was no filter".into());
        }
        facts.seen_call = seen_call(attempt, &session.calls, death(&session, probe));
        host.call = match facts.seen_call {
            SeenCall::None | SeenCall::Property => None,
            SeenCall::Begun => Some(None),
            SeenCall::Returned(value) => Some(Some(value)),
        };
        if session.ended_for.is_some() {
            facts.distrust.clone_from(&session.ended_for);
        } else if session.timed_out() {
            facts.distrust = Some(format!("nothing more came within {} s", stage.limit.as_secs()));
        }
    } else {
        facts.not_started = Some(why_not(&mut session, stage));
    }
    // The host looks while the container still lives.
    if let Some(pid) = probe {
        let now = observe::process(pid, &decoy.ready);
        if !now.mountinfo.is_empty() {
            host.attacker = now;
        }
    }
    host.attacker.cpu = cpu.unwrap_or_default();
    let sight = look::look(&decoy, &session, attempt.needs, probe, &mut host);
    host.group.1 = job.as_ref().map(|job| job.look(probe)).unwrap_or_default();
    host.container_pid1 = death(&session, pid1);
    let sight = sight.and_then(|whole| whole.then_some(()).context(TOO_MUCH));
    // A reboot takes the host while it looks; it is told by wait(2).
    if let (Err(error), Ending::None, None) = (sight, host.pid1, &facts.distrust) {
        facts.distrust = Some(format!("{error:#}"));
    }
    if let Ending::Killed(signal) = death(&session, probe) {
        facts.killed_by = Some(signal);
    }
    facts.seen = (attempt.witness)(&host);
    facts.evidence = evidence(facts, &session, &host);
    let may_serve = may_serve(target, attempt);
    if !(may_serve && session.leave().unwrap_or(false)) {
        decoy.end();
    }
    drop(session);
    // The container is dead by now, or has died with its host; only then can its group go.
    drop(job);
    if let Ok(disk) = &stage.disk
        && !disk.device.restore()?
    {
        facts.distrust = Some("another disk was put in the place of the host's".into());
    } else if may_serve {
        stage.shared.keep(target, decoy);
    }
    Ok(())
}

/// The last of the decisive system calls that the attacker made, as the kernel told the host, and how the
/// attacker ended.
fn seen_call(attempt: &Attempt, calls: &[Call], end: Ending) -> SeenCall {
    if attempt.decisive.is_empty() {
        return SeenCall::Property;
    }
    let decisive = |call: &&Call| attempt.decisive.contains(&(call.number as i64));
    // A call for which a filter kills was not made. Newer kernels tell of its end all the same: with a register that
    // was put back for its value (syscall_rollback in kernel/seccomp.c).
    if end == Ending::Killed(libc::SIGSYS) && calls.last().is_some_and(|last| decisive(&last)) {
        return SeenCall::Begun;
    }
    match calls.iter().rev().find(decisive).map(|call| call.returned) {
        None => SeenCall::None,
        Some(None) => SeenCall::Begun,
        Some(Some(value)) => SeenCall::Returned(value),
    }
}

fn seize(
    session: &mut Session,
    pid: nix::unistd::Pid,
    pid1: Option<nix::unistd::Pid>,
    decisive: &[i64],
) -> Result<(), String> {
    for pid in [Some(pid), pid1.filter(|pid1| *pid1 != pid)].into_iter().flatten() {
        session.seize(pid).map_err(|errno| match errno {
            Errno::EPERM => "the probe or its PID 1 is traced by another process".to_owned(),
            other => format!("the host could not seize the probe: {other}"),
        })?;
    }
    session.follow_calls(decisive).map_err(|error| format!("the host could not follow the probe: {error:#}"))
}

fn record(answers: Vec<Answer>, facts: &mut Facts, host: &mut Host) {
    for answer in answers {
        match answer {
            Answer::Try(what) => facts.tried = Some(what),
            Answer::Out(bytes) => host.said.extend(bytes),
            Answer::Got(errno, text) => facts.got = Some((errno, text)),
            Answer::Not(_, why) => facts.gave_up = Some(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_a_filter_kills_for_does_not_return() {
        let attempt = Attempt::find("personality").unwrap();
        let call = |number: i64, returned| Call { number: number as u64, returned, arguments: [0; 3] };
        let killed = Ending::Killed(libc::SIGSYS);
        let decisive = [call(libc::SYS_write, Some(9)), call(libc::SYS_personality, Some(135))];
        assert_eq!(seen_call(attempt, &decisive, killed), SeenCall::Begun);
        assert_eq!(seen_call(attempt, &decisive, Ending::None), SeenCall::Returned(135));
        // What it did next was what the filter killed it for.
        let later = [call(libc::SYS_personality, Some(0)), call(libc::SYS_write, Some(1))];
        assert_eq!(seen_call(attempt, &later, killed), SeenCall::Returned(0));
        assert_eq!(seen_call(attempt, &later[1..], killed), SeenCall::None);
    }
}
