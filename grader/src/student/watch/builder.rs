//! Building a lab beside everything else: one cargo at a time, all of which can be ended.

mod cargo_output;

pub use cargo_output::without_colours;

use super::Event;
use crate::beneath::Directory;
use crate::labs::build::{self, Linked};
use crate::labs::process::Process;
use crate::labs::{Workspace, offline, target_dir};
use anyhow::{Context, Result};
use cargo_output::{CargoOutput, Line, is_linker};
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long what cargo wrote is waited for once it has ended: a process that it left may hold its pipes open.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// How often is looked whether it has.
const TICK: Duration = Duration::from_millis(10);

/// A line that is longer than this is taken for several, in bytes: a build script may write one without end.
const MAX_BYTES: u64 = 4 << 20;

/// Builds labs of one workspace.
pub struct Builder {
    workspace: Workspace,
    /// The options for cargo, found out once.
    options: Vec<OsString>,
    /// Where programs are set aside.
    out: PathBuf,
    linked: Linked,
    events: Sender<Event>,
    number: u64,
    running: Option<RunningBuild>,
}

/// A build that has ended.
#[derive(Clone, Debug)]
pub struct Built {
    /// Which one, counted from 1.
    pub number: u64,
    /// The lab.
    pub lab: String,
    /// How it ended.
    pub end: End,
    /// What the compiler and cargo said: errors and warnings with the colours of a terminal, in order.
    pub said: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

/// How a build ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// With this program, which no later build overwrites.
    Made(PathBuf),
    /// It does not compile.
    Failed,
    /// Crates could not be downloaded.
    Offline,
    /// It was ended.
    Killed(EndedBy),
    /// Cargo could not be run, or named no program.
    NoCargo(String),
}

/// EndedBy a build was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    /// A file was saved, or another lab chosen: it is out of date.
    OutOfDate,
    /// The person asked for it.
    Asked,
    /// It took too long.
    Limit,
}

struct RunningBuild {
    number: u64,
    began: Instant,
    cargo: Arc<Mutex<Cargo>>,
}

/// One cargo.
struct Cargo {
    process: Process,
    why: Option<EndedBy>,
}

impl Cargo {
    fn kill(&mut self, why: EndedBy) {
        if matches!(self.process.ended(), Ok(None)) {
            self.why.get_or_insert(why);
            self.process.end();
        }
    }
}

impl Builder {
    /// Programs are put below `out`; what happens is told to `events`.
    ///
    /// # Errors
    /// [`Interrupted`](crate::interrupts::Interrupted).
    pub fn new(workspace: Workspace, out: &Path, events: Sender<Event>) -> Result<Builder> {
        let out = out.to_owned();
        let mut options = target_dir::options(workspace.root())?;
        options
            .extend(["--color=always", "--message-format=json-diagnostic-rendered-ansi"].map(OsString::from));
        Ok(Builder { workspace, options, out, linked: Linked::Static, events, number: 0, running: None })
    }

    /// Begins to build a lab, and returns the number of that build. None may be under way.
    ///
    /// # Errors
    /// Cargo can't be started.
    pub fn begin(&mut self, lab: &str) -> Result<u64> {
        debug_assert!(self.running.is_none(), "never two builds at once");
        self.number += 1;
        let mut cargo = build::command(&self.options, &self.workspace, lab, self.linked)?;
        cargo.stdout(Stdio::piped()).stderr(Stdio::piped());
        let began = Instant::now();
        let name = cargo.get_program().display().to_string();
        let mut process = Process::start(cargo).with_context(|| {
            format!("can't run {name} to build {lab}; is Rust installed? See https://rustup.rs")
        })?;
        let (messages, said) = process.streams();
        let cargo = Arc::new(Mutex::new(Cargo { process, why: None }));
        let follow = Follow {
            number: self.number,
            lab: lab.to_owned(),
            out: self.out.join(self.number.to_string()),
            began,
            cargo: cargo.clone(),
            events: self.events.clone(),
        };
        thread::spawn(move || follow.follow(messages, said));
        self.running = Some(RunningBuild { number: self.number, began, cargo });
        Ok(self.number)
    }

    /// Whether a build is under way.
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Since when.
    pub fn began(&self) -> Option<Instant> {
        self.running.as_ref().map(|running| running.began)
    }

    /// Ends the build that is under way, with every process of it. [`Event::Built`] comes all the same.
    pub fn kill(&self, why: EndedBy) {
        if let Some(running) = &self.running {
            running.cargo.lock().unwrap_or_else(PoisonError::into_inner).kill(why);
        }
    }

    /// To be told of each build that has ended. Whether it has to be done once more: the program could not be linked
    /// statically, and from now on that is not tried.
    pub fn ended(&mut self, built: &Built) -> bool {
        if self.running.as_ref().is_some_and(|running| running.number == built.number) {
            self.running = None;
        }
        let not_linked = built.end == End::Failed && built.said.iter().any(|it| is_linker(it));
        let again = not_linked && self.linked == Linked::Static;
        if again {
            self.linked = Linked::Dynamic;
        }
        again
    }

    /// Forgets the programs that were built before this one.
    pub fn keep_only(&self, number: u64) {
        let Ok(out) = Directory::open(&self.out) else { return };
        for name in out.names().unwrap_or_default() {
            if name.to_str().and_then(|name| name.parse().ok()).is_some_and(|it: u64| it < number) {
                let _ = out.remove_all(&name);
            }
        }
    }
}

impl Drop for Builder {
    fn drop(&mut self) {
        self.kill(EndedBy::Asked);
    }
}

/// What follows one build.
struct Follow {
    number: u64,
    lab: String,
    out: PathBuf,
    began: Instant,
    cargo: Arc<Mutex<Cargo>>,
    events: Sender<Event>,
}

impl Follow {
    fn follow(self, messages: Option<impl Read + Send + 'static>, said: Option<impl Read + Send + 'static>) {
        let (send, lines) = mpsc::channel();
        if let Some(messages) = messages {
            read(messages, Line::Message, send.clone());
        }
        if let Some(said) = said {
            read(said, Line::Said, send.clone());
        }
        let mut cargo_output = CargoOutput::default();
        let mut ends = 0;
        let mut over: Option<(Option<ExitStatus>, Instant)> = None;
        // Only when all of it has ended may another build begin.
        while ends < 2 || over.is_none() {
            match lines.recv_timeout(TICK) {
                Ok(Line::End) => ends += 1,
                Ok(line) => {
                    if let Some(status) = cargo_output.line(line) {
                        let _ = self.events.send(Event::Said(self.number, status));
                    }
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                // Both are at their end, and so it is in a moment.
                Err(mpsc::RecvTimeoutError::Disconnected) => thread::sleep(Duration::from_millis(1)),
            }
            match over {
                Some((_, at)) if at.elapsed() > LAST_WORDS => break,
                Some(_) => {}
                None => over = self.ended().map(|status| (status, Instant::now())),
            }
        }
        let status = over.and_then(|(status, _)| status);
        let end = self.end(status, &cargo_output);
        let built = Built {
            number: self.number,
            lab: self.lab,
            end,
            said: cargo_output.shown,
            took: self.began.elapsed(),
        };
        let _ = self.events.send(Event::Built(built));
    }

    /// How cargo ended, once it has; none in it where the system can't say.
    fn ended(&self) -> Option<Option<ExitStatus>> {
        let mut cargo = self.cargo.lock().unwrap_or_else(PoisonError::into_inner);
        cargo.process.ended().map_or(Some(None), |status| status.map(Some))
    }

    fn end(&self, status: Option<ExitStatus>, cargo_output: &CargoOutput) -> End {
        if let Some(why) = self.cargo.lock().unwrap_or_else(PoisonError::into_inner).why {
            return End::Killed(why);
        }
        if status.is_none_or(|status| !status.success()) {
            let is_offline = offline::is_why(&cargo_output.shown.join("\n"));
            return if is_offline { End::Offline } else { End::Failed };
        }
        let set_aside = || {
            let made = build::executable(&self.lab, cargo_output.messages.as_bytes())?;
            fs::create_dir_all(&self.out).with_context(|| self.out.display().to_string())?;
            let program = self.out.join(&self.lab);
            build::set_aside(&made, &program).with_context(|| made.display().to_string())?;
            Ok::<_, anyhow::Error>(program)
        };
        set_aside().map_or_else(|error| End::NoCargo(format!("{error:#}")), End::Made)
    }
}

fn read(from: impl Read + Send + 'static, line: fn(String) -> Line, to: Sender<Line>) {
    thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut bytes = Vec::new();
        while from.by_ref().take(MAX_BYTES).read_until(b'\n', &mut bytes).is_ok_and(|length| length > 0) {
            let text = String::from_utf8_lossy(bytes.strip_suffix(b"\n").unwrap_or(&bytes)).into_owned();
            if to.send(line(text)).is_err() {
                return;
            }
            bytes.clear();
        }
        let _ = to.send(Line::End);
    });
}
