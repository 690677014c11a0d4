//! The attack with one process's hand, and the host's look before anybody else moves.

use super::record::{explain, record};
use super::trial::Trial;
use crate::decoy::Decoy;
use crate::decoy::secrets::{RENEWED, words_for};
use crate::proc;
use crate::random::random_word;
use crate::trial::attacker::filtered::KilledFor;
use crate::trial::attacker::hand::Hand;
use crate::trial::attacker::prepare::{killed_for, prepare};
use crate::trial::evidence::{death, evidence};
use crate::trial::facts::{Facts, SeenCall};
use crate::trial::freeze::freeze;
use crate::trial::group::ContainerGroup;
use crate::trial::requirements::attacker_hints;
use crate::trial::rival::Rival;
use crate::trial::session::Session;
use crate::trial::{look, observe, stakes, terminal};
use anyhow::{Context, Result};
use attempts::attacker::{Argument, Attacker, Call, Failed, Hand as _};
use attempts::attempts::Need;
use attempts::host::Ending;
use attempts::host::mounts::places_of;
use attempts::refusals::Refusal;
use attempts::rules::Rule;
use attempts::{Host, Seen};
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::Pid;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// A word that the command writes comes out of the program within this time, if it is its command.
const PASSED_ON: Duration = Duration::from_millis(500);

/// So much of its input is read at once.
const LINE: usize = 256;

/// What follows from the death of the attacker is there within this time.
const CONSEQUENCES: Duration = Duration::from_secs(1);

/// Why the host's look counts for nothing, where a program has made more than is looked at.
const TOO_MUCH: &str = "the program made more mounts or set-user-ID files on the host than are looked at";

/// Makes the attack with this process's hand.
pub fn attack_by(trial: &Trial, session: &mut Session, group: Option<&ContainerGroup>, pid: Pid) -> Facts {
    let mut one = One { trial, group, pid, facts: Facts::default(), others: vec![pid] };
    let done = one.run(session);
    session.release_all(&one.others);
    if let Err(why) = done {
        if let Some(KilledFor(call)) = why.downcast_ref() {
            one.facts.filtered = Some(call.clone().into());
        }
        (one.facts.distrust, one.facts.tampered) = (Some(format!("{why:#}")), true);
    }
    one.facts
}

struct One<'a> {
    trial: &'a Trial<'a>,
    group: Option<&'a ContainerGroup<'a>>,
    pid: Pid,
    facts: Facts,
    /// Those that are no children of its hand: itself, and all that were there beside it.
    others: Vec<Pid>,
}

impl One<'_> {
    fn run(&mut self, session: &mut Session) -> Result<()> {
        let (pid, decoy) = (self.pid, self.trial.decoy);
        is_in_the_decoy(pid)?;
        let pid1 = observe::pid1_of(pid).filter(|pid1| *pid1 != decoy.pid1());
        let mut hand = Hand::seize(session, pid)?;
        // Before that it may have ended, and its number may be another's.
        is_in_the_decoy(pid)?;
        let rules = hand.session.rules;
        let at_victim = self.trial.attempt.class == Refusal::Process;
        let is_heard = is_heard(&mut hand)? || !rules.holds(Rule::Heard);
        // Who gets no input at all was caught before it could end.
        let waits = hand.session.caught != Some(pid);
        let is_fed = !waits || is_fed(&mut hand)? || !rules.holds(Rule::Heard);
        self.others = match rules.holds(Rule::Freeze) {
            true => freeze(hand.session, decoy, pid, at_victim)?,
            false => proc::descendants(decoy.pid1()).into_iter().flat_map(proc::tasks).collect(),
        };
        prepare(&mut hand, &self.others, decoy)?;
        let mut host = self.trial.host()?;
        if rules.holds(Rule::Whole) {
            host.unfit = stakes::unfit(hand.session, self.trial.stage, decoy, self.trial.attempt.class);
        }
        if at_victim && rules.holds(Rule::Fresh) && stakes::victim_is_whole(decoy) {
            decoy.renew_victim().context("the host's process")?;
            // Until then the old one could move, whatever a program had made of it.
            if rules.holds(Rule::Freeze) {
                self.others = freeze(hand.session, decoy, pid, at_victim)?;
            }
        }
        let canary = decoy.lay_canary().context("the host's canary")?;
        host.secrets.insert("canary".into(), canary.word.clone());
        host.stakes.insert("canary".into(), canary.numbers());
        host.stakes.entry("root".into()).or_default().extend(canary.directories());
        let mut known = self.known(&canary.path);
        known.push(("choice".into(), hand.session.filtered.choice()?.to_owned()));
        if self.trial.attempt.needs.contains(&Need::Services) {
            known.extend(renew_services(decoy, &mut host, rules.holds(Rule::Fresh))?);
        }
        self.attack(&mut hand, &mut host, known);
        // A filter kills nobody else.
        if self.facts.seen_call == SeenCall::Begun && self.facts.killed_by.is_none() {
            wait_for_consequences(hand.session, decoy.ending() != Ending::None, pid1);
        }
        self.look(hand.session, pid1, &mut host)?;
        host.spoiled.extend(canary.is_spoiled().then(|| "canary".to_owned()));
        canary.remove();
        explain(&mut self.facts, self.trial.attempt.class, &host);
        let seen = evidence(&self.facts, &host);
        self.facts.evidence.splice(0..0, seen);
        let has_effect = matches!(self.facts.seen, Seen::Effect(_));
        if !is_fed && !has_effect {
            anyhow::bail!("what is written to the program does not come to the command that the host found");
        }
        if !is_heard && !has_effect && !self.ends_the_program(&mut hand)? {
            anyhow::bail!("what the command that the host found writes does not come out of the program");
        }
        hand.let_go();
        Ok(())
    }

    /// What an attacker may know of its host, whose canary lies here.
    fn known(&self, canary: &str) -> Vec<(String, String)> {
        let decoy = self.trial.decoy;
        let mut known = vec![
            ("canary".to_owned(), canary.to_owned()),
            ("root-uid".to_owned(), decoy.root_id().to_string()),
            ("root-device".to_owned(), decoy.ready.root.0.to_string()),
        ];
        if self.trial.attempt.class == Refusal::Root {
            let mounts = observe::mounts_of_namespace(self.pid).unwrap_or_default();
            let hosts = decoy.ready.first.mountinfo.as_deref().unwrap_or_default();
            known.push(("canary-at".into(), places_of(&mounts, hosts, canary)));
        }
        known
    }

    /// All stand still: the attacker's state is read, and it makes its calls. It may know of
    /// the stakes.
    fn attack(&mut self, hand: &mut Hand, host: &mut Host, known: Vec<(String, String)>) {
        let Trial { stage, decoy, attempt, .. } = self.trial;
        host.attacker_before = observe::process(self.pid, &decoy.ready);
        host.attacker = host.attacker_before.clone();
        host.foreground.0 = look::foreground(hand.session);
        host.group.0 = self.group.map(|group| group.look(Some(self.pid))).unwrap_or_default();
        host.terminal = terminal::terminal(hand.session, self.pid);
        let mut hints = attacker_hints(stage, &host.attacker, decoy);
        hints.extend(terminal::hints(hand.session, self.pid, host.terminal));
        hints.extend(known);
        hand.session.filtered.give(hints.iter().map(|(_, value)| value.as_str()));
        let then = (Instant::now(), observe::cpu(self.pid));
        let mut attacker = Attacker::new(hand, &host.mark, &hints).under(stage.rules);
        let result = (attempt.attack)(&mut attacker);
        host.said = std::mem::take(&mut attacker.taken);
        host.opened = std::mem::take(&mut attacker.opened);
        host.handles = std::mem::take(&mut attacker.handles);
        hand.leave_child();
        let cpu = then.1.and_then(|before| observe::cpu_since(self.pid, before, then.0));
        host.attacker.cpu = cpu.unwrap_or_default();
        if let Some(group) = self.group.filter(|_| attempt.needs.contains(&Need::Rival)) {
            host.group.1 = group.look(Some(self.pid));
            if !matches!((attempt.witness)(host), Seen::Confined(_)) {
                let both = Rival::start(group, self.pid).and_then(|rival| rival.compare(hand));
                host.rivalry = Some(both.map_err(|error| format!("{error:#}")));
            }
        }
        self.facts.filtered = hand.killed_for.take().map(Box::new);
        record(&mut self.facts, attempt, &std::mem::take(&mut hand.made), result);
        host.call = match self.facts.seen_call {
            SeenCall::None | SeenCall::Property => None,
            SeenCall::Begun => Some(None),
            SeenCall::Returned(value) => Some(Some(value)),
        };
    }

    /// What became of the attacker and of the host.
    ///
    /// # Errors
    /// The host lives, and could not look at all of it.
    fn look(&mut self, session: &Session, pid1: Option<Pid>, host: &mut Host) -> Result<()> {
        let Trial { decoy, attempt, .. } = self.trial;
        let now = observe::process(self.pid, &decoy.ready);
        // Who has ended has none; a root that was detached has no mounts.
        if !now.namespaces.is_empty() {
            let cpu = host.attacker.cpu;
            host.attacker = observe_with_cpu(now, cpu);
            host.attacker.executes = observe::executed(self.pid);
        }
        host.container_pid1 = death(session, pid1);
        if let Ending::Killed(signal) = death(session, Some(self.pid)) {
            self.facts.killed_by = Some(signal);
        }
        let whole = look::look(decoy, session, attempt.needs, Some(self.pid), host);
        host.group.1 = self.group.map(|group| group.look(Some(self.pid))).unwrap_or_default();
        let rules = session.rules;
        if rules.holds(Rule::Whole) {
            host.spoiled = decoy.spoiled();
        }
        let served = host.services.as_ref().map(|_| decoy.services(None));
        if let Some(Ok(served)) = &served {
            host.services = Some(served.clone());
        }
        self.facts.seen = (attempt.witness)(host);
        // A reboot takes the host while it looks; it is told by wait(2).
        match (whole, host.pid1) {
            _ if !rules.holds(Rule::WholeLook) => Ok(()),
            (_, Ending::Killed(_) | Ending::Exited(_)) => Ok(()),
            (Ok(true), _) => served.transpose().map(drop).context("the host's services were spoiled"),
            (Ok(false), _) => Err(anyhow::anyhow!(TOO_MUCH)),
            (Err(error), _) => Err(error),
        }
    }

    /// Whether the program's exit status is the one that the command exits with; or, where that has died, whether the program
    /// ends with it, and not in success.
    fn ends_the_program(&self, hand: &mut Hand) -> Result<bool> {
        let status = i32::from(u8::from_str_radix(&random_word(2)?, 16)? % 100) + 20;
        let attacker = hand.pid();
        hand.session.release_all_but(Some(attacker), &self.others);
        if death(hand.session, Some(attacker)) != Ending::None {
            hand.session.wait(CONSEQUENCES)?;
            return Ok(!matches!(hand.session.program(), Ending::None | Ending::Exited(0)));
        }
        let _ = hand.call(&Call {
            name: "exit_group",
            number: libc::SYS_exit_group,
            arguments: vec![status.into()],
        });
        hand.session.wait(CONSEQUENCES)?;
        Ok(hand.session.program() == Ending::Exited(status))
    }
}

/// Makes the host's services anew: nobody has prepared for them. Returns what an attacker may know of them.
fn renew_services(decoy: &Decoy, host: &mut Host, fresh: bool) -> Result<Vec<(String, String)>> {
    let words = words_for(&RENEWED)?;
    let served = decoy.services(fresh.then_some(&words)).context("the host's services")?;
    if fresh {
        // What it is called since the container was made, and what it was called before: both are its name.
        host.secrets.insert("first-hostname".into(), host.secret("hostname").to_owned());
        host.secrets.extend(words);
    }
    let (segment_key, segment) = served.segment;
    let key = served.key.as_ref().map(|(description, ..)| description.clone());
    let given = [
        ("segment", segment.to_string()),
        ("segment-key", segment_key.to_string()),
        ("queue", served.queue.0.clone()),
        ("abstract-name", served.abstract_name.clone()),
        ("port", served.port.to_string()),
        ("key", key.unwrap_or_default()),
    ];
    host.services = Some(served);
    Ok(given.map(|(name, value)| (name.to_owned(), value)).into())
}

fn observe_with_cpu(process: attempts::host::Process, cpu: attempts::host::Cpu) -> attempts::host::Process {
    attempts::host::Process { cpu, ..process }
}

/// The end of the attacker may be that of its whole PID namespace, and on a busy machine that takes its time.
fn wait_for_consequences(session: &mut Session, host_is_dead: bool, pid1: Option<Pid>) {
    let patience = Instant::now() + CONSEQUENCES;
    let ended = |it: &Session| host_is_dead || it.host_is_dead() || death(it, pid1) != Ending::None;
    let _ = session.look_for(|it| (ended(it) || Instant::now() > patience).then_some(()));
}

/// The last word on reboot(2): never in a PID namespace that is the grader's own or the machine's first.
fn is_in_the_decoy(pid: Pid) -> Result<()> {
    let theirs =
        observe::namespace(pid, "pid").context("the host could not read the command's PID namespace")?;
    let ours = observe::namespace(Pid::this(), "pid");
    let outside = Some(theirs) == ours || theirs == observe::FIRST_PID_NAMESPACE;
    anyhow::ensure!(!outside, "the command was outside of the decoy's PID namespace");
    Ok(())
}

/// Whether a word that the command writes comes out of the program: so it is the program's command, and no other process.
fn is_heard(hand: &mut Hand) -> Result<bool> {
    let word = random_word(16)?;
    // A program may pass on whole lines only.
    let line = format!("{word}\n").into_bytes();
    let length = Argument::Number(line.len() as i64);
    let arguments = vec![Argument::Number(1), Argument::Bytes(line), length];
    let written = hand.call(&Call { name: "write", number: libc::SYS_write, arguments });
    hand.made.clear();
    if written == Err(Failed::Filtered) {
        return Err(killed_for(hand));
    }
    Ok(written.is_ok() && hand.session.hears(&word, PASSED_ON)?)
}

/// Whether a word that is written to the program comes to the command, which waits for it. Another one may have the input in
/// the end.
fn is_fed(hand: &mut Hand) -> Result<bool> {
    let word = random_word(16)?;
    hand.session.write_line(&word);
    let (mut come, deadline) = (Vec::<u8>::new(), Instant::now() + PASSED_ON);
    while !come.windows(word.len()).any(|window| window == word.as_bytes()) {
        let Ok(input) = hand.duplicate(0) else { return Ok(false) };
        let mut ready = [PollFd::new(input.as_fd(), PollFlags::POLLIN)];
        if poll(&mut ready, PollTimeout::ZERO).unwrap_or(0) == 0 {
            if Instant::now() > deadline {
                return Ok(false);
            }
            hand.session.look_at(hand.pid());
            continue;
        }
        let arguments = vec![0.into(), Argument::room(LINE), (LINE as i64).into()];
        let read = hand.call(&Call { name: "read", number: libc::SYS_read, arguments });
        hand.made.clear();
        match read {
            Ok(mut read) if read.value > 0 => come.extend(&read.rooms.remove(0)[..read.value as usize]),
            Err(Failed::Filtered) => return Err(killed_for(hand)),
            _ => return Ok(false),
        }
    }
    Ok(true)
}
