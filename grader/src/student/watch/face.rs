//! The two faces of a watch: a board on a terminal, and lines.

use super::terminal::Screen;
use super::{Event, plain, terminal};
use crate::text::Shown;
use anyhow::Result;
use std::io;
use std::sync::mpsc::Sender;

/// How the watch is shown.
pub enum Face {
    /// On a terminal.
    Board(Box<Screen>),
    /// In lines.
    Plain(Box<dyn io::Write>),
}

impl Face {
    /// The board on this process's terminal.
    ///
    /// # Errors
    /// The terminal can't be set.
    pub fn board(colours: bool) -> Result<Face> {
        Ok(Face::Board(Box::new(Screen::open(colours)?)))
    }

    /// Lines on standard output. Colours are taken off where it is no terminal or NO_COLOR is set.
    pub fn plain() -> Face {
        Face::Plain(Box::new(Shown::new(anstream::AutoStream::auto(io::stdout()))))
    }

    /// Has keys told to `events`.
    pub(super) fn listen(&self, events: Sender<Event>) {
        match self {
            Face::Board(_) => terminal::listen(events),
            Face::Plain(_) => plain::listen(events),
        }
    }

    /// How many lines a page has.
    pub(super) fn page(&self) -> usize {
        match self {
            Face::Board(screen) => screen.page(),
            Face::Plain(_) => 1,
        }
    }
}
