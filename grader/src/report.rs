//! The report: typed data alone. [`formats`](crate::formats) make words of it.

use crate::judge::verdict::{Cause, Verdict};
use crate::target::What;
use serde::{Deserialize, Serialize};

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
    /// Its name.
    pub name: String,
    /// `lab` or `program`.
    pub kind: String,
    /// Points earned.
    pub points: f64,
    /// Points that could be.
    pub max_points: f64,
    /// The highest lab up to which everything holds: see [`crate::judge::reached`].
    pub reached: Option<usize>,
    /// The one check to mend first; none where nothing fell short.
    pub mend_first: Option<MendFirst>,
    /// Its checks: works checks first, then attempts, in teaching order.
    pub checks: Vec<Check>,
}

/// The check to mend first: see [`crate::judge::prerequisites`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MendFirst {
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
    /// `attempt` or `works`.
    pub kind: String,
    /// `ESCAPED`, `BLOCKED`, `WORKS`, `FAILS` or `INCONCLUSIVE`.
    pub verdict: String,
    /// What a lab is expected to show; null for other programs.
    pub expected: Option<String>,
    /// Whether that is what was seen; an INCONCLUSIVE of the machine's is.
    pub as_expected: bool,
    /// Why it is INCONCLUSIVE: `machine`, `target` or `waiting`.
    pub cause: Option<String>,
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

    /// All checks with the name of their target.
    pub fn checks(&self) -> impl Iterator<Item = (&TargetReport, &Check)> {
        self.targets.iter().flat_map(|target| target.checks.iter().map(move |check| (target, check)))
    }

    /// The exit code: 0 as expected; 1 something fell short; 3 nothing could be judged here.
    pub fn exit_code(&self) -> u8 {
        if self.checks().any(|(_, check)| !check.as_expected) {
            1
        } else if self.checks().all(|(_, check)| check.is_the_machines()) {
            NOTHING_JUDGED
        } else {
            0
        }
    }
}

impl Check {
    /// A check from its verdict.
    pub fn new(id: &str, kind: &str, verdict: &Verdict, expected: Option<&str>) -> Check {
        let (cause, waiting_for) = match verdict {
            Verdict::Inconclusive(Cause::Machine, _) => (Some("machine"), Vec::new()),
            Verdict::Inconclusive(Cause::Target, _) => (Some("target"), Vec::new()),
            Verdict::Inconclusive(Cause::Waiting(list), _) => (Some("waiting"), list.clone()),
            _ => (None, Vec::new()),
        };
        let as_expected = match verdict {
            Verdict::Inconclusive(Cause::Machine, _) | Verdict::Works => true,
            Verdict::Inconclusive(..) | Verdict::Fails(_) => false,
            // Who blocks early loses nothing.
            Verdict::Blocked(_) => true,
            Verdict::Escaped(_) => expected == Some("ESCAPED"),
        };
        Check {
            id: id.into(),
            kind: kind.into(),
            verdict: verdict.word().into(),
            expected: expected.map(str::to_owned),
            as_expected,
            cause: cause.map(str::to_owned),
            waiting_for,
            why: verdict.why().into(),
            evidence: Vec::new(),
            points: 0.0,
            max_points: 0.0,
            ms: 0.0,
        }
    }

    /// Makes it wait for these checks: whatever it was alone says nothing.
    pub fn wait_for(&mut self, list: Vec<String>) {
        let why = format!("it makes no sense before this holds: {}", list.join(", "));
        let waiting = Verdict::Inconclusive(Cause::Waiting(list), why);
        let alone = format!("taken alone it was {}: {}", self.verdict, self.why);
        let mut evidence = std::mem::take(&mut self.evidence);
        evidence.push(alone);
        let ms = self.ms;
        *self = Check::new(&self.id, &self.kind, &waiting, self.expected.as_deref());
        (self.evidence, self.ms) = (evidence, ms);
    }

    /// Whether it is as a container should be: the attempt blocked, or the works check holding.
    pub fn is_green(&self) -> bool {
        self.verdict == "BLOCKED" || self.verdict == "WORKS"
    }

    /// Whether it is this machine that can't judge it.
    pub fn is_the_machines(&self) -> bool {
        self.cause.as_deref() == Some("machine")
    }

    /// Whether it waits for another.
    pub fn waits(&self) -> bool {
        self.cause.as_deref() == Some("waiting")
    }
}

/// The word for what a target is.
pub fn kind(what: What) -> &'static str {
    match what {
        What::Bare => "bare",
        What::Lab(_) => "lab",
        What::Program => "program",
    }
}
