//! `grader watch [LAB]`: rebuild and regrade on save.

use super::UsageError;
use super::common::{LIMIT, decoy, rootfs, warn};
use crate::doctor;
use crate::interrupts::Interrupted;
use crate::labs::steps::{Source, Step};
use crate::labs::{self, Workspace};
use crate::report::DecoyKind;
use crate::runner::workers::Workers;
use crate::student::lab_progress::{LabProgress, StepState};
use crate::student::watch::lock::{Held, Lock};
use crate::student::watch::pages::PageContext;
use crate::student::watch::ui::Ui;
use crate::student::watch::{Setting, watch};
use anyhow::Result;
use std::env;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::time::Duration;

/// What `grader watch` takes.
#[derive(clap::Args)]
#[command(after_help = KEYS)]
pub struct Options {
    /// The lab; without a name the first one in which a step is still to be written
    #[arg(value_name = "LAB")]
    lab: Option<String>,
    /// No board: a line an event. So it is also where the standard streams are no terminal
    #[arg(long)]
    plain: bool,
    /// Look at the files four times a second: for where the kernel does not tell that one was saved
    #[arg(long)]
    poll: bool,
    /// After so many seconds a build is ended
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..))]
    build_limit: u64,
    /// The kind of decoy host; the default is user: what is watched is being written
    #[arg(long, value_name = "KIND")]
    decoy: Option<DecoyKind>,
}

const KEYS: &str = "\
Keys: h a hint for the step (three in all), e explain the selected check, t try it (slowly), m what the compiler said,
arrows select or scroll, b back, r rerun, s stop a build, n p next and previous lab, ? the keys, q quit.
With --plain these letters are lines on standard input, whose end ends the watch.";

/// Watches, until the person has enough.
pub fn run(options: &Options) -> Result<u8> {
    let workspace = Workspace::find().ok_or_else(|| {
        UsageError("no workspace of the labs here or above; to make one: grader starter DIR".into())
    })?;
    let reference = Workspace::sources().steps()?;
    let lab = match &options.lab {
        Some(name) => {
            let known = labs::ALL.join(", ");
            let lab = labs::resolve(name).and_then(|lab| labs::ALL.iter().position(|it| *it == lab));
            lab.ok_or_else(|| UsageError(format!("{name}: no such lab; there are {known}")))?
        }
        None => first_to_write(&workspace, &reference),
    };
    if !workspace.has(labs::ALL[lab]) {
        let (root, lab) = (workspace.root().display(), labs::ALL[lab]);
        return Err(UsageError(format!("{root} has no {lab}")).into());
    }
    // What somebody is writing is somebody's code, whatever it was when the watch began.
    let decoy = decoy(options.decoy, false)?;
    warn(decoy, false);
    let (rootfs, _) = rootfs(None)?;
    let words: Vec<String> = env::args().skip(1).collect();
    // It looks with one thread and a keeper of its own: so before there are workers.
    let way_out = doctor::way_out(&doctor::look::facts(), &words, decoy == DecoyKind::Root);
    // What the workers inherit is held as long as they live: so the lock comes after them.
    let mut workers = Workers::start(&rootfs, LIMIT)?;
    let _lock = Lock::take(workspace.root()).map_err(|held| UsageError(taken(held, workspace.root())))?;
    let setting = Setting {
        workspace,
        lab,
        decoy,
        poll: options.poll,
        build_limit: Duration::from_secs(options.build_limit),
        context: PageContext { way_out, rootfs },
        reference,
    };
    let ui = match options.plain || !is_for_a_board() {
        true => Ui::plain(),
        false => Ui::board(has_colours())?,
    };
    match watch(&setting, &mut workers, ui)? {
        Some(signal) => Err(Interrupted(signal).into()),
        None => Ok(0),
    }
}

/// The first lab with a step still to be written; where there is none, the last lab.
fn first_to_write(workspace: &Workspace, reference: &[Step]) -> usize {
    let source = Source::read(workspace.root()).unwrap_or_default();
    let has_todo = |lab: &str| {
        let steps = LabProgress::of(lab, reference, &source, None).steps;
        workspace.has(lab) && steps.iter().any(|place| place.state == StepState::Todo)
    };
    let there = || labs::ALL.iter().rposition(|lab| workspace.has(lab));
    labs::ALL.iter().position(|lab| has_todo(lab)).or_else(there).unwrap_or(0)
}

fn taken(Held(holder): Held, root: &Path) -> String {
    let root = root.display();
    match holder {
        Some(pid) => format!(
            "another watch has {root}: process {pid}. Two would build over each other: end that one first \
             (q, or kill {pid})"
        ),
        None => format!("another watch has {root}: two would build over each other"),
    }
}

fn is_for_a_board() -> bool {
    let able = env::var_os("TERM").is_some_and(|term| term != "dumb" && !term.is_empty());
    able && io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Whether the terminal has colours, and they are wanted (<https://no-color.org>).
fn has_colours() -> bool {
    let term = env::var("TERM").unwrap_or_default();
    let monochrome = term.starts_with("vt") || term.ends_with("-m") || term.ends_with("-mono");
    !monochrome && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

impl Workspace {
    fn has(&self, lab: &str) -> bool {
        self.lab(lab).join("Cargo.toml").is_file()
    }
}
