//! A lab whose command runs. A test speaks to it over its streams, and waits for lines and for the end of its
//! output, never for a time.

use crate::host::children;
use crate::stage::PATIENCE;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};

/// A lab and its command. Both are killed when the test ends before them.
pub struct Running {
    lab: Child,
    lines: Receiver<String>,
    errors: Option<JoinHandle<String>>,
}

/// How a lab ended.
#[derive(Debug, PartialEq, Eq)]
pub struct End {
    /// Its exit code.
    pub code: Option<i32>,
    /// The lines of its standard output that nobody had read.
    pub lines: Vec<String>,
    /// Its standard error.
    pub errors: String,
}

impl End {
    /// An end without further output.
    pub fn new(code: i32, errors: &str) -> End {
        End { code: Some(code), lines: Vec::new(), errors: errors.to_owned() }
    }
}

impl Running {
    /// Starts it with a pipe on standard input.
    pub fn start(program: Command) -> Running {
        Running::start_on(program, Stdio::piped())
    }

    pub fn start_on(mut program: Command, stdin: Stdio) -> Running {
        let mut lab = program.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // It holds the standard input, and a terminal ends only when all have closed it.
        drop(program);
        let output = BufReader::new(lab.stdout.take().unwrap());
        let mut stderr = lab.stderr.take().unwrap();
        let (send, lines) = channel();
        thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| send.send(line)).is_ok()
        });
        let errors = thread::spawn(move || {
            let mut errors = Vec::new();
            let _ = stderr.read_to_end(&mut errors);
            String::from_utf8_lossy(&errors).into_owned()
        });
        Running { lab, lines, errors: Some(errors) }
    }

    /// The lab's process.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.lab.id() as i32)
    }

    /// The command's process, as the host numbers it: the lab starts no other.
    pub fn command(&self) -> Pid {
        let children = children(self.pid());
        assert_eq!(children.len(), 1, "the children of the lab: {children:?}");
        children[0]
    }

    /// The next line of the output.
    #[track_caller]
    pub fn line(&mut self) -> String {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => panic!("no line came, and no end"),
            Err(RecvTimeoutError::Disconnected) => panic!("it ended: {:?}", self.ended()),
        }
    }

    /// Writes a line to the standard input.
    pub fn say(&mut self, line: &str) {
        writeln!(self.lab.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Waits for the end.
    #[track_caller]
    pub fn end(mut self) -> End {
        let mut lines = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => lines.push(line),
                Err(RecvTimeoutError::Timeout) => panic!("it did not end; its last lines: {lines:?}"),
                // Nobody holds the pipe any more, neither the command nor the lab.
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        End { lines, ..self.ended() }
    }

    fn ended(&mut self) -> End {
        let code = self.lab.wait().unwrap().code();
        let errors = self.errors.take().map(|errors| errors.join().unwrap());
        End { code, lines: Vec::new(), errors: errors.unwrap_or_default() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.lab.try_wait() {
            // The command first: without the lab nobody would know which it was.
            for command in children(self.pid()) {
                let _ = kill(command, Signal::SIGKILL);
            }
            let _ = self.lab.kill();
            let _ = self.lab.wait();
        }
    }
}
