//! A terminal, and a program on it.

use crate::common::stage::PATIENCE;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::libc;
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{Termios, tcgetattr};
use nix::unistd::{Pid, setsid};
use std::fs::File;
use std::io::{self, Read, Write};
use std::num::NonZero;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Instant;

/// A program on a terminal. It is killed when this is dropped.
pub struct Pty {
    child: Child,
    master: File,
    /// Held open, so that the settings outlive the program.
    slave: OwnedFd,
    before: Termios,
    screen: Arc<Seen>,
}

/// What the terminal has shown.
struct Seen {
    now: Mutex<Now>,
    changed: Condvar,
}

struct Now {
    parser: vt100::Parser,
    /// The last bytes, in which a mark may have begun.
    tail: Vec<u8>,
    /// What was shown when the last frame was whole.
    frame: Option<String>,
}

/// By this a program says that it has drawn all of a frame (synchronized output, mode 2026).
const WHOLE: &[u8] = b"\x1b[?2026l";

impl Seen {
    fn take(&self, bytes: &[u8]) {
        let mut now = self.now.lock().unwrap();
        for byte in bytes {
            now.parser.process(&[*byte]);
            now.tail.push(*byte);
            if now.tail.ends_with(WHOLE) {
                now.frame = Some(now.parser.screen().contents());
                now.tail.clear();
            }
        }
        let begin = now.tail.len().saturating_sub(WHOLE.len());
        now.tail.drain(..begin);
        self.changed.notify_all();
    }
}

impl Now {
    /// What is shown: of a program that draws frames only whole ones.
    fn text(&self) -> String {
        let screen = self.parser.screen();
        self.frame.clone().filter(|_| screen.alternate_screen()).unwrap_or_else(|| screen.contents())
    }
}

impl Pty {
    /// Starts it on a terminal of so many columns and lines, with colours.
    pub fn start(mut command: Command, columns: u16, lines: u16) -> Pty {
        command.env_remove("NO_COLOR");
        command.env("TERM", "xterm-256color");
        Pty::start_as_it_is(command, columns, lines)
    }

    /// The same, with the environment that it was given.
    pub fn start_as_it_is(mut command: Command, columns: u16, lines: u16) -> Pty {
        let pty = openpty(&size(columns, lines), None).unwrap();
        // Else the program holds the other end of its own terminal, and outlives a test that was killed.
        fcntl(&pty.master, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).unwrap();
        let before = tcgetattr(&pty.slave).unwrap();
        let stream = || pty.slave.try_clone().unwrap();
        command.stdin(stream()).stdout(stream()).stderr(stream());
        let terminal = || {
            setsid()?;
            // SAFETY: an ioctl without a pointer, on this process's standard input.
            match unsafe { libc::ioctl(0, libc::TIOCSCTTY, 0) } {
                -1 => Err(io::Error::last_os_error()),
                _ => Ok(()),
            }
        };
        // SAFETY: two system calls, in a child that the program then replaces.
        unsafe { command.pre_exec(terminal) };
        let child = command.spawn().unwrap();
        let master = File::from(pty.master);
        let now = Now { parser: parser(columns, lines), tail: Vec::new(), frame: None };
        let screen = Arc::new(Seen { now: Mutex::new(now), changed: Condvar::new() });
        let (mut from, to) = (master.try_clone().unwrap(), screen.clone());
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(number @ 1..) = from.read(&mut bytes) {
                to.take(&bytes[..number]);
            }
        });
        Pty { child, master, slave: pty.slave, before, screen }
    }

    /// Types.
    pub fn keys(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Gives the terminal another size.
    pub fn resize(&self, columns: u16, lines: u16) {
        self.screen.now.lock().unwrap().parser.screen_mut().set_size(one(lines), one(columns));
        // SAFETY: the structure is whole, and outlives the call.
        let done = unsafe { libc::ioctl(self.master.as_raw_fd(), libc::TIOCSWINSZ, &size(columns, lines)) };
        assert_eq!(done, 0);
    }

    /// Sends a signal to the program.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Its process.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32)
    }

    /// What is on the screen now.
    pub fn text(&self) -> String {
        self.screen.now.lock().unwrap().text()
    }

    /// Waits until the screen is as it should be, and returns it.
    #[track_caller]
    pub fn wait(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        let mut now = self.screen.now.lock().unwrap();
        loop {
            let text = now.text();
            if is_so(&text) {
                return text;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "it did not come to this: {what}\n{text}");
            now = self.screen.changed.wait_timeout(now, left).unwrap().0;
        }
    }

    /// Waits until these words are on the screen.
    #[track_caller]
    pub fn shows(&self, words: &str) -> String {
        self.wait(words, |text| text.contains(words))
    }

    /// Waits for the end of the program.
    #[track_caller]
    pub fn ended(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < end, "it did not end\n{}", self.text());
            thread::sleep(std::time::Duration::from_millis(2));
        }
    }

    /// Waits for the end, and sees that the terminal is as it was: its settings, the screen, the cursor.
    #[track_caller]
    pub fn gives_the_terminal_back(&mut self) -> ExitStatus {
        let status = self.ended();
        let end = Instant::now() + PATIENCE;
        let is_back = |screen: &vt100::Screen| !screen.alternate_screen() && !screen.hide_cursor();
        while !is_back(self.screen.now.lock().unwrap().parser.screen()) {
            assert!(Instant::now() < end, "the terminal is still the board's: {status:?}\n{}", self.text());
            thread::sleep(std::time::Duration::from_millis(2));
        }
        let after = tcgetattr(&self.slave).unwrap();
        assert_eq!(after, self.before, "the terminal's settings");
        status
    }

    /// Whether anything on the screen has a colour.
    pub fn has_colours(&self) -> bool {
        let parser = &self.screen.now.lock().unwrap().parser;
        let (lines, columns) = parser.screen().size();
        let coloured = |line, column| {
            let cell = parser.screen().cell(line, column);
            cell.is_some_and(|it| {
                it.fgcolor() != vt100::Color::Default || it.bgcolor() != vt100::Color::Default
            })
        };
        (0..lines.get()).any(|line| (0..columns.get()).any(|column| coloured(line, column)))
    }

    /// Whether the board has the terminal.
    pub fn is_taken(&self) -> bool {
        let parser = &self.screen.now.lock().unwrap().parser;
        parser.screen().alternate_screen() && parser.screen().hide_cursor()
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        if self.child.try_wait().ok().flatten().is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// How a program ended, as a shell would tell it.
pub fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

fn parser(columns: u16, lines: u16) -> vt100::Parser {
    vt100::Parser::new(one(lines), one(columns), 0)
}

fn one(number: u16) -> NonZero<u16> {
    NonZero::new(number).unwrap()
}

fn size(columns: u16, lines: u16) -> Winsize {
    Winsize { ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}
