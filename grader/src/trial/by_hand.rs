//! One attempt whose system calls the host makes, in the registers of the container's own command.
//!
//! The command is started and found; the host seizes it, and stops all others of the decoy. It makes the attack, call by
//! call, and looks at each descriptor itself. Then it looks at what became of the host, and only after that lets anybody go on.

use super::attacker::find::find;
use super::attacker::hand::{Hand, Made};
use super::attacker::prepare::prepare;
use super::evidence::{death, evidence};
use super::facts::{Facts, SeenCall};
use super::freeze::freeze;
use super::requirements::{attacker_hints, job, may_serve, missing_requirement, needs_own};
use super::session::Session;
use super::{Stage, look, observe, why_not};
use crate::decoy::Decoy;
use crate::decoy::secrets::{RENEWED, words_for};
use crate::decoy::start::Streams;
use crate::random::random_word;
use crate::target::Target;
use anyhow::{Context, Result};
use attempts::Host;
use attempts::attacker::{Argument, Attacker, Call, Failed, Hand as _};
use attempts::attempts::{Attempt, Need};
use attempts::host::Ending;
use attempts::refusals::Refusal;
use nix::errno::Errno;
use nix::libc;
use nix::unistd::Pid;
use std::time::{Duration, Instant};

/// What an attempt does, as its file says.
pub type Attack = fn(&mut Attacker) -> Result<(), Failed>;

/// A word that the command writes comes out of the program within this time, if it is its command.
const PASSED_ON: Duration = Duration::from_millis(500);

/// What follows from the death of the attacker is there within this time.
const CONSEQUENCES: Duration = Duration::from_secs(1);

/// Runs an attempt once.
///
/// # Errors
/// What kept the host from making it: nothing can be said then.
pub fn run_once(
    stage: &Stage,
    target: &Target,
    attempt: &Attempt,
    (attack, refusal): (Attack, Refusal),
    streams: Streams,
) -> Facts {
    let mut facts = Facts { lacks: missing_requirement(stage, target, attempt), ..Facts::default() };
    if facts.lacks.is_some() {
        return facts;
    }
    let kept = if needs_own(attempt) { None } else { stage.shared.take(target) };
    match kept.map_or_else(|| stage.decoy(target, attempt.needs), Ok) {
        Err(error) => facts.no_decoy = Some(format!("{error:#}")),
        Ok(decoy) => {
            let mut trial =
                Trial { stage, target, attempt, decoy: &decoy, attacker: None, others: Vec::new(), facts };
            if let Err(error) = trial.run(attack, refusal, streams) {
                trial.facts.distrust = Some(format!("{error:#}"));
            }
            facts = trial.facts;
            put_away(stage, target, attempt, decoy, &mut facts);
        }
    }
    facts
}

/// Restores the disk, and keeps the decoy for the next attempt if that may have it.
fn put_away(stage: &Stage, target: &Target, attempt: &Attempt, decoy: Decoy, facts: &mut Facts) {
    let restored = stage.disk.as_ref().map_or(Ok(true), |disk| disk.device.restore());
    match restored {
        Ok(true) if may_serve(target, attempt) => stage.shared.keep(target, decoy),
        Ok(true) => {}
        Ok(false) => {
            facts.distrust = Some("another disk was put in the place of the host's".into());
        }
        Err(error) => facts.distrust = Some(format!("{error:#}")),
    }
}

struct Trial<'a> {
    stage: &'a Stage,
    target: &'a Target,
    attempt: &'a Attempt,
    decoy: &'a Decoy,
    /// The process whose hand was moved.
    attacker: Option<Pid>,
    /// Those that were there beside it.
    others: Vec<Pid>,
    facts: Facts,
}

impl<'a> Trial<'a> {
    fn run(&mut self, attack: Attack, refusal: Refusal, streams: Streams) -> Result<()> {
        let (stage, decoy, needs) = (self.stage, self.decoy, self.attempt.needs);
        // An attempt at a terminal has one from the start.
        let streams = match needs {
            needs if needs.contains(&Need::Terminal) => Streams::Terminal,
            needs if needs.contains(&Need::FreeTerminal) => Streams::FreeTerminal,
            _ => streams,
        };
        let (program, command) = stage.ordinary(self.target, decoy, streams, needs)?;
        let job = job(stage, decoy, needs)?;
        let mut session = Session::start(decoy, stage, &program, job.as_ref())?;
        let mut host = self.host()?;
        match session.look_for(|_| find(decoy, command))? {
            None => self.facts.not_started = Some(why_not(&mut session, stage)),
            Some(found) => {
                for pid in found {
                    host.group.0 = job.as_ref().map(|job| job.look(Some(pid))).unwrap_or_default();
                    if let Err(why) = self.attack(&mut session, pid, attack, &mut host) {
                        self.facts.distrust = Some(why);
                    }
                }
            }
        }
        if session.ended_for.is_some() {
            self.facts.distrust.clone_from(&session.ended_for);
        }
        let attacker = self.attacker;
        let whole = look::look(decoy, &session, needs, attacker, &mut host);
        if host.stakes.is_some() {
            match decoy.stakes(None) {
                Ok(stakes) => host.stakes = Some(stakes),
                Err(error) => {
                    self.facts.distrust = Some(format!("the host's services were spoiled: {error:#}"))
                }
            }
        }
        host.group.1 = job.as_ref().map(|job| job.look(attacker)).unwrap_or_default();
        // A reboot takes the host while it looks; it is told by wait(2).
        if let (Err(error), Ending::None, None) = (whole, host.pid1, &self.facts.distrust) {
            self.facts.distrust = Some(format!("{error:#}"));
        }
        self.facts.seen = (self.attempt.witness)(&host);
        self.explain(refusal, &host);
        self.facts.evidence.splice(0..0, evidence(&self.facts, &session, &host));
        session.release_all(&self.others);
        if !(may_serve(self.target, self.attempt) && end(&mut session, attacker)?) {
            decoy.end();
        }
        Ok(())
    }

    /// What the host knows before.
    fn host(&self) -> Result<Host> {
        let Trial { stage, decoy, .. } = self;
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
        Ok(host)
    }

    /// Makes the attack with this process's hand. The error says why nothing can be said of it.
    fn attack(
        &mut self,
        session: &mut Session<'a>,
        pid: Pid,
        attack: Attack,
        host: &mut Host,
    ) -> Result<(), String> {
        is_in_the_decoy(pid)?;
        let pid1 = observe::pid1_of(pid).filter(|pid1| *pid1 != self.decoy.pid1());
        let mut hand = Hand::seize(session, pid)?;
        self.attacker = Some(pid);
        let word = random_word(16).map_err(|error| error.to_string())?;
        let written = write_word(&mut hand, &word);
        let genuine =
            written && hand.session.hears(&word, PASSED_ON).map_err(|error| format!("{error:#}"))?;
        if !genuine {
            return Err("what the command that the host found writes does not come out of the program".into());
        }
        let others = freeze(hand.session, self.decoy, pid)?;
        prepare(&mut hand, &others)?;
        self.others = others;
        host.attacker_before = observe::process(pid, &self.decoy.ready);
        host.attacker = host.attacker_before.clone();
        host.foreground.0 = look::foreground(hand.session);
        let mut hints = attacker_hints(self.stage, &host.attacker, self.decoy);
        if self.attempt.needs.contains(&Need::Services) {
            hints.extend(self.renew_services(host).map_err(|error| format!("{error:#}"))?);
        }
        let asked = (Instant::now(), observe::cpu(pid));
        let mut attacker = Attacker::new(&mut hand, &host.mark, &hints);
        let result = attack(&mut attacker);
        host.said.extend(std::mem::take(&mut attacker.taken));
        host.handles = std::mem::take(&mut attacker.handles);
        host.attacker.cpu =
            asked.1.and_then(|then| observe::cpu_since(pid, then, asked.0)).unwrap_or_default();
        let made = std::mem::take(&mut hand.made);
        self.record(&made, result);
        if self.facts.seen_call == SeenCall::None && self.facts.gave_up.is_none() {
            self.facts.gave_up = made.last().map(|last| format!("{} failed", last.call));
        }
        host.call = match self.facts.seen_call {
            SeenCall::None | SeenCall::Property => None,
            SeenCall::Begun => Some(None),
            SeenCall::Returned(value) => Some(Some(value)),
        };
        if matches!(self.facts.seen_call, SeenCall::Begun) {
            let patience = Instant::now() + CONSEQUENCES;
            let decoy = self.decoy;
            let ended = |it: &Session| {
                decoy.ending() != Ending::None
                    || pid1.is_none_or(|pid1| it.deaths.contains_key(&pid1.as_raw()))
            };
            let _ = session.look_for(|it| (ended(it) || Instant::now() > patience).then_some(()));
        }
        let cpu = host.attacker.cpu;
        let now = observe::process(pid, &self.decoy.ready);
        if !now.mountinfo.is_empty() {
            host.attacker = now;
        }
        host.attacker.cpu = cpu;
        host.container_pid1 = death(session, pid1);
        if let Ending::Killed(signal) = death(session, Some(pid)) {
            self.facts.killed_by = Some(signal);
        }
        Ok(())
    }

    /// Makes the host's services anew, now that all stand still: nobody has prepared for them. Returns what an attacker may
    /// know of them.
    fn renew_services(&self, host: &mut Host) -> Result<Vec<(String, String)>> {
        let words = words_for(&RENEWED)?;
        let stakes = self.decoy.stakes(Some(&words)).context("the host's services")?;
        host.secrets.extend(words);
        let mut given = vec![
            ("segment", stakes.segment.1.to_string()),
            ("segment-key", stakes.segment.0.to_string()),
            ("queue", stakes.queue.0.clone()),
            ("abstract-name", stakes.abstract_name.clone()),
            ("port", stakes.port.to_string()),
        ];
        if let Some((description, ..)) = &stakes.key {
            given.push(("key", description.clone()));
        }
        host.stakes = Some(stakes);
        Ok(given.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// Notes what the kernel told of the attacker's calls.
    fn record(&mut self, made: &[Made], result: Result<(), Failed>) {
        let facts = &mut self.facts;
        for made in made {
            let returned = match made.returned {
                None => "no return".to_owned(),
                Some(value @ ..0) => Errno::from_raw(-value as i32).to_string(),
                Some(value) => value.to_string(),
            };
            facts.evidence.push(format!("{} = {returned}", made.call));
        }
        if self.attempt.decisive.is_empty() {
            facts.seen_call = SeenCall::Property;
            return;
        }
        let decisive = |made: &&Made| self.attempt.decides(made.call.number);
        let last = made.last().filter(decisive);
        match (result, last) {
            (Ok(()), _) => {
                let last = made.iter().rev().find(decisive);
                facts.tried = last.map(|made| made.call.to_string());
                facts.seen_call =
                    last.map_or(SeenCall::None, |made| SeenCall::Returned(made.returned.unwrap_or(0)));
                facts.got = Some((0, String::new()));
            }
            (Err(Failed::Refused(errno)), Some(last)) => {
                facts.tried = Some(last.call.to_string());
                facts.seen_call = SeenCall::Returned(-i64::from(errno as i32));
                facts.got = Some((errno as i32, errno.to_string()));
            }
            (Err(Failed::Filtered), Some(last)) => {
                facts.tried = Some(last.call.to_string());
                facts.seen_call = SeenCall::Begun;
                facts.killed_by = Some(libc::SIGSYS);
            }
            (Err(Failed::Ended), Some(last)) => {
                facts.tried = Some(last.call.to_string());
                facts.seen_call = SeenCall::Begun;
            }
            (Err(Failed::GaveUp(why)), _) => facts.gave_up = Some(why),
            (Err(_), None) => {}
        }
    }

    /// A refusal counts only if the host finds what refused, and so does a success without effect.
    fn explain(&mut self, refusal: Refusal, host: &Host) {
        let facts = &mut self.facts;
        let explained = match facts.seen_call {
            SeenCall::Returned(value @ ..0) => refusal.explain(Errno::from_raw(-value as i32), host),
            SeenCall::Returned(_) => refusal.explain_success(host),
            _ => return,
        };
        match explained {
            Ok(why) => facts.evidence.push(why),
            Err(why) => facts.unexplained = Some(why),
        }
    }
}

/// The last word on reboot(2): never in a PID namespace that is the grader's own or the machine's first.
fn is_in_the_decoy(pid: Pid) -> Result<(), String> {
    let theirs = observe::namespace(pid, "pid");
    let ours = observe::namespace(Pid::this(), "pid");
    match theirs.is_none() || theirs == ours || theirs == Some(observe::FIRST_PID_NAMESPACE) {
        true => Err("the command was outside of the decoy's PID namespace".into()),
        false => Ok(()),
    }
}

fn write_word(hand: &mut Hand, word: &str) -> bool {
    // A program may pass on whole lines only.
    let line = format!("{word}\n").into_bytes();
    let length = Argument::Number(line.len() as i64);
    let arguments = vec![Argument::Number(1), Argument::Bytes(line), length];
    let written = hand.call(&Call { name: "write", number: libc::SYS_write, arguments });
    hand.made.clear();
    written.is_ok()
}

/// Ends the command, and waits for the program's end. Whether that has ended, and its host has not.
fn end(session: &mut Session, attacker: Option<Pid>) -> Result<bool> {
    if let Some(pid) = attacker {
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
    }
    session.wait(Duration::from_millis(500)).context("the end of the program")?;
    Ok(session.program() != Ending::None)
}
