//! One start of the target, in which checks are made by the command's hand.

use super::super::attacker::find::{find_one, search};
use super::super::attacker::hand::Hand;
use super::super::attacker::no_witness::NoWitness;
use super::super::session::Session;
use super::super::{Stage, observe, why_not};
use crate::decoy::Decoy;
use crate::decoy::start::{Program, Streams};
use crate::random::random_word;
use crate::target::Target;
use anyhow::{Result, bail};
use attempts::host::{Ending, Start};
use attempts::works::{self, Work};
use attempts::{Attacker, Host};
use nix::unistd::Pid;
use std::cell::Cell;
use std::time::Instant;

/// What all starts of one target need.
pub struct Starts<'a> {
    pub stage: &'a Stage,
    pub target: &'a Target,
    pub decoy: &'a Decoy,
    /// Whether it wants a terminal on all its streams.
    wants_terminal: Cell<bool>,
    /// Whether its command ends at once, since it gets no input, and has to be held from its first instruction on.
    ends_at_once: Cell<bool>,
    /// Whether one start did not come to its end in time.
    used_up: Cell<bool>,
}

/// A start whose command runs.
pub struct RunningCommand<'a> {
    pub session: Session<'a>,
    /// The command.
    pub pid: Pid,
    /// Device and inode of the file that it executes.
    pub exe: Option<(u64, u64)>,
}

impl<'a> Starts<'a> {
    pub fn new(stage: &'a Stage, target: &'a Target, decoy: &'a Decoy) -> Starts<'a> {
        let [wants_terminal, ends_at_once, used_up] = [false; 3].map(Cell::new);
        Starts { stage, target, decoy, wants_terminal, ends_at_once, used_up }
    }

    /// Whether a next start makes sense.
    pub fn may_go_on(&self) -> bool {
        !self.used_up.get() && self.decoy.ending() == Ending::None
    }

    /// Starts it, and again before it is given up: some are races, some demand a terminal, on whichever stream, and in some
    /// the command gets no input and ends at once. One that used up its time is not. The error says why the command never ran.
    pub fn start(
        &self,
        target: &Target,
        streams: Streams,
        beside: Option<Pid>,
    ) -> Result<RunningCommand<'a>> {
        let begun = Instant::now();
        let streams = if self.wants_terminal.get() { Streams::Terminal } else { streams };
        let first = self.run_once(target, streams, self.ends_at_once.get(), beside);
        if first.as_ref().err().is_none_or(|error| error.is::<NoWitness>()) || self.is_used_up(begun) {
            return first;
        }
        let again = self.run_once(target, Streams::Terminal, false, beside);
        if again.is_ok() {
            self.wants_terminal.set(true);
            return again;
        }
        let held = self.run_once(target, streams, true, beside);
        self.ends_at_once.set(held.is_ok());
        // The first start has said why, on a stream of its own.
        held.or(first)
    }

    /// The same, with every execve(2) seen.
    pub fn start_watched(&self) -> Result<RunningCommand<'a>> {
        let begun = Instant::now();
        let streams = if self.wants_terminal.get() { Streams::Terminal } else { Streams::TerminalIn };
        let first = self.run_once(self.target, streams, true, None);
        if first.is_ok() || self.is_used_up(begun) {
            return first;
        }
        self.run_once(self.target, Streams::Terminal, true, None).or(first)
    }

    fn is_used_up(&self, begun: Instant) -> bool {
        self.used_up.set(self.used_up.get() || begun.elapsed() >= self.stage.limit);
        self.used_up.get()
    }

    fn run_once(
        &self,
        target: &Target,
        streams: Streams,
        watched: bool,
        beside: Option<Pid>,
    ) -> Result<RunningCommand<'a>> {
        let (program, command) = self.stage.ordinary(target, self.decoy, streams, &[])?;
        let program = Program { watched, ..program };
        let mut session = Session::start_with(self.decoy, self.stage, (&program, command), None)?;
        let mut since = None;
        let found = |it: &Session| it.caught.or_else(|| find_one(self.decoy, command, beside, &mut since));
        match search(&mut session, self.decoy, command, found)? {
            Some(pid) => Ok(RunningCommand { session, pid, exe: observe::identity(pid).exe }),
            None => bail!(why_not(&mut session, self.stage, target)),
        }
    }

    /// Lets the command write a word and exit with this status, and waits for the program's end.
    pub fn end(&self, running: &mut RunningCommand, asked: i32, word: &str, quiet: bool) -> Result<Start> {
        // Who is gone has come to its end.
        if let Ok(mut hand) = Hand::seize(&mut running.session, running.pid) {
            works::command::end(&mut Attacker::new(&mut hand, word, &[]), asked, word);
        }
        let session = &mut running.session;
        session.wait(self.stage.limit)?;
        self.used_up.set(self.used_up.get() || session.timed_out());
        Ok(Start { asked, program: session.program(), stderr: session.stderr().to_vec(), quiet })
    }
}

/// What a check did by the command's hand: how that ended, and what the command has read.
pub type Done = (&'static Work, Result<(), String>, Vec<u8>);

/// Makes checks by the command's hand, one after the other.
pub fn make(hand: &mut Hand, checks: &[&'static Work], mark: &str) -> Vec<Done> {
    let make = |work: &&'static Work| {
        let mut attacker = Attacker::new(hand, mark, &[]);
        let result = (work.calls)(&mut attacker);
        (*work, result, attacker.taken)
    };
    checks.iter().map(make).collect()
}

/// What the host knows of a start as it begins.
pub fn facts(starts: &Starts, running: &RunningCommand, host: &Host) -> Result<Host> {
    Ok(Host {
        mark: random_word(24)?,
        namespaces: starts.decoy.ready.namespaces.clone(),
        attacker: observe::process(running.pid, &starts.decoy.ready),
        is_lab: host.is_lab,
        ..Host::default()
    })
}
