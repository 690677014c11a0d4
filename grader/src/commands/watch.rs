//! `grader watch [LAB]`: rebuild and regrade on save.

use super::UsageError;
use super::common::{decoy, rootfs, trial_limit, warn};
use super::run::Checks;
use crate::doctor;
use crate::interrupts::Interrupted;
use crate::labs::steps::{Source, Step};
use crate::labs::{self, Workspace};
use crate::report::DecoyKind;
use crate::runner::workers::Workers;
use crate::student::lab_progress::{LabProgress, StepState};
use crate::student::watch::lock::{Held, Lock};
use crate::student::watch::setting::{PageContext, Setting};
use crate::student::watch::ui::Ui;
use crate::student::watch::watch;
use anyhow::Result;
use std::env;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::time::Duration;

/// What `grader watch` takes.
#[derive(clap::Args)]
#[command(after_help = KEYS)]
pub struct Options {
    /// The lab; the default is the first one in which a step is still to be written
    #[arg(value_name = "LAB")]
    lab: Option<String>,
    /// Print plain lines instead of the board; the default where the standard streams are no terminal
    #[arg(long)]
    plain: bool,
    /// Poll the files four times a second, for file systems on which the kernel does not report changes (NFS)
    #[arg(long)]
    poll: bool,
    /// Timeout of a build
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..))]
    build_limit: u64,
    /// Run only this attempt or works check; may be repeated. For tests: the points are those of a part
    #[arg(long, value_name = "ID", hide = true)]
    check: Vec<String>,
    /// The kind of decoy host; the default is user, since the code is still being written
    #[arg(long, value_name = "KIND")]
    decoy: Option<DecoyKind>,
}

const KEYS: &str = "\
Keys: h a hint for the step (three in all), e explain the selected check, t run and explain it, m what the compiler said,
arrows select or scroll, b back, r rerun, s stop a build, n p next and previous lab, ? the keys, q quit.
With --plain, type a letter and Enter; the end of standard input ends the watch.";

/// Watches until the person quits.
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
    // Code that is being edited is untrusted, even if it was the reference when the watch began.
    let decoy = decoy(options.decoy, false)?;
    warn(decoy, false);
    let checks = Checks::find(&options.check)?;
    let (rootfs, _) = rootfs(None)?;
    let words: Vec<String> = env::args().skip(1).collect();
    // The examination needs a process with one thread, so it runs before the workers are started.
    let way_out = doctor::way_out(&doctor::look::facts(), &words, decoy == DecoyKind::Root);
    // Workers inherit open descriptors, and a lock lives as long as they do: so take the lock after starting them.
    let mut workers = Workers::start(&rootfs, trial_limit())?;
    let _lock = Lock::take(workspace.root()).map_err(|held| UsageError(taken(held, workspace.root())))?;
    let setting = Setting {
        workspace,
        lab,
        decoy,
        works: checks.with_works(),
        attempts: checks.attempts,
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
            "another watch runs in {root}: process {pid}. Two would overwrite each other's builds: end that one \
             first (q, or kill {pid})"
        ),
        None => format!("another watch runs in {root}: two would overwrite each other's builds"),
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
