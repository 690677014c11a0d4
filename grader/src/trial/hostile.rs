//! A hostile image, and a program that refuses it. That is a right answer, if it is an answer: a program that starts
//! nothing at all has refused nothing.

use super::session::Session;
use super::{Stage, last_line};
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

/// A start in the image, and what the program said if it refused it: it ended by itself and in failure before its
/// command began, then twice started the command in the same host on the honest image, and then did the first again,
/// since some programs start only every now and then, and some every second time.
pub fn start<'a>(
    stage: &'a Stage,
    target: &Target,
    decoy: &'a Decoy,
    program: &Program,
    mut session: Session<'a>,
) -> Result<(Session<'a>, Option<String>)> {
    if refusal(&mut session)?.is_none() {
        return Ok((session, None));
    }
    for _ in 0..2 {
        if !starts_honest(stage, target, decoy, program)? {
            return Ok((session, None));
        }
    }
    let mut again = Session::start(decoy, stage, program, None)?;
    let refused = refusal(&mut again)?;
    Ok((again, refused))
}

/// What it said, if it ended by itself and in failure before its command began.
fn refusal(session: &mut Session) -> Result<Option<String>> {
    if session.hello()? || session.refused.first().is_some() {
        return Ok(None);
    }
    let Ending::Exited(status @ 1..) = session.program() else { return Ok(None) };
    session.wait(std::time::Duration::ZERO)?;
    let said = last_line(session.stderr());
    Ok(Some(if said.is_empty() { format!("it exited with status {status}") } else { said }))
}

/// Whether the program starts its command in the same host on the image as it was.
fn starts_honest(stage: &Stage, target: &Target, decoy: &Decoy, program: &Program) -> Result<bool> {
    let honest = Target { template: target.at(HONEST), ..target.clone() };
    let argv = stage.program(&honest, decoy, program.streams, &[])?.argv;
    let mut session = Session::start(decoy, stage, &Program { argv, ..program.clone() }, None)?;
    let started = session.hello()? && session.probe().is_some_and(|probe| probe.pid.is_some());
    session.leave()?;
    Ok(started)
}
