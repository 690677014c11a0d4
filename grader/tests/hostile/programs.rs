//! Each hostile program between two honest ones.

use crate::caller::{Caller, sources};
use crate::common::programs;
use crate::common::stage::{Who, all_is_asked_for};
use crate::run::{Ran, run_watched};
use attempts::attempts::Attempt;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// What is asked of all: attempts at what several decoys might share.
const ATTEMPTS: &[&str] = &["hostname-read", "mount", "leaked-descriptor", "proc-keys", "posix-mq"];

/// What is asked of programs that look around: some works checks follow a start with ptrace(2).
const FOLLOWED: &[&str] = &["hostname-read", "leaked-descriptor", "starts", "output", "no-other-program"];

/// What is asked of programs that leave much behind: the host looks at what is new.
const LEFT: &[&str] = &["hostname-read", "mount", "setuid-drop", "nothing-left"];

/// What is asked of programs that use up what is counted by user.
const FEW: &[&str] = &["proc-keys", "posix-mq"];

/// What is asked of programs that use up the time of every trial.
const ONE: &[&str] = &["hostname-read"];

/// What is asked of programs that fight over processors, processes and groups.
const LIMITS: &[&str] = &["hostname-read", "fork-bomb"];

/// A test of each program as root and as an ordinary user: `spy::root`, `spy::user`.
macro_rules! programs {
    ($($test:ident $name:literal $attempts:ident,)*) => {
        /// The names of all.
        const ALL: &[&str] = &[$($name),*];

        $(mod $test {
            use super::*;

            #[test]
            fn root() {
                between_honest_ones(Who::Root, $name, $attempts);
            }

            #[test]
            fn user() {
                between_honest_ones(Who::User, $name, $attempts);
            }
        })*
    };
}

programs! {
    spy "spy" FOLLOWED,
    reads "reads" FOLLOWED,
    slow "slow" LIMITS,
    throttles "throttles" LIMITS,
    nests "nests" LIMITS,
    outlives "outlives" LIMITS,
    stops "stops" LIMITS,
    bombs "bombs" ONE,
    hog_fds "hog-fds" FEW,
    hog_mq "hog-mq" FEW,
    hog_keys "hog-keys" FEW,
    hog_sig "hog-sig" FEW,
    hog_rest "hog-rest" FEW,
    points "points" ATTEMPTS,
    vandal "vandal" ATTEMPTS,
    remounts "remounts" ATTEMPTS,
    fills "fills" ONE,
    devices "devices" ATTEMPTS,
    crashes "crashes" FEW,
    floods "floods" ONE,
    prints "prints" FEW,
    swells "swells" FEW,
    leaves "leaves" LEFT,
    mounts "mounts" LEFT,
    executes "executes" FOLLOWED,
}

/// Those that use up the time of their trials, or the memory that they may have.
const LONG: [&str; 4] = ["bombs", "fills", "crashes", "floods"];

/// Those that take seconds at each start, of which works checks have many: `pool.rs` sees what these say of most of them.
const SLOW_STARTS: [&str; 4] = ["executes", "leaves", "mounts", "reads"];

fn between_honest_ones(who: Who, name: &str, attempts: &[&str]) {
    if LONG.contains(&name) && !all_is_asked_for("it takes long") {
        return;
    }
    let mut attempts = attempts.to_vec();
    if SLOW_STARTS.contains(&name) && !all_is_asked_for("works checks that take long") {
        attempts.retain(|id| Attempt::find(id).is_some());
    }
    let attempts = attempts.as_slice();
    let Some(caller) = Caller::new(who) else { return };
    let Some(alone) = alone(&caller, attempts) else { return };
    let (Some(first), Some(last)) = (caller.honest("honest-a"), caller.honest("honest-b")) else { return };
    let (Some(weak), Some(weaker)) = (caller.weak("weak-a"), caller.weak("weak-b")) else { return };
    // One gets points for what an honest program beside it does.
    let Some(hostile) = caller.hostile(name, &[("lab3", first.as_path())]) else { return };
    let of_usr = if name == "remounts" { caller.below_usr() } else { None };
    let besides: Vec<&Path> = of_usr.iter().map(|it| it.0.as_path()).collect();

    let mut ran = grade(&caller, attempts, &[&first, &weak, &hostile, &weaker, &last], &besides);
    for honest in ["honest-a", "weak-a", "weak-b", "honest-b"] {
        let found = ran.verdicts(honest);
        for (id, verdict) in &alone[&honest[..4]] {
            match found.get(id) {
                Some(other) if other != verdict => {
                    let why = ran.why(honest, id);
                    ran.faults.push(format!("{honest}: {id} is {other} and not {verdict}: {why}"));
                }
                None => ran.faults.push(format!("{honest}: {id} was not judged")),
                Some(_) => (),
            }
        }
    }
    if ran.verdicts(name).len() != attempts.len() {
        ran.faults.push(format!("{name} was not judged"));
    }
    // What a person's terminal would obey, or show in another order (C0, C1, and Unicode's UAX #9).
    let report = String::from_utf8_lossy(&ran.report).into_owned();
    if let Some(odd) = report.chars().find(|c| is_odd(*c)) {
        ran.faults.push(format!("there is U+{:04X} in the report", odd as u32));
    }
    if report.len() > 1 << 20 {
        ran.faults.push(format!("the report has {} bytes", report.len()));
    }
    ran.assert();
}

fn grade(caller: &Caller, attempts: &[&str], programs: &[&Path], besides: &[&Path]) -> Ran {
    let mut grader = caller.grader(["run", "--format", "json", "--decoy", "user", "--output"]);
    grader.arg(caller.report()).args(attempts.iter().flat_map(|id| ["--attempt", id])).args(programs);
    run_watched(caller, grader, besides).must_have_ended()
}

/// The verdicts on the honest programs, by check and by the beginning of their names.
type Alone = BTreeMap<&'static str, BTreeMap<String, String>>;

/// What the honest programs get where nobody else is beside them. Measured once.
fn alone(caller: &Caller, attempts: &[&str]) -> Option<Alone> {
    static MEASURED: Mutex<BTreeMap<(u32, String), Alone>> = Mutex::new(BTreeMap::new());
    programs::labs()?;
    let key = (caller.stage.who.uid(), attempts.join(" "));
    let mut measured = MEASURED.lock().unwrap_or_else(PoisonError::into_inner);
    if !measured.contains_key(&key) {
        let (honest, weak) = (caller.honest("honest")?, caller.weak("weak")?);
        let ran = grade(caller, attempts, &[&honest, &weak], &[]);
        let verdicts = |name: &str| ran.verdicts(name);
        let alone = Alone::from([("hone", verdicts("honest")), ("weak", verdicts("weak"))]);
        assert!(alone.values().all(|it| it.len() == attempts.len()), "{:?}", ran.faults);
        measured.insert(key.clone(), alone);
        for program in [honest, weak] {
            fs::remove_dir_all(program.parent()?).unwrap();
        }
        fs::remove_file(caller.report()).unwrap();
    }
    measured.get(&key).cloned()
}

fn is_odd(c: char) -> bool {
    let control = c.is_control() && c != '\n';
    let order =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    control || order
}

#[test]
fn every_hostile_program_is_listed() {
    for entry in fs::read_dir(sources()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(stem) = name.strip_suffix(".c") else { continue };
        let is_listed = |it: &&str| it.split('-').next() == Some(stem);
        assert!(ALL.iter().any(is_listed), "{name}");
    }
}
