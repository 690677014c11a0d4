//! The report: typed data alone. [`judge`](crate::judge) fills it in, and [`formats`](crate::formats) make words of it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The name of the JSON format; its schema lies in `grader/schema/`.
pub const SCHEMA: &str = "container-labs/report/v1";

/// The exit code where nothing of what was asked could be judged on this machine.
pub const NOTHING_JUDGED: u8 = 3;

/// The two kinds of decoy host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum DecoyKind {
    /// The whole decoy lives in a user namespace: what runs in it holds no privilege on the real machine.
    User,
    /// In the initial user namespace: it can also judge what needs real privilege. Only for programs whose
    /// code one has in hand.
    Root,
}

/// What a target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TargetKind {
    /// No container at all: the probe on the bare decoy host.
    Bare,
    /// A lab of the workspace.
    Lab,
    /// Any other program.
    Program,
}

/// What a check is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckKind {
    /// An escape attempt.
    Attempt,
    /// Something that must work.
    Works,
}

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// The host saw the effect of an attempt.
    Escaped,
    /// The attempt was refused, or had its effect confined, and the host saw nothing.
    Blocked,
    /// A works check passes.
    Works,
    /// A works check does not pass.
    Fails,
    /// Neither can be said: there is a [`Cause`].
    Inconclusive,
}

/// Why nothing can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// This machine, or this kind of decoy, can't judge it: earns nothing, costs nothing.
    Machine,
    /// The program under test did not start, died early, hid, or its probe's word is missing or refused.
    Target,
    /// A check without which this one makes no sense fell short.
    Waiting,
}

/// A whole run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// The kind of decoy host.
    pub decoy: DecoyKind,
    /// The kernel's release (uname(2)).
    pub kernel: String,
    /// The root file system: `embedded`, or its path.
    pub rootfs: String,
    /// What was aimed at, in order.
    pub targets: Vec<TargetReport>,
}

/// One target.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TargetReport {
    /// What tells it from the other targets of the report.
    pub id: String,
    /// Its name, which another target may have as well.
    pub name: String,
    /// What it is.
    pub kind: TargetKind,
    /// Points earned.
    pub points: f64,
    /// Points that could be.
    pub max_points: f64,
    /// The highest lab up to which everything passes: see [`crate::judge::reached`].
    pub reached: Option<usize>,
    /// The one check to fix first; none where nothing fell short.
    pub fix_first: Option<FixFirst>,
    /// Its checks: works checks first, then attempts, in teaching order.
    pub checks: Vec<Check>,
}

/// The check to fix first: see [`crate::judge::prerequisites`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixFirst {
    /// Its name.
    pub id: String,
    /// Why it fell short, in one line.
    pub why: String,
    /// Of a lab: the steps that it shows, as `lab/step`.
    pub steps: Vec<String>,
}

/// One check of one target.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Check {
    /// Its name.
    pub id: String,
    /// What it is.
    pub kind: CheckKind,
    /// Its outcome.
    pub verdict: Verdict,
    /// What a lab is expected to show; none for other programs.
    pub expected: Option<Verdict>,
    /// Whether that is what was seen; an INCONCLUSIVE of the machine's is.
    pub as_expected: bool,
    /// Why it is INCONCLUSIVE.
    pub cause: Option<Cause>,
    /// The checks that it waits for.
    pub waiting_for: Vec<String>,
    /// The reason, in one line.
    pub why: String,
    /// What was seen, in single facts.
    pub evidence: Vec<String>,
    /// Points earned.
    pub points: f64,
    /// Points that could be.
    pub max_points: f64,
    /// Milliseconds that it took; works checks share one figure.
    pub ms: f64,
}

impl Report {
    /// An empty report of this machine.
    pub fn new(decoy: DecoyKind, rootfs: String) -> Report {
        let kernel = nix::sys::utsname::uname().map(|it| it.release().to_string_lossy().into_owned());
        Report {
            schema: SCHEMA.into(),
            decoy,
            kernel: kernel.unwrap_or_default(),
            rootfs,
            targets: Vec::new(),
        }
    }

    /// All checks with their target.
    pub fn checks(&self) -> impl Iterator<Item = (&TargetReport, &Check)> {
        self.targets.iter().flat_map(|target| target.checks.iter().map(move |check| (target, check)))
    }

    /// A target's name, and where another one has the same name, its id.
    pub fn label<'a>(&self, target: &'a TargetReport) -> &'a str {
        let same = self.targets.iter().filter(|other| other.name == target.name).count();
        if same > 1 { &target.id } else { &target.name }
    }

    /// The exit code: 0 as expected; 1 something fell short; 3 nothing could be judged here.
    pub fn exit_code(&self) -> u8 {
        if self.checks().any(|(_, check)| !check.as_expected) {
            1
        } else if self.checks().all(|(_, check)| check.is_unjudgeable_here()) {
            NOTHING_JUDGED
        } else {
            0
        }
    }
}

impl TargetReport {
    /// A target of which nothing is known yet.
    pub fn new(id: &str, name: &str, kind: TargetKind) -> TargetReport {
        let (points, max_points) = (0.0, 0.0);
        let (id, name) = (id.into(), name.into());
        TargetReport {
            id,
            name,
            kind,
            points,
            max_points,
            reached: None,
            fix_first: None,
            checks: Vec::new(),
        }
    }

    /// The check of this name.
    pub fn check(&self, id: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.id == id)
    }
}

impl Check {
    /// Whether it is as a container should be: the attempt blocked, or the works check passed.
    pub fn is_green(&self) -> bool {
        matches!(self.verdict, Verdict::Blocked | Verdict::Works)
    }

    /// Whether it is this machine that can't judge it.
    pub fn is_unjudgeable_here(&self) -> bool {
        self.cause == Some(Cause::Machine)
    }

    /// Whether it waits for another.
    pub fn waits(&self) -> bool {
        self.cause == Some(Cause::Waiting)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Escaped => "ESCAPED",
            Verdict::Blocked => "BLOCKED",
            Verdict::Works => "WORKS",
            Verdict::Fails => "FAILS",
            Verdict::Inconclusive => "INCONCLUSIVE",
        })
    }
}
