//! A hostile image, and a program that refuses it. That is a right answer, if it is an answer: a program that starts
//! nothing at all has refused nothing.

use super::attacker::find::{Command, find};
use super::by_hand::end;
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

/// What a program said that refused the image: it ended by itself and in failure before its command began, then twice
/// started the command in the same host on the honest image, and then refused the first again, since some programs
/// start only every now and then, and some every second time.
pub fn refusal(
    stage: &Stage,
    target: &Target,
    decoy: &Decoy,
    program: &Program,
    command: &Command,
    first: &mut Session,
) -> Result<Option<String>> {
    if said(first)?.is_none() {
        return Ok(None);
    }
    let honest = Target { template: target.at(HONEST), ..target.clone() };
    for _ in 0..2 {
        let (program, command) = stage.ordinary(&honest, decoy, program.streams, &[])?;
        let mut session = Session::start(decoy, stage, &program, None)?;
        let Some(found) = session.look_for(|_| find(decoy, command))? else { return Ok(None) };
        end(&mut session, &found)?;
    }
    let mut again = Session::start(decoy, stage, program, None)?;
    match again.look_for(|_| find(decoy, command))? {
        None => said(&mut again),
        Some(_) => Ok(None),
    }
}

/// What it said, if it ended by itself and in failure.
fn said(session: &mut Session) -> Result<Option<String>> {
    let Ending::Exited(status @ 1..) = session.program() else { return Ok(None) };
    if session.exec_error().is_some() {
        return Ok(None);
    }
    session.wait(std::time::Duration::ZERO)?;
    let said = last_line(session.stderr());
    Ok(Some(if said.is_empty() { format!("it exited with status {status}") } else { said }))
}
