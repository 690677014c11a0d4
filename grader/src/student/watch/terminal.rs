//! The terminal: set up for the board, and restored however the watch ends.

use super::Event;
use super::board;
use super::key::KeyPress;
use super::setting::PageContext;
use super::state::WatchState;
use anyhow::{Context, Result};
use ratatui_core::terminal::Terminal;
use ratatui_crossterm::CrosstermBackend;
use ratatui_crossterm::crossterm::event::{self, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui_crossterm::crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
};
use ratatui_crossterm::crossterm::{cursor, execute, terminal};
use std::io::{self, Stdout, Write};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread;

/// Whether the terminal is set up for the board.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The board on a terminal. The terminal is restored on drop, and before a panic is reported.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    colours: bool,
}

impl Screen {
    /// Sets up the terminal.
    ///
    /// # Errors
    /// It can't be set.
    pub fn open(colours: bool) -> Result<Screen> {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            restore();
            before(panic);
        }));
        TAKEN.store(true, Ordering::SeqCst);
        let take = || -> io::Result<_> {
            terminal::enable_raw_mode()?;
            execute!(io::stdout(), EnterAlternateScreen, cursor::Hide)?;
            Terminal::new(CrosstermBackend::new(io::stdout()))
        };
        match take() {
            Ok(terminal) => Ok(Screen { terminal, colours }),
            Err(error) => {
                restore();
                Err(error).context("the terminal can't be set; --plain needs none")
            }
        }
    }

    /// Draws the board.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn draw(&mut self, state: &mut WatchState, context: &PageContext) -> io::Result<()> {
        let colours = self.colours;
        let mut scroll = state.scroll;
        // Synchronized update: a terminal that supports it shows whole frames only.
        execute!(io::stdout(), BeginSynchronizedUpdate)?;
        self.terminal.draw(|frame| scroll = board::draw(frame, state, context, colours))?;
        execute!(io::stdout(), EndSynchronizedUpdate)?;
        state.scroll = scroll;
        Ok(())
    }

    /// How many lines a page has.
    pub fn page(&self) -> usize {
        self.terminal.size().map_or(10, |size| usize::from(size.height).saturating_sub(8))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// Restores the terminal, once.
fn restore() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        // If the terminal is closed, nobody can read an error.
        let _ = execute!(io::stdout(), EndSynchronizedUpdate, LeaveAlternateScreen, cursor::Show);
        let _ = terminal::disable_raw_mode();
        let _ = io::stdout().flush();
    }
}

/// Sends keys and changes of size, for the life of the process.
pub fn listen(events: Sender<Event>) {
    thread::spawn(move || {
        loop {
            let event = match event::read() {
                Ok(event::Event::Key(it)) if it.kind != KeyEventKind::Release => key(it).map(Event::Key),
                Ok(event::Event::Resize(..)) => Some(Event::Resize),
                Ok(_) => None,
                Err(_) => Some(Event::EndOfInput),
            };
            let is_over = matches!(event, Some(Event::EndOfInput));
            if event.is_some_and(|event| events.send(event).is_err()) || is_over {
                return;
            }
        }
    });
}

fn key(it: KeyEvent) -> Option<KeyPress> {
    if it.modifiers.contains(KeyModifiers::CONTROL) {
        return matches!(it.code, KeyCode::Char('c' | 'd')).then_some(KeyPress::Quit);
    }
    match it.code {
        KeyCode::Char(letter) => KeyPress::of(letter),
        KeyCode::Esc | KeyCode::Backspace => Some(KeyPress::Back),
        KeyCode::Enter => Some(KeyPress::Try),
        KeyCode::Up => Some(KeyPress::Up),
        KeyCode::Down => Some(KeyPress::Down),
        KeyCode::PageUp => Some(KeyPress::PageUp),
        KeyCode::PageDown => Some(KeyPress::PageDown),
        KeyCode::Home => Some(KeyPress::Top),
        KeyCode::End => Some(KeyPress::Bottom),
        _ => None,
    }
}
