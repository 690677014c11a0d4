//! A grader that is run to its end, or to a limit.

use crate::caller::Caller;
use crate::descendants;
use crate::watch::Watch;
use grader::report::Report;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// No run of these tests takes nearly as long.
const LIMIT: Duration = Duration::from_secs(90);

/// More shared memory than a run's decoys may hold together, in KiB.
const MAX_SHARED: u64 = 2 << 20;

/// What a run has come to.
pub struct Ran {
    /// Its exit code, if it ended by itself.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
    /// Its report, as it was written.
    pub report: Vec<u8>,
    /// What should not have happened.
    pub faults: Vec<String>,
}

/// Runs `grader` to its end, and looks at the machine before and after.
pub fn run(caller: &Caller, grader: Command) -> Ran {
    run_watched(caller, grader, &[])
}

/// The same, with an eye on more files of the machine's.
pub fn run_watched(caller: &Caller, mut grader: Command, besides: &[&Path]) -> Ran {
    let before = Watch::begin(caller, besides);
    let [stdout, stderr] = ["stdout", "stderr"].map(|name| caller.file(&format!("out/{name}"), "", 0o644));
    let write = |path: &Path| Stdio::from(fs::File::create(path).unwrap());
    grader.stdout(write(&stdout)).stderr(write(&stderr));
    let begin = Instant::now();
    let mut child = grader.spawn().unwrap();
    let maker = child.id() as i32;
    descendants::spare(maker);
    let mut faults = Vec::new();
    let (shared, mut most) = (shared_memory(), 0);
    let mut looked = Instant::now();
    let status: Option<ExitStatus> = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if begin.elapsed() > LIMIT {
            faults.push(format!("it did not end in {} s", LIMIT.as_secs()));
            break None;
        }
        most = most.max(shared_memory().saturating_sub(shared));
        if looked.elapsed() > Duration::from_millis(200) {
            descendants::ranges();
            looked = Instant::now();
        }
        sleep(Duration::from_millis(10));
    };
    println!("{:?}, as {:?}: {} ms", grader.get_args().last(), caller.stage.who, begin.elapsed().as_millis());
    descendants::spare_no_more(maker);
    if most > MAX_SHARED {
        faults.push(format!("{} MiB of shared memory were taken", most >> 10));
    }
    if status.is_some() {
        faults.extend(before.differences(caller, maker));
    }
    faults.extend(descendants::end(maker));
    // Who waits for a process that can't run is not waited for here.
    let _ = child.try_wait();
    let read = |path: &Path| fs::read(path).unwrap_or_default();
    let ran = Ran {
        code: status.and_then(|status| status.code()),
        stdout: read(&stdout),
        stderr: read(&stderr),
        report: read(&caller.report()),
        faults,
    };
    ran.without_secrets(caller)
}

impl Ran {
    /// The report.
    pub fn parsed(&self) -> Option<Report> {
        serde_json::from_slice(&self.report).ok()
    }

    /// The verdicts of one target.
    pub fn verdicts(&self, target: &str) -> BTreeMap<String, String> {
        let Some(report) = self.parsed() else { return BTreeMap::new() };
        let of = |(_, check): (_, &grader::report::Check)| {
            (check.id.clone(), format!("{} {:?}", check.verdict, check.cause))
        };
        report.checks().filter(|(it, _)| it.name == target).map(of).collect()
    }

    /// Why a verdict is as it is.
    pub fn why(&self, target: &str, id: &str) -> String {
        let report = self.parsed();
        let mut checks = report.iter().flat_map(Report::checks);
        let found = checks.find(|(it, check)| it.name == target && check.id == id);
        found.map(|(_, check)| check.why.clone()).unwrap_or_default()
    }

    /// Adds a fault unless it ended as a run that has judged something, or nothing.
    pub fn must_have_ended(mut self) -> Ran {
        if !matches!(self.code, Some(0 | 1 | 3)) {
            let stderr = String::from_utf8_lossy(&self.stderr).into_owned();
            self.faults.push(format!("exit code {:?}: {stderr}", self.code));
        } else if self.parsed().is_none() {
            self.faults.push("there is no report".into());
        }
        self
    }

    /// Panics if something happened that should not have.
    #[track_caller]
    pub fn assert(&self) {
        assert!(self.faults.is_empty(), "\n  {}", self.faults.join("\n  "));
    }

    /// Looks for the caller's secrets in everything that the run has written.
    fn without_secrets(mut self, caller: &Caller) -> Ran {
        for (name, text) in
            [("report", &self.report), ("standard output", &self.stdout), ("standard error", &self.stderr)]
        {
            // What the person has typed may be told to the person.
            let told = |place: &&str| !(name == "standard error" && place.contains("arguments"));
            for place in caller.secrets.in_text(text).into_iter().filter(told) {
                self.faults.push(format!("the {name} tells of {place}"));
            }
        }
        self
    }
}

/// The machine's shared memory, tmpfs among it, in KiB (proc_meminfo(5)).
fn shared_memory() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Shmem:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse().ok()).unwrap_or_default()
}
