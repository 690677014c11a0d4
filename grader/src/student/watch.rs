//! The watch: builds and grades a lab on each save, and shows the changes.
//!
//! # Layout
//! - [`watch`]: the session: one enum of events, one channel, one `match`.
//! - [`state`]: what is shown; [`key`]: the keys. [`pages`]: the texts. [`ui`]: the [`board`] on a [`terminal`], or
//!   plain lines, [`plain`].
//! - [`notice`]: detects a save. [`builder`]: one build at a time. [`grading_thread`]: one grading at a time.
//! - [`notes`]: the student's progress file. [`lock`]: one watch a workspace.
//!
//! The thread that runs the session forks the workers before it starts any other thread: the workers end with it.
//! Files, keys, signals, cargo and grading each have a thread that only waits and sends events.

pub mod board;
pub mod builder;
pub mod grading_thread;
pub mod key;
pub mod lock;
pub mod notes;
pub mod notice;
pub mod pages;
pub mod plain;
pub mod setting;
pub mod state;
pub mod terminal;
pub mod ui;

use crate::interrupts;
use crate::labs;
use crate::labs::steps::Source;
use crate::runner::workers::Workers;
use anyhow::{Result, anyhow};
use builder::{Builder, Built, End, EndedBy};
use grading_thread::{GradeRequest, Graded, GradingThread};
use key::KeyPress;
use nix::sys::signal::Signal;
use notes::Notes;
use notice::{Notice, fingerprint};
use plain::PlainEvent;
use setting::Setting;
use state::{Action, Phase, View, WatchState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};
use ui::Ui;

/// Debouncing: the delay from the last change of a file to the build. Many editors save in two steps.
const QUIET: Duration = Duration::from_millis(60);

/// The maximum delay from the first change to the build, while files go on changing.
const RESTLESS: Duration = Duration::from_millis(500);

/// The timeout for a killed build, at the end of the watch.
const TIMEOUT: Duration = Duration::from_secs(5);

/// An event of the session.
#[derive(Debug)]
pub enum Event {
    /// A key was pressed.
    Key(KeyPress),
    /// The terminal was resized.
    Resize,
    /// A file was changed.
    Saved,
    /// Cargo wrote this status line, in the build of this number.
    Said(u64, String),
    /// A build has ended.
    Built(Built),
    /// Trials done and trials in all, for the program of this number.
    Trial(u64, usize, usize),
    /// The grading of the program of this number has ended.
    Graded(u64, Graded),
    /// A signal asked the process to end.
    Signal(Signal),
    /// Standard input is at its end.
    EndOfInput,
    /// A thread has failed.
    Broken(&'static str),
}

/// Watches until the person quits or a signal arrives, which is then returned. The calling thread must be the one that
/// started the workers.
///
/// # Errors
/// The workspace can't be watched, a worker died, or the terminal is closed.
pub fn watch(setting: &Setting, workers: &mut Workers, ui: Ui) -> Result<Option<Signal>> {
    let (send, events) = mpsc::channel();
    let notice = Notice::start(setting.workspace.root(), setting.poll, send.clone())?;
    let builder = Builder::new(setting.workspace.clone(), &workers.directory().join("labs"), send.clone());
    signals(send.clone());
    ui.listen(send.clone());
    let (orders, ordered) = mpsc::channel();
    let judge = GradingThread::new(orders, workers.stopper());
    thread::scope(|scope| {
        let told = send.clone();
        scope.spawn(move || {
            let serve = || grading_thread::serve(workers, setting, &ordered, &told);
            if catch_unwind(AssertUnwindSafe(serve)).is_err() {
                let _ = told.send(Event::Broken("grading"));
            }
        });
        let source = Source::read(setting.workspace.root()).unwrap_or_default();
        let mut session = WatchLoop {
            state: WatchState::new(setting.lab, setting.decoy, setting.reference.clone(), &source),
            builder,
            setting,
            judge,
            ui,
            source,
            built_from: None,
            saved_at: None,
            quiet_at: None,
            build_again: false,
            notice,
            notes: Notes::of(&setting.workspace),
            graded_since: Instant::now(),
            no_more_input: false,
        };
        session.state.note = session
            .notice
            .polling
            .as_ref()
            .map(|why| format!("polling the files four times a second ({why})"));
        let ended = session.run(&events);
        session.finish(&events);
        ended
    })
}

struct WatchLoop<'a> {
    setting: &'a Setting,
    state: WatchState,
    builder: Builder,
    judge: GradingThread,
    ui: Ui,
    /// The labs' source, as last read without an error.
    source: Source,
    /// The fingerprint of the last build's source.
    built_from: Option<String>,
    /// The time of the first change since the last look.
    saved_at: Option<Instant>,
    /// The time of the next look.
    quiet_at: Option<Instant>,
    /// Whether to build again once the killed build has ended.
    build_again: bool,
    notice: Notice,
    notes: Notes,
    graded_since: Instant,
    no_more_input: bool,
}

impl WatchLoop<'_> {
    fn run(&mut self, events: &Receiver<Event>) -> Result<Option<Signal>> {
        if self.state.note.is_some() {
            self.tell(PlainEvent::Note)?;
        }
        self.build()?;
        loop {
            if let Some(end) = self.wait(events)? {
                return Ok(end);
            }
            // Handle all pending events, then draw once.
            while let Ok(event) = events.try_recv() {
                if let Some(end) = self.event(event)? {
                    return Ok(end);
                }
            }
            if self.no_more_input && self.is_idle() {
                return Ok(None);
            }
            self.draw()?;
        }
    }

    /// Waits for one event, or until something is due. `Some` ends the watch, by that signal if there is one.
    fn wait(&mut self, events: &Receiver<Event>) -> Result<Option<Option<Signal>>> {
        let now = Instant::now();
        let limit = self.builder.began().map(|began| began + self.setting.build_limit);
        let event = match [self.quiet_at, limit].into_iter().flatten().min() {
            Some(due) => events.recv_timeout(due.saturating_duration_since(now)),
            None => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        if let Ok(event) = event {
            return self.event(event);
        }
        let now = Instant::now();
        if limit.is_some_and(|limit| limit <= now) {
            self.builder.kill(EndedBy::Limit);
        }
        if self.quiet_at.is_some_and(|at| at <= now) {
            (self.quiet_at, self.saved_at) = (None, None);
            self.saved()?;
        }
        Ok(None)
    }

    fn event(&mut self, event: Event) -> Result<Option<Option<Signal>>> {
        match event {
            Event::Key(key) => return self.key(key),
            Event::Resize => {}
            Event::Saved => {
                let now = Instant::now();
                let first = *self.saved_at.get_or_insert(now);
                // Files that never stop changing are built after [`RESTLESS`].
                self.quiet_at = Some((now + QUIET).min(first + RESTLESS));
            }
            Event::Said(_, said) => {
                if let Phase::Building(last) = &mut self.state.phase {
                    *last = said;
                }
            }
            Event::Built(built) => self.built(built)?,
            Event::Trial(_, done, all) => {
                if let Phase::Grading(..) = self.state.phase {
                    self.state.phase = Phase::Grading(done, all);
                }
            }
            Event::Graded(number, judged) => self.judged(number, judged)?,
            Event::Signal(signal) => return Ok(Some(Some(signal))),
            Event::EndOfInput if matches!(self.ui, Ui::Board(_)) => return Ok(Some(None)),
            Event::EndOfInput => self.no_more_input = true,
            Event::Broken(what) => return Err(anyhow!("{what} failed")),
        }
        Ok(None)
    }

    fn key(&mut self, key: KeyPress) -> Result<Option<Option<Signal>>> {
        match self.state.press(key, self.ui.page()) {
            Action::Quit => return Ok(Some(None)),
            Action::Hint => {
                if let Some(step) = self.state.progress.next().map(|place| place.step.id.clone()) {
                    let shown = self.state.one_more_hint(self.notes.hints(&step));
                    self.note(self.notes.hint(&step, shown))?;
                }
                // With plain lines too the view stays: another `h` asks for the next hint.
                self.tell(PlainEvent::Page)?;
            }
            Action::Show => {
                let news = if self.state.view == View::Board { PlainEvent::Note } else { PlainEvent::Page };
                self.tell(news)?;
                self.back_where_plain();
            }
            Action::Rerun => self.build()?,
            Action::Stop => self.builder.kill(EndedBy::Asked),
            Action::Turn(lab) => self.turn(lab)?,
        }
        Ok(None)
    }

    fn turn(&mut self, lab: usize) -> Result<()> {
        let name = labs::ALL[lab];
        if !self.setting.workspace.lab(name).join("Cargo.toml").is_file() {
            self.state.note = Some(format!("this workspace has no {name}"));
            return self.tell(PlainEvent::Note);
        }
        self.state.turn(lab, &self.source);
        self.build()
    }

    /// Builds if a source of the lab was saved. Editors, cargo and the grader write other files too.
    fn saved(&mut self) -> Result<()> {
        if self.built_from == Some(self.fingerprint()) {
            return Ok(());
        }
        // A directory may have been replaced, as git does.
        self.notice.look_again();
        self.build()
    }

    fn fingerprint(&self) -> String {
        fingerprint(self.setting.workspace.root(), self.state.lab)
    }

    /// Starts a build. A build that is running is killed first, and the grading that is running is stale.
    fn build(&mut self) -> Result<()> {
        self.built_from = Some(self.fingerprint());
        self.judge.stop();
        self.state.current = false;
        self.build_again = self.builder.is_running();
        if self.build_again {
            self.builder.kill(EndedBy::OutOfDate);
            return Ok(());
        }
        self.builder.begin(self.state.name());
        self.state.phase = Phase::Building("cargo".into());
        self.tell(PlainEvent::Building)
    }

    fn built(&mut self, built: Built) -> Result<()> {
        let once_more = self.builder.ended(&built);
        if self.build_again || once_more {
            return self.build();
        }
        if let Ok(source) = Source::read(self.setting.workspace.root()) {
            self.source = source;
        }
        self.state.stand(&self.source);
        let (number, end) = (built.number, built.end.clone());
        self.state.built(built);
        self.tell(PlainEvent::Built)?;
        if let End::Made(program) = end {
            self.builder.keep_only(number);
            self.state.phase = Phase::Grading(0, 0);
            self.graded_since = Instant::now();
            let name = self.state.name().to_owned();
            self.judge.order(GradeRequest { number, lab: self.state.lab, name, program });
        }
        Ok(())
    }

    fn judged(&mut self, number: u64, judged: Graded) -> Result<()> {
        self.judge.ended();
        let is_last = self.state.built.as_ref().is_some_and(|built| built.number == number);
        match judged {
            Graded::Whole(report) if is_last && !self.builder.is_running() => {
                self.state.graded(*report, self.graded_since.elapsed(), &self.source);
                self.tell(PlainEvent::Graded)?;
                let graded = self.state.report.as_ref();
                let trouble = graded.and_then(|report| self.notes.graded(&self.state.progress, report));
                self.note(trouble)
            }
            Graded::Failed(error) => Err(error),
            // Stale.
            Graded::Whole(_) | Graded::Stopped => Ok(()),
        }
    }

    /// Shows a note, if there is one.
    fn note(&mut self, note: Option<String>) -> Result<()> {
        if note.is_none() {
            return Ok(());
        }
        self.state.note = note;
        self.tell(PlainEvent::Note)
    }

    /// With plain lines no page stays.
    fn back_where_plain(&mut self) {
        if matches!(self.ui, Ui::Plain(_)) {
            self.state.view = View::Board;
        }
    }

    fn is_idle(&self) -> bool {
        !self.builder.is_running() && !self.judge.is_busy() && self.quiet_at.is_none()
    }

    fn tell(&mut self, news: PlainEvent) -> Result<()> {
        if let Ui::Plain(out) = &mut self.ui {
            plain::tell(news, &self.state, &self.setting.context, out)?;
        }
        Ok(())
    }

    fn draw(&mut self) -> Result<()> {
        if let Ui::Board(screen) = &mut self.ui {
            screen.draw(&mut self.state, &self.setting.context)?;
        }
        Ok(())
    }

    /// Restores the terminal, then stops what is running and waits for it.
    fn finish(self, events: &Receiver<Event>) {
        let WatchLoop { mut builder, judge, ui, .. } = self;
        drop((ui, judge));
        builder.kill(EndedBy::Asked);
        let end = Instant::now() + TIMEOUT;
        while builder.is_running() {
            match events.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(Event::Built(built)) => drop(builder.ended(&built)),
                Ok(_) => {}
                Err(_) => return,
            }
        }
    }
}

/// Forwards the signals that end the process. Starting the workers has blocked them in every thread.
fn signals(events: Sender<Event>) {
    thread::spawn(move || {
        let signals = interrupts::ending();
        while let Ok(signal) = signals.wait() {
            if events.send(Event::Signal(signal)).is_err() {
                return;
            }
        }
    });
}
