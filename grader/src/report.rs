//! The report: typed data alone. [`judge`](crate::judge) fills it in; [`formats`](crate::formats) write it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The name of the JSON format. Its schema is in `grader/schema/`.
pub const SCHEMA: &str = "container-labs/report/v1";

/// The exit code where nothing that was asked for can be judged on this machine.
pub const NOTHING_JUDGED: u8 = 3;

/// The two kinds of decoy host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum DecoyKind {
    /// The whole decoy is in a user namespace: a program in it has no privilege on the real machine.
    User,
    /// In the initial user namespace: it can also judge attempts that need real privilege. Only for programs whose code
    /// you have read.
    Root,
}

/// What a target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TargetKind {
    /// No container at all: the command on the bare decoy host.
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
    /// The attempt was refused, or its effect stayed inside, and the host saw none.
    Blocked,
    /// A works check passes.
    Works,
    /// A works check does not pass.
    Fails,
    /// There is no verdict: see [`Cause`].
    Inconclusive,
}

/// Why there is no verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// This machine, or this kind of decoy, can't judge it: here it earns no points and costs none.
    Machine,
    /// The program under test did not start, died early or hid, or spoiled what is at stake or the evidence.
    Target,
    /// A prerequisite does not pass.
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
    /// The targets, in order.
    pub targets: Vec<TargetReport>,
}

/// One target.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TargetReport {
    /// Identifies the target in this report.
    pub id: String,
    /// Its name, which need not be unique.
    pub name: String,
    /// What it is.
    pub kind: TargetKind,
    /// Points earned.
    pub points: f64,
    /// The maximum of points: the same on every machine.
    pub max_points: f64,
    /// How many checks can't be judged on this machine, of those that bear points; of a selection of checks, how many of
    /// all. Another machine will ask them, and there they count.
    #[serde(default)]
    pub not_asked_here: usize,
    /// The highest lab such that it and the labs before it pass: see [`crate::judge::reached`].
    pub reached: Option<usize>,
    /// The one check to fix first; none where every check is as expected.
    pub fix_first: Option<FixFirst>,
    /// Its checks: works checks first, then attempts, in teaching order.
    pub checks: Vec<Check>,
}

/// The check to fix first: see [`crate::judge::prerequisites`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixFirst {
    /// Its name.
    pub id: String,
    /// Why it does not pass, in one line.
    pub why: String,
    /// For a lab: the steps that the check tests, as `lab/step`.
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
    /// The verdict that the lab should have; none for other programs.
    pub expected: Option<Verdict>,
    /// Whether the verdict is as expected. INCONCLUSIVE because of this machine counts as expected.
    pub as_expected: bool,
    /// Why it is INCONCLUSIVE.
    pub cause: Option<Cause>,
    /// The prerequisites that do not pass.
    pub waiting_for: Vec<String>,
    /// The reason, in one line.
    pub why: String,
    /// What was seen, one fact each.
    pub evidence: Vec<String>,
    /// Points earned.
    pub points: f64,
    /// The maximum of points.
    pub max_points: f64,
    /// Duration in milliseconds; all works checks share one figure.
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

    /// All checks, each with its target.
    pub fn checks(&self) -> impl Iterator<Item = (&TargetReport, &Check)> {
        self.targets.iter().flat_map(|target| target.checks.iter().map(move |check| (target, check)))
    }

    /// A target's name; its id where another target has the same name.
    pub fn label<'a>(&self, target: &'a TargetReport) -> &'a str {
        let same = self.targets.iter().filter(|other| other.name == target.name).count();
        if same > 1 { &target.id } else { &target.name }
    }

    /// The exit code: 0 all as expected; 1 a check is not as expected; 3 nothing can be judged on this machine.
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
    /// A target without checks.
    pub fn new(id: &str, name: &str, kind: TargetKind) -> TargetReport {
        let (points, max_points) = (0.0, 0.0);
        let (id, name) = (id.into(), name.into());
        TargetReport {
            id,
            name,
            kind,
            points,
            max_points,
            not_asked_here: 0,
            reached: None,
            fix_first: None,
            checks: Vec::new(),
        }
    }

    /// The points in words, and how many checks are open: `3 of 3, 8 checks not asked here`.
    pub fn standing(&self) -> String {
        let open = self.open().map(|open| format!(", {open} not asked here")).unwrap_or_default();
        format!("{} of {}{open}", self.points, self.max_points)
    }

    /// How many checks are open: `8 checks`; none where all were asked.
    pub fn open(&self) -> Option<String> {
        match self.not_asked_here {
            0 => None,
            1 => Some("1 check".into()),
            more => Some(format!("{more} checks")),
        }
    }

    /// The check with this id.
    pub fn check(&self, id: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.id == id)
    }
}

impl Check {
    /// Whether the check passes: the attempt was blocked, or the works check works.
    pub fn is_green(&self) -> bool {
        matches!(self.verdict, Verdict::Blocked | Verdict::Works)
    }

    /// Whether this machine can't judge it.
    pub fn is_unjudgeable_here(&self) -> bool {
        self.cause == Some(Cause::Machine)
    }

    /// Whether a prerequisite does not pass.
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
