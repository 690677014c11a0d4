//! One start of the target, in which checks are asked for.

use super::super::look::look;
use super::super::session::Session;
use super::super::{Stage, observe, why_not};
use super::{Finding, elsewhere, finding};
use crate::decoy::start::{Program, Streams};
use crate::decoy::{Decoy, random_word};
use crate::target::Target;
use anyhow::{Context, Result, bail};
use attempts::Host;
use attempts::host::{Ending, Start};
use attempts::wire::Answer;
use attempts::works::Work;
use nix::unistd::Pid;
use std::cell::Cell;
use std::time::Instant;

/// The status that the command is asked to exit with: the usual ones, 0, 1 and 255, each in a start of its own, and
/// one that no program has by chance.
const STATUS: i32 = 87;

/// What all starts of one target need.
pub struct Starts<'a> {
    pub stage: &'a Stage,
    pub target: &'a Target,
    pub decoy: &'a Decoy,
    /// Whether it wants a terminal on all its streams.
    wants_terminal: Cell<bool>,
    /// Whether one start did not come to its end in time.
    used_up: Cell<bool>,
}

/// A start whose command runs.
pub struct Running<'a> {
    pub session: Session<'a>,
    /// The probe.
    pub pid: Pid,
}

impl<'a> Starts<'a> {
    pub fn new(stage: &'a Stage, target: &'a Target, decoy: &'a Decoy) -> Starts<'a> {
        let (wants_terminal, used_up) = (Cell::new(false), Cell::new(false));
        Starts { stage, target, decoy, wants_terminal, used_up }
    }

    /// Whether a next start makes sense.
    pub fn may_go_on(&self) -> bool {
        !self.used_up.get() && self.decoy.ending() == Ending::None
    }

    /// Starts it, and once more before it is given up: some are races, some demand a terminal, on whichever stream.
    /// One that used up its time is not. The error says why the command never ran.
    pub fn start(&self, target: &Target, streams: Streams, beside: Option<Pid>) -> Result<Running<'a>> {
        let begun = Instant::now();
        let streams = if self.wants_terminal.get() { Streams::Terminal } else { streams };
        let first = self.once(target, streams, false, beside);
        if first.is_ok() || self.is_used_up(begun) {
            return first;
        }
        let again = self.once(target, Streams::Terminal, false, beside);
        self.wants_terminal.set(again.is_ok());
        // The first start has said why, on a stream of its own.
        again.or(first)
    }

    /// The same, with every execve(2) seen.
    fn start_watched(&self) -> Result<Running<'a>> {
        let begun = Instant::now();
        let streams = if self.wants_terminal.get() { Streams::Terminal } else { Streams::TerminalIn };
        let first = self.once(self.target, streams, true, None);
        if first.is_ok() || self.is_used_up(begun) {
            return first;
        }
        self.once(self.target, Streams::Terminal, true, None).or(first)
    }

    fn is_used_up(&self, begun: Instant) -> bool {
        self.used_up.set(self.used_up.get() || begun.elapsed() >= self.stage.limit);
        self.used_up.get()
    }

    fn once(
        &self,
        target: &Target,
        streams: Streams,
        watched: bool,
        beside: Option<Pid>,
    ) -> Result<Running<'a>> {
        let program = Program { watched, ..self.stage.program(target, self.decoy, streams, &[])? };
        let mut session = Session::start(self.decoy, self.stage, &program, None)?;
        session.beside = beside;
        if !session.hello()? {
            bail!(why_not(&mut session, self.stage));
        }
        let pid = session.guest().and_then(|guest| guest.pid);
        let pid = pid.context("the command spoke over standard output, and the host did not find it")?;
        Ok(Running { session, pid })
    }

    /// Asks the command to end with this status, and waits for the program's end.
    pub fn end(&self, running: &mut Running, asked: i32, word: &str, quiet: bool) -> Result<Start> {
        let session = &mut running.session;
        session.dismiss(asked, word)?;
        self.used_up.set(self.used_up.get() || session.timed_out());
        Ok(Start { asked, program: session.program(), stderr: session.stderr().to_vec(), quiet })
    }
}

/// The start with pipes. A second container runs beside it, before it ends.
pub fn with_pipes(starts: &Starts, checks: &[&'static Work], host: &mut Host) -> Result<Vec<Finding>> {
    let mut running = starts.start(starts.target, Streams::Pipes, None)?;
    let mut own = facts(starts, &running, host)?;
    observe::companions(running.pid, &mut own.attacker);
    let answers = ask_all(&mut running, checks, &mut own)?;
    host.second = Some(elsewhere::second(starts, &mut running, &own.mark, host));
    end(starts, running, 0, answers, own, host)
}

/// The start with a terminal, in which every execve(2) is seen.
pub fn watched(starts: &Starts, checks: &[&'static Work], host: &mut Host) -> Result<Vec<Finding>> {
    let mut running = starts.start_watched()?;
    let mut own = facts(starts, &running, host)?;
    let answers = ask_all(&mut running, checks, &mut own)?;
    end(starts, running, STATUS, answers, own, host)
}

/// What a check asked for, and what the command said: its result, and what it brought out.
type Answered = (&'static Work, Result<(), String>, Vec<u8>);

/// What the host knows of a start as it begins.
pub fn facts(starts: &Starts, running: &Running, host: &Host) -> Result<Host> {
    Ok(Host {
        mark: random_word(24)?,
        namespaces: starts.decoy.ready.namespaces.clone(),
        attacker: observe::process(running.pid, &starts.decoy.ready),
        is_lab: host.is_lab,
        ..Host::default()
    })
}

fn ask_all(running: &mut Running, checks: &[&'static Work], own: &mut Host) -> Result<Vec<Answered>> {
    let mut answered = Vec::new();
    // Whoever is asked for it finds it there.
    running.session.write_line(&own.mark);
    for work in checks {
        let (result, said) = ask(&mut running.session, work, &own.mark, Vec::new())?;
        answered.push((*work, result, said));
    }
    Ok(answered)
}

/// Asks for one check.
pub fn ask(
    session: &mut Session,
    work: &Work,
    mark: &str,
    given: Vec<(String, String)>,
) -> Result<(Result<(), String>, Vec<u8>)> {
    let (_, answers) = session.ask(work.id, mark, given)?;
    let said = answers.iter().filter_map(|answer| match answer {
        Answer::Out(bytes) => Some(bytes.clone()),
        _ => None,
    });
    let said = said.flatten().collect::<Vec<u8>>();
    let result = match answers.last() {
        Some(Answer::Got(0, _)) => Ok(()),
        Some(Answer::Got(_, why) | Answer::Not(_, why)) => Err(why.clone()),
        _ => Err("the command gave no answer".to_owned()),
    };
    Ok((result, said))
}

/// The end of a start, and what is to be seen of it.
fn end(
    starts: &Starts,
    mut running: Running,
    status: i32,
    answered: Vec<Answered>,
    mut own: Host,
    host: &mut Host,
) -> Result<Vec<Finding>> {
    own.attacker.mountinfo = observe::process(running.pid, &starts.decoy.ready).mountinfo;
    host.starts.push(starts.end(&mut running, status, &own.mark, false)?);
    look(starts.decoy, &running.session, &[], None, &mut own)?;
    own.stderr = running.session.stderr().to_vec();
    own.executed = executed(&running.session, starts.decoy);
    let judge = |(work, result, said)| finding(work, result, &Host { said, ..own.clone() });
    Ok(answered.into_iter().map(judge).collect())
}

/// The programs that were executed between the target's own and the probe. None where the host did not see
/// the probe start.
fn executed(session: &Session, decoy: &Decoy) -> Option<Vec<String>> {
    let seen = &session.executed;
    let probe = decoy.ready.probe;
    seen.iter().find(|(file, _)| *file == probe)?;
    Some(seen.iter().skip(1).filter(|(file, _)| *file != probe).map(|(_, name)| name.clone()).collect())
}
