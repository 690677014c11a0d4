//! A program that never starts its command, since its decoy host forbids what a real one allows.

use super::Stage;
use super::attacker::find::find;
use super::session::Session;
use crate::decoy::Decoy;
use crate::decoy::start::{Program, Streams};
use crate::report::DecoyKind;
use crate::target::Target;
use anyhow::{Result, ensure};
use attempts::attempts::Need;

/// Starts the program once more, and follows its system calls: what the decoy refused to it and would refuse to anybody, if
/// that was the last that failed of what makes a container. Some look for a terminal before they do anything.
///
/// Its decoy is of no use afterwards.
pub fn forbidden(stage: &Stage, target: &Target, decoy: &Decoy, needs: &[Need]) -> Option<String> {
    if target.decoy != DecoyKind::User {
        return None;
    }
    // What could not be followed to its end looks for no terminal.
    let found = [Streams::Pipes, Streams::Terminal]
        .into_iter()
        .map_while(|streams| follow(stage, target, decoy, streams, needs).ok())
        .flatten()
        .next();
    decoy.end();
    found.map(|what| {
        format!(
            "a decoy host of the user kind refuses to everybody what the program can't do without: {what}; as root, --decoy \
             root judges it"
        )
    })
}

fn follow(
    stage: &Stage,
    target: &Target,
    decoy: &Decoy,
    streams: Streams,
    needs: &[Need],
) -> Result<Option<String>> {
    let (program, command) = stage.ordinary(target, decoy, streams, needs)?;
    let program = Program { watched: true, ..program };
    let mut session = Session::start_followed(decoy, stage, &program)?;
    // Whose command starts was refused nothing that it can't do without.
    let found = find(&mut session, decoy, command)?;
    ensure!(found.is_some() || !session.timed_out(), "it takes too long");
    Ok(session.refused().filter(|_| found.is_none()).map(str::to_owned))
}
