//! Makes decoy hosts, and tries each attempt on a bare one, where nothing stops it.

use super::facts::Stands;
use crate::interrupts::Interrupted;
use crate::judge::verdict::{self, Outcome};
use crate::report::DecoyKind;
use crate::rootfs;
use crate::runner::workers::{Done, Job, Workers};
use crate::target::Target;
use crate::trial::Facts;
use anyhow::Result;
use attempts::attempts::ALL;
use nix::unistd::geteuid;
use std::time::Duration;

/// The simplest attempt: it needs only a shell. Where it fails, every attempt fails.
const SIMPLEST: &str = "shell-pid";

/// Makes decoy hosts of each kind that this person can make. The calling process must have one thread.
///
/// # Errors
/// Only [`Interrupted`]: a decoy that can't be made is a result.
pub fn all(limit: Duration) -> Result<Vec<(DecoyKind, Stands)>> {
    let kinds: &[DecoyKind] =
        if geteuid().is_root() { &[DecoyKind::Root, DecoyKind::User] } else { &[DecoyKind::User] };
    kinds.iter().map(|&kind| Ok((kind, one(kind, limit)?))).collect()
}

fn one(kind: DecoyKind, limit: Duration) -> Result<Stands> {
    match controls(kind, limit) {
        Err(error) if error.is::<Interrupted>() => Err(error),
        Err(error) => Ok(Stands::Fails(format!("{error:#}"))),
        Ok(stands) => Ok(stands),
    }
}

fn controls(kind: DecoyKind, limit: Duration) -> Result<Stands> {
    let rootfs = rootfs::embedded()?;
    let mut workers = Workers::start(&rootfs.path, limit)?;
    let simplest = run(&mut workers, kind, &[SIMPLEST])?;
    if let Some((_, why)) = simplest.iter().find_map(fell_short) {
        return Ok(Stands::Fails(why));
    }
    let rest: Vec<&str> = ALL.iter().map(|attempt| attempt.id).filter(|id| *id != SIMPLEST).collect();
    let rest = run(&mut workers, kind, &rest)?;
    let not: Vec<_> = rest.iter().filter_map(fell_short).collect();
    Ok(Stands::Works { landed: ALL.len() - not.len(), not })
}

/// Attempts on the bare decoy host.
fn run(workers: &mut Workers, kind: DecoyKind, ids: &[&str]) -> Result<Vec<(String, Facts)>> {
    let job = |id: &&str| Job::Attempt { target: Target::bare(kind), id: (*id).to_owned() };
    let jobs: Vec<Job> = ids.iter().map(job).collect();
    let mut found = Vec::new();
    workers.run(&jobs, |at, done| {
        if let Done::Attempt(facts) = done {
            found.push((ids[at].to_owned(), facts));
        }
    })?;
    Ok(found)
}

/// An attempt whose control failed, and why.
fn fell_short((id, control): &(String, Facts)) -> Option<(String, String)> {
    match verdict::attempt(control, control) {
        Outcome::Escaped(_) => None,
        other => Some((id.clone(), other.why().to_owned())),
    }
}
