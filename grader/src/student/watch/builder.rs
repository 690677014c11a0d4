//! Builds a lab in the background: one cargo at a time, which can be stopped with all its processes.

mod cargo_output;

pub use cargo_output::without_colours;

use super::Event;
use crate::beneath::Directory;
use crate::labs::build::{self, Linked};
use crate::labs::process::{Process, Stop};
use crate::labs::target_dir::TargetDir;
use crate::labs::{Workspace, offline};
use anyhow::{Context, Result, ensure};
use cargo_output::{CargoOutput, Line, is_linker};
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The timeout for cargo's remaining output after its end: a process that it left may keep the pipes open.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// How often cargo's end is polled for.
const TICK: Duration = Duration::from_millis(10);

/// The maximum length of a line, in bytes: a build script may write one without end. The rest is taken as further
/// lines.
const MAX_BYTES: u64 = 4 << 20;

/// Builds the labs of one workspace.
pub struct Builder {
    workspace: Workspace,
    /// The directory for the built programs.
    out: PathBuf,
    linked: Linked,
    events: Sender<Event>,
    number: u64,
    running: Option<RunningBuild>,
}

/// A build that has ended.
#[derive(Clone, Debug)]
pub struct Built {
    /// The build's number, counted from 1.
    pub number: u64,
    /// The lab.
    pub lab: String,
    /// How it ended.
    pub end: End,
    /// The messages of the compiler and cargo: errors and warnings with the colours of a terminal, in order.
    pub said: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

/// How a build ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// With this program, which later builds do not overwrite.
    Made(PathBuf),
    /// It does not compile.
    Failed,
    /// Crates could not be downloaded.
    Offline,
    /// It was stopped.
    Killed(EndedBy),
    /// Cargo could not be run, or reported no program.
    NoCargo(String),
}

/// Why a build was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    /// Stale: a file was saved, or another lab selected.
    OutOfDate,
    /// The person asked for it.
    Asked,
    /// It timed out.
    Limit,
}

struct RunningBuild {
    number: u64,
    began: Instant,
    cargo: Arc<Mutex<Cargo>>,
}

/// One cargo.
#[derive(Default)]
struct Cargo {
    /// None until the target directory is taken.
    process: Option<Process>,
    /// Ends what is done before it starts.
    stop: Arc<Stop>,
    why: Option<EndedBy>,
}

impl Cargo {
    fn kill(&mut self, why: EndedBy) {
        if self.process.as_mut().is_none_or(|process| matches!(process.ended(), Ok(None))) {
            self.why.get_or_insert(why);
            self.stop.stop();
            self.process.iter_mut().for_each(Process::end);
        }
    }
}

impl Builder {
    /// Programs are put below `out`; events are sent to `events`.
    pub fn new(workspace: Workspace, out: &Path, events: Sender<Event>) -> Builder {
        let out = out.to_owned();
        Builder { workspace, out, linked: Linked::Static, events, number: 0, running: None }
    }

    /// Starts to build a lab. No other build may be running.
    pub fn begin(&mut self, lab: &str) {
        debug_assert!(self.running.is_none(), "one build at a time");
        self.number += 1;
        let began = Instant::now();
        let cargo = Arc::new(Mutex::new(Cargo::default()));
        let follow = Follow {
            number: self.number,
            workspace: self.workspace.clone(),
            lab: lab.to_owned(),
            linked: self.linked,
            out: self.out.join(self.number.to_string()),
            began,
            cargo: cargo.clone(),
            events: self.events.clone(),
        };
        thread::spawn(move || follow.follow());
        self.running = Some(RunningBuild { number: self.number, began, cargo });
    }

    /// Whether a build is running.
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// When it started.
    pub fn began(&self) -> Option<Instant> {
        self.running.as_ref().map(|running| running.began)
    }

    /// Kills the running build, with all its processes. [`Event::Built`] follows.
    pub fn kill(&self, why: EndedBy) {
        if let Some(running) = &self.running {
            running.cargo.lock().unwrap_or_else(PoisonError::into_inner).kill(why);
        }
    }

    /// Must be called after each build. Returns whether to build again: the program could not be linked statically, and
    /// from now on is linked dynamically.
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

    /// Removes the programs of earlier builds.
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

/// Follows one build.
struct Follow {
    number: u64,
    workspace: Workspace,
    lab: String,
    linked: Linked,
    out: PathBuf,
    began: Instant,
    cargo: Arc<Mutex<Cargo>>,
    events: Sender<Event>,
}

impl Follow {
    fn follow(self) {
        let mut cargo_output = CargoOutput::default();
        let end = self.build(&mut cargo_output).unwrap_or_else(|error| {
            let why = self.cargo().why;
            why.map_or_else(|| End::NoCargo(format!("{error:#}")), End::Killed)
        });
        let took = self.began.elapsed();
        let built = Built { number: self.number, lab: self.lab, end, said: cargo_output.shown, took };
        let _ = self.events.send(Event::Built(built));
    }

    fn build(&self, cargo_output: &mut CargoOutput) -> Result<End> {
        let stop = self.cargo().stop.clone();
        let place = TargetDir::take(self.workspace.root(), &stop)?;
        let mut options = place.options();
        options
            .extend(["--color=always", "--message-format=json-diagnostic-rendered-ansi"].map(OsString::from));
        let mut command = build::command(&options, &self.workspace, &self.lab, self.linked)?;
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let status = self.run(command, cargo_output)?;
        let end = self.end(status, cargo_output);
        place.done();
        Ok(end)
    }

    /// Runs cargo until all of it has ended.
    fn run(&self, command: Command, cargo_output: &mut CargoOutput) -> Result<Option<ExitStatus>> {
        let (name, lab) = (command.get_program().display().to_string(), &self.lab);
        let (messages, said) = {
            let mut cargo = self.cargo();
            ensure!(cargo.why.is_none(), "it was stopped");
            let process = Process::start(command).with_context(|| {
                format!("can't run {name} to build {lab}; is Rust installed? See https://rustup.rs")
            })?;
            cargo.process.insert(process).streams()
        };
        let (send, lines) = mpsc::channel();
        if let Some(messages) = messages {
            read(messages, Line::Message, send.clone());
        }
        if let Some(said) = said {
            read(said, Line::Said, send);
        }
        let mut ends = 0;
        let mut over: Option<(Option<ExitStatus>, Instant)> = None;
        // The next build may start only when all of this one has ended.
        while ends < 2 || over.is_none() {
            match lines.recv_timeout(TICK) {
                Ok(Line::End) => ends += 1,
                Ok(line) => {
                    if let Some(status) = cargo_output.line(line) {
                        let _ = self.events.send(Event::Said(self.number, status));
                    }
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                // Both pipes are closed: cargo is about to end.
                Err(mpsc::RecvTimeoutError::Disconnected) => thread::sleep(Duration::from_millis(1)),
            }
            match over {
                Some((_, at)) if at.elapsed() > LAST_WORDS => break,
                Some(_) => {}
                None => over = self.ended().map(|status| (status, Instant::now())),
            }
        }
        Ok(over.and_then(|(status, _)| status))
    }

    fn cargo(&self) -> MutexGuard<'_, Cargo> {
        self.cargo.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cargo's exit status once it has ended; `Some(None)` where the system can't tell.
    fn ended(&self) -> Option<Option<ExitStatus>> {
        let mut cargo = self.cargo();
        cargo.process.as_mut()?.ended().map_or(Some(None), |status| status.map(Some))
    }

    fn end(&self, status: Option<ExitStatus>, cargo_output: &CargoOutput) -> End {
        if let Some(why) = self.cargo().why {
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
