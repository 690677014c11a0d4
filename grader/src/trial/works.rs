//! The works checks of one target: two starts in one decoy host. In the first the standard streams are pipes; in
//! the second standard input is a terminal and the host follows every execve(2). Then the host looks at what
//! is left.

use super::look::look;
use super::session::Session;
use super::{Stage, observe, why_not};
use crate::decoy::channel::Snapshot;
use crate::decoy::start::{Program, Streams};
use crate::decoy::{Decoy, random_word};
use crate::target::Target;
use anyhow::{Context, Result, bail};
use attempts::Host;
use attempts::wire::Answer;
use attempts::works::{ALL, Run, Work};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// The status that the command is asked to exit with: no usual one.
const STATUS: i32 = 87;

/// What became of one works check.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// The works check.
    pub id: String,
    /// Whether it holds; none where that is not known. The text says why.
    pub holds: Option<bool>,
    /// Why not.
    pub why: String,
}

/// Everything that the works checks of one target brought back.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Works {
    /// Why no decoy host could be made, if so.
    pub no_decoy: Option<String>,
    /// Why the command never started, if so.
    pub not_started: Option<String>,
    /// One finding a check.
    pub findings: Vec<Finding>,
    /// How long it took, in milliseconds.
    pub ms: f64,
}

/// Runs the works checks that a target of the labs' `number` is asked for; all, for any other program.
pub fn works(stage: &Stage, target: &Target, number: Option<usize>) -> Works {
    let begun = Instant::now();
    let asked: Vec<&Work> =
        ALL.iter().filter(|work| number.is_none_or(|lab| work.first_lab <= lab)).collect();
    let mut works = Works::default();
    let decoy = stage.decoy(target, &[]).and_then(|mut decoy| decoy.list_files().map(|()| decoy));
    let decoy = match decoy {
        Ok(decoy) => decoy,
        Err(error) => {
            works.no_decoy = Some(format!("{error:#}"));
            return works;
        }
    };
    for run in [Run::Pipes, Run::Watched] {
        let checks: Vec<&Work> = asked.iter().copied().filter(|work| work.run == run).collect();
        let streams = if run == Run::Watched { Streams::TerminalIn } else { Streams::Pipes };
        let mut found = start(stage, target, &decoy, run, streams, &checks);
        // A program that did not start is started once more before it is given up: some are races, some demand
        // a terminal, on whichever stream. One that used up its time is not.
        if found.is_err() && begun.elapsed() < stage.limit {
            // The first start has said why, on a stream of its own.
            found = start(stage, target, &decoy, run, Streams::Terminal, &checks).or(found);
        }
        match found {
            Ok(findings) => works.findings.extend(findings),
            Err(error) => works.missed(&checks, run, format!("{error:#}")),
        }
        if works.not_started.is_some() {
            break;
        }
    }
    let checks: Vec<&Work> = asked.iter().copied().filter(|work| work.run == Run::Afterwards).collect();
    let host = Host { left: left(&decoy), ..Host::default() };
    works.findings.extend(checks.iter().map(|work| finding(work, Ok(()), &host)));
    stage.shared.keep(target, decoy);
    works.ms = begun.elapsed().as_secs_f64() * 1000.0;
    works
}

impl Works {
    /// Notes that a start brought nothing.
    fn missed(&mut self, checks: &[&Work], run: Run, why: String) {
        if run == Run::Pipes {
            self.not_started = Some(why.clone());
        }
        for work in checks {
            self.findings.push(Finding { id: work.id.into(), holds: None, why: why.clone() });
        }
    }
}

/// One start. The error says why the command never ran.
fn start(
    stage: &Stage,
    target: &Target,
    decoy: &Decoy,
    run: Run,
    streams: Streams,
    checks: &[&Work],
) -> Result<Vec<Finding>> {
    let watched = run == Run::Watched;
    let program = Program { watched, ..stage.program(target, decoy, streams, &[])? };
    let mut session = Session::start(decoy, stage, &program, None)?;
    if !session.hello()? {
        bail!(why_not(&mut session, stage));
    }
    let pid = session.guest().and_then(|guest| guest.pid);
    let pid = pid.context("the command spoke over standard output, and the host did not find it")?;
    let mut host = Host {
        mark: random_word(24)?,
        namespaces: decoy.ready.namespaces.clone(),
        attacker: observe::process(pid, &decoy.ready),
        asked_status: STATUS,
        ..Host::default()
    };
    if !watched {
        observe::companions(pid, &mut host.attacker);
    }
    let mut inside = Vec::new();
    for work in checks {
        let (_, answers) = session.ask(work.id, &host.mark, Vec::new())?;
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
        inside.push((*work, result, said));
    }
    host.attacker.mountinfo = observe::process(pid, &decoy.ready).mountinfo;
    session.dismiss(STATUS, &host.mark)?;
    look(decoy, &session, &[], None, &mut host)?;
    host.executed = executed(&session, decoy);
    Ok(inside
        .into_iter()
        .map(|(work, result, said)| finding(work, result, &Host { said, ..host.clone() }))
        .collect())
}

fn finding(work: &Work, inside: Result<(), String>, host: &Host) -> Finding {
    let found = inside.and_then(|()| (work.judge)(host));
    Finding { id: work.id.into(), holds: Some(found.is_ok()), why: found.err().unwrap_or_default() }
}

/// The programs that were executed between the target's own and the probe. None where the host did not see
/// the probe start.
fn executed(session: &Session, decoy: &Decoy) -> Option<Vec<String>> {
    let seen = &session.executed;
    let probe = decoy.ready.probe;
    seen.iter().find(|(file, _)| *file == probe)?;
    Some(seen.iter().skip(1).filter(|(file, _)| *file != probe).map(|(_, name)| name.clone()).collect())
}

/// What is there now and was not before, or the other way round.
fn left(decoy: &Decoy) -> Vec<String> {
    let before = &decoy.ready.first;
    // What is dying already gets a moment.
    let patience = Instant::now() + Duration::from_millis(200);
    loop {
        let Some(now) = decoy.snapshot(true) else { return vec!["the host itself is gone".into()] };
        let found = differences(before, &now);
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
