//! The two user interfaces of a watch: the board on a terminal, and plain lines.

use super::terminal::Screen;
use super::{Event, plain, terminal};
use crate::text::Shown;
use anyhow::Result;
use std::io;
use std::sync::mpsc::Sender;

/// The user interface.
pub enum Ui {
    /// On a terminal.
    Board(Box<Screen>),
    /// Plain lines.
    Plain(Box<dyn io::Write>),
}

impl Ui {
    /// The board on this process's terminal.
    ///
    /// # Errors
    /// The terminal can't be set.
    pub fn board(colours: bool) -> Result<Ui> {
        Ok(Ui::Board(Box::new(Screen::open(colours)?)))
    }

    /// Lines on standard output. Colours are removed where it is no terminal or NO_COLOR is set.
    pub fn plain() -> Ui {
        Ui::Plain(Box::new(Shown::new(anstream::AutoStream::auto(io::stdout()))))
    }

    /// Sends keys to `events`.
    pub(super) fn listen(&self, events: Sender<Event>) {
        match self {
            Ui::Board(_) => terminal::listen(events),
            Ui::Plain(_) => plain::listen(events),
        }
    }

    /// How many lines a page has.
    pub(super) fn page(&self) -> usize {
        match self {
            Ui::Board(screen) => screen.page(),
            Ui::Plain(_) => 1,
        }
    }
}
