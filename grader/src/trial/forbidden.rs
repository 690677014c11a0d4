//! A program that never starts its command, since its decoy host forbids what a real one allows.

use super::Stage;
use super::session::Session;
use crate::decoy::Decoy;
use crate::decoy::start::{Program, Streams};
use crate::report::DecoyKind;
use crate::target::Target;
use anyhow::Result;
use attempts::attempts::Need;
use std::time::Duration;

/// Starts the program once more, and follows its system calls: what the decoy refused to it and would refuse to anybody, if
/// that was the last that failed of what makes a container. Some look for a terminal before they do anything.
///
/// Its decoy is of no use afterwards.
pub fn forbidden(stage: &Stage, target: &Target, decoy: &Decoy, needs: &[Need]) -> Option<String> {
    if target.decoy != DecoyKind::User {
        return None;
    }
    let found = [Streams::Pipes, Streams::Terminal]
        .into_iter()
        .find_map(|streams| follow(stage, target, decoy, streams, needs).ok().flatten());
    decoy.end();
    found.map(|what| {
        format!(
            "a decoy host of the user kind refuses to everybody what the program can't do without: {what}; as root, --decoy \
             root judges it"
        )
    })
}

/// What a program does before it gives up is done within this time.
const FOLLOWED: Duration = Duration::from_secs(1);

fn follow(
    stage: &Stage,
    target: &Target,
    decoy: &Decoy,
    streams: Streams,
    needs: &[Need],
) -> Result<Option<String>> {
    let (program, _) = stage.ordinary(target, decoy, streams, needs)?;
    let program = Program { watched: true, ..program };
    let mut session = Session::start_followed(decoy, stage, &program)?;
    // Whoever starts its command with a terminal waits for input now: that is another start's time.
    session.wait(FOLLOWED.min(stage.limit))?;
    session.kill();
    Ok(session.refused().map(str::to_owned))
}
