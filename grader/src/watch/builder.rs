//! Building a lab beside everything else: one cargo at a time, in a process group of its own, so that all of a
//! build can be ended.

mod heard;

pub use heard::without_colours;

use super::Event;
use crate::beneath::Directory;
use crate::keeper::ProcessGroups;
use crate::labs::build::{self, Linked};
use crate::labs::{Workspace, offline, target_dir};
use anyhow::{Context, Result};
use heard::{Heard, Line, is_linker};
use nix::errno::Errno;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;
use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long what cargo wrote is waited for once it has ended: a process that it left may hold its pipes open.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Builds labs of one workspace.
pub struct Builder {
    workspace: Workspace,
    /// The options for cargo, found out once.
    options: Vec<OsString>,
    /// Where programs are set aside.
    out: PathBuf,
    linked: Linked,
    events: Sender<Event>,
    groups: ProcessGroups,
    number: u64,
    running: Option<Running>,
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
    Killed(Why),
    /// Cargo could not be run, or named no program.
    NoCargo(String),
}

/// Why a build was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// A file was saved, or another lab chosen: it is out of date.
    OutOfDate,
    /// The person asked for it.
    Asked,
    /// It took too long.
    Limit,
}

struct Running {
    number: u64,
    began: Instant,
    leader: Pid,
    group: Arc<Mutex<Group>>,
}

/// The process group of one cargo. Its number is another's as soon as it was waited for.
struct Group {
    leader: Pid,
    why: Option<Why>,
    is_over: bool,
}

impl Group {
    fn kill(&mut self, why: Why) {
        if !self.is_over {
            self.why.get_or_insert(why);
            let _ = killpg(self.leader, Signal::SIGKILL);
        }
    }
}

impl Builder {
    /// Programs are put below `out`; what happens is told to `events`.
    pub fn new(workspace: Workspace, out: &Path, events: Sender<Event>, groups: ProcessGroups) -> Builder {
        let out = out.to_owned();
        let mut options = target_dir::options(workspace.root());
        options
            .extend(["--color=always", "--message-format=json-diagnostic-rendered-ansi"].map(OsString::from));
        Builder { workspace, options, out, linked: Linked::Static, events, groups, number: 0, running: None }
    }

    /// Begins to build a lab, and returns the number of that build. None may be under way. It is to be called by a
    /// thread that outlives the build: cargo ends with it.
    ///
    /// # Errors
    /// Cargo can't be started.
    pub fn begin(&mut self, lab: &str) -> Result<u64> {
        debug_assert!(self.running.is_none(), "never two builds at once");
        self.number += 1;
        let mut cargo = build::command(&self.options, &self.workspace, lab, self.linked)?;
        cargo.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        // SAFETY: one system call, in a child that the program then replaces.
        unsafe { cargo.pre_exec(|| set_pdeathsig(Signal::SIGKILL).map_err(io::Error::from)) };
        let began = Instant::now();
        let name = cargo.get_program().display().to_string();
        let mut child = cargo.spawn().with_context(|| {
            format!("can't run {name} to build {lab}; is Rust installed? See https://rustup.rs")
        })?;
        let leader = Pid::from_raw(child.id() as i32);
        self.groups.kill_at_the_end(leader);
        let group = Arc::new(Mutex::new(Group { leader, why: None, is_over: false }));
        let (messages, said) = (child.stdout.take(), child.stderr.take());
        let follow = Follow {
            number: self.number,
            lab: lab.to_owned(),
            out: self.out.join(self.number.to_string()),
            began,
            group: group.clone(),
            events: self.events.clone(),
        };
        thread::spawn(move || follow.follow(messages, said));
        self.running = Some(Running { number: self.number, began, leader, group });
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
    pub fn kill(&self, why: Why) {
        if let Some(running) = &self.running {
            running.group.lock().unwrap_or_else(PoisonError::into_inner).kill(why);
        }
    }

    /// To be told of each build that has ended. Whether it has to be done once more: the program could not be linked
    /// statically, and from now on that is not tried.
    pub fn ended(&mut self, built: &Built) -> bool {
        if self.running.as_ref().is_some_and(|running| running.number == built.number) {
            let running = self.running.take();
            running.into_iter().for_each(|it| self.groups.spare(it.leader));
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
        self.kill(Why::Asked);
    }
}

/// What follows one build.
struct Follow {
    number: u64,
    lab: String,
    out: PathBuf,
    began: Instant,
    group: Arc<Mutex<Group>>,
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
        let waiter = {
            let group = self.group.clone();
            thread::spawn(move || wait(&group))
        };
        let mut heard = Heard::default();
        let mut ends = 0;
        let mut over = None;
        while ends < 2 {
            match lines.recv_timeout(Duration::from_millis(50)) {
                Ok(Line::End) => ends += 1,
                Ok(line) => {
                    if let Some(status) = heard.line(line) {
                        let _ = self.events.send(Event::Said(self.number, status));
                    }
                }
                Err(_) if waiter.is_finished() => {
                    if over.get_or_insert_with(Instant::now).elapsed() > LAST_WORDS {
                        break;
                    }
                }
                Err(_) => {}
            }
        }
        let status = waiter.join().ok().flatten();
        let end = self.end(status, &heard);
        let built =
            Built { number: self.number, lab: self.lab, end, said: heard.shown, took: self.began.elapsed() };
        let _ = self.events.send(Event::Built(built));
    }

    fn end(&self, status: Option<WaitStatus>, heard: &Heard) -> End {
        if let Some(why) = self.group.lock().unwrap_or_else(PoisonError::into_inner).why {
            return End::Killed(why);
        }
        if status.is_none_or(|status| !matches!(status, WaitStatus::Exited(_, 0))) {
            let is_offline = offline::is_why(&heard.shown.join("\n"));
            return if is_offline { End::Offline } else { End::Failed };
        }
        let set_aside = || {
            let made = build::executable(&self.lab, heard.messages.as_bytes())?;
            fs::create_dir_all(&self.out).with_context(|| self.out.display().to_string())?;
            let program = self.out.join(&self.lab);
            build::set_aside(&made, &program).with_context(|| made.display().to_string())?;
            Ok::<_, anyhow::Error>(program)
        };
        set_aside().map_or_else(|error| End::NoCargo(format!("{error:#}")), End::Made)
    }
}

/// Waits for the end of cargo, and of its whole group where that was killed: only then may another build begin.
fn wait(group: &Mutex<Group>) -> Option<WaitStatus> {
    let leader = group.lock().unwrap_or_else(PoisonError::into_inner).leader;
    // Until it is waited for, its number is nobody else's.
    while waitid(Id::Pid(leader), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) == Err(Errno::EINTR) {}
    let mut group = group.lock().unwrap_or_else(PoisonError::into_inner);
    group.is_over = true;
    let status = waitpid(leader, None).ok();
    // What it had started is the grader's to wait for (PR_SET_CHILD_SUBREAPER).
    while group.why.is_some() && waitpid(Pid::from_raw(-leader.as_raw()), None).is_ok() {}
    status
}

fn read(from: impl Read + Send + 'static, line: fn(String) -> Line, to: Sender<Line>) {
    thread::spawn(move || {
        for bytes in BufReader::new(from).split(b'\n') {
            let Ok(bytes) = bytes else { break };
            if to.send(line(String::from_utf8_lossy(&bytes).into_owned())).is_err() {
                return;
            }
        }
        let _ = to.send(Line::End);
    });
}
