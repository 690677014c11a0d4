//! A hostile image, and a program that refuses it. That is a right answer, if it is an answer: a program that starts
//! nothing at all has refused nothing.

use super::Stage;
use super::attacker::find::find;
use super::not_started::{in_short, lines};
use super::session::Session;
use crate::decoy::Decoy;
use crate::decoy::image::{HONEST, Link};
use crate::decoy::start::Program;
use crate::target::Target;
use anyhow::Result;
use attempts::attempts::Need;
use attempts::host::Ending;

/// The link that an attempt wants in the image.
pub fn link(needs: &[Need]) -> Option<Link> {
    needs.iter().find_map(|need| match *need {
        Need::ImageLink { name, to } => Some(Link { name, to }),
        _ => None,
    })
}

/// A start in the image that did not reach the command, and what the program said if it refused it: it ended by itself and
/// in failure, then twice started the command in the same host on the honest image, and then did the first again,
/// since some programs start only every now and then, and some every second time.
pub fn again<'a>(
    stage: &'a Stage,
    target: &Target,
    decoy: &'a Decoy,
    program: &Program,
    mut first: Session<'a>,
) -> Result<(Session<'a>, Option<String>)> {
    if said(&mut first)?.is_none() {
        return Ok((first, None));
    }
    let watched = program.watched;
    let honest = Target { template: target.at(HONEST), ..target.clone() };
    for _ in 0..2 {
        let (program, command) = stage.ordinary(&honest, decoy, program.streams, &[])?;
        let program = Program { watched, ..program };
        let mut session = Session::start_with(decoy, stage, (&program, command), None)?;
        let Some(found) = find(&mut session, decoy, command)? else { return Ok((first, None)) };
        session.end_commands(&found)?;
    }
    let (_, command) = stage.ordinary(target, decoy, program.streams, &[])?;
    let mut again = Session::start_with(decoy, stage, (program, command), None)?;
    let refused = match find(&mut again, decoy, command)? {
        None => said(&mut again)?,
        Some(_) => None,
    };
    Ok((again, refused))
}

/// What it said, if it ended by itself and in failure.
fn said(session: &mut Session) -> Result<Option<String>> {
    let Ending::Exited(status @ 1..) = session.program() else { return Ok(None) };
    session.wait(std::time::Duration::ZERO)?;
    let said = in_short(&lines(session.stderr()));
    Ok(Some(if said.is_empty() { format!("it exited with status {status}") } else { said }))
}
