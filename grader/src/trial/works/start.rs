//! One start of the target, in which checks are made by the command's hand.

use super::super::attacker::command::WORDS;
use super::super::attacker::find::{find_one, search};
use super::super::attacker::hand::Hand;
use super::super::attacker::no_witness::NoWitness;
use super::super::not_started::NotStarted;
use super::super::session::Session;
use super::super::{Stage, observe};
use crate::decoy::Decoy;
use crate::decoy::start::{Program, Streams};
use crate::random::random_word;
use crate::target::Target;
use anyhow::{Result, anyhow, bail};
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
    /// How its command began, once it has: other ways are not tried any more.
    known: Cell<Option<Way>>,
    /// Of how many starts in that way the command began, and of how many in all.
    began: Cell<(usize, usize)>,
    /// How many starts did not come to their end in time.
    hung: Cell<usize>,
}

/// How a program is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// With the streams that were asked for.
    Asked,
    /// With a terminal on all three, on whichever it may want one.
    Terminal,
    /// With those that were asked for, and its command is held from its first instruction on: it gets no input, and would end
    /// at once.
    Held,
}

/// In turn, until one is known.
const WAYS: [Way; 3] = [Way::Asked, Way::Terminal, Way::Held];

/// So often a start is made in one way before it is given up: a race that is won one time in four is lost so often in a row
/// one time in thirty.
const TRIES: usize = 12;

/// After so many starts that hang there is no next one.
const MAX_HUNG: usize = 3;

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
        let (known, began, hung) = Default::default();
        Starts { stage, target, decoy, known, began, hung }
    }

    /// Whether a next start makes sense.
    pub fn may_go_on(&self) -> bool {
        self.hung.get() < MAX_HUNG && self.decoy.ending() == Ending::None
    }

    /// Of how many starts that were alike the command began, and of how many in all.
    pub fn began(&self) -> (usize, usize) {
        self.began.get()
    }

    /// Starts it, and again before it is given up: some are races, some demand a terminal, on whichever stream, and in some
    /// the command gets no input and ends at once. One that used up its time is not. The error says why the command never ran.
    pub fn start(
        &self,
        target: &Target,
        streams: Streams,
        beside: Option<Pid>,
    ) -> Result<RunningCommand<'a>> {
        self.try_each(|way| {
            let streams = if way == Way::Terminal { Streams::Terminal } else { streams };
            self.run_once(target, streams, way == Way::Held, beside)
        })
    }

    /// The same, with every execve(2) seen. `streams` may have to be a terminal on all three.
    pub fn start_watched(&self, streams: Streams) -> Result<RunningCommand<'a>> {
        self.try_each(|way| {
            let streams = if way == Way::Terminal { Streams::Terminal } else { streams };
            self.run_once(self.target, streams, true, None)
        })
    }

    /// Starts it in the way that is known, or in each in turn. The first start has said why, on a stream of its own.
    fn try_each(&self, run: impl Fn(Way) -> Result<RunningCommand<'a>>) -> Result<RunningCommand<'a>> {
        let begun = Instant::now();
        let (known, mut first) = (self.known.get(), None);
        let ways = if known.is_some() { 1 } else { WAYS.len() };
        for at in 0..TRIES * ways {
            let way = known.unwrap_or(WAYS[at % WAYS.len()]);
            match run(way) {
                Ok(running) => {
                    self.known.set(Some(way));
                    let (began, tried) = self.began.get();
                    self.began.set((began + 1, tried + 1 + at / ways));
                    return Ok(running);
                }
                Err(error) if error.is::<NoWitness>() => return Err(error),
                Err(error) => drop(first.get_or_insert(error)),
            }
            if begun.elapsed() >= self.stage.limit || !self.may_go_on() {
                break;
            }
        }
        Err(first.unwrap_or_else(|| anyhow!("it was not started")))
    }

    /// Asks it for a command that is not there. Whether it ends by itself.
    pub fn fail(&self) -> Result<bool> {
        let (program, _) = self.stage.ordinary(self.target, self.decoy, Streams::Pipes, &[])?;
        let is_terminal = self.known.get() == Some(Way::Terminal);
        let streams = if is_terminal { Streams::Terminal } else { Streams::Pipes };
        let argv = self.target.argv(&[format!("/bin/{}", random_word(8)?)], &random_word(8)?);
        let mut session =
            Session::start(self.decoy, self.stage, &Program { argv, streams, ..program }, None)?;
        session.wait(self.stage.limit)?;
        let ended = session.program() != Ending::None;
        if !ended {
            self.give_up(&mut session);
        }
        Ok(ended)
    }

    /// Ends a start that hangs, with all that it has made.
    fn give_up(&self, session: &mut Session) {
        self.hung.set(self.hung.get() + 1);
        self.decoy.gave_up();
        session.kill();
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
            None => {
                let why = NotStarted::of(&mut session, self.stage.limit);
                if session.program() == Ending::None {
                    self.give_up(&mut session);
                }
                bail!(why)
            }
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
        let start = Start { asked, program: session.program(), stderr: session.stderr().to_vec(), quiet };
        if start.program == Ending::None {
            self.give_up(session);
        }
        Ok(start)
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
        asked_for: WORDS.map(str::to_owned).to_vec(),
        executed_with: observe::words(running.pid),
        namespaces: starts.decoy.ready.namespaces.clone(),
        attacker: observe::process(running.pid, &starts.decoy.ready),
        is_lab: host.is_lab,
        ..Host::default()
    })
}
