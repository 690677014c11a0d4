//! SIGKILL at random moments: nothing of the grader is left, some seconds later. What a build may leave is seen in
//! `tests/commands/build_ends.rs`.

use crate::caller::Caller;
use crate::common::stage::{Who, all_is_asked_for};
use crate::descendants;
use crate::student::Student;
use crate::watch::Watch;
use nix::unistd::geteuid;
use rstest::rstest;
use std::env;
use std::fs::{self, File};
use std::io::Read;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How often, where all is asked for: `GRADER_TESTS=all`. `GRADER_KILLS=500` asks for more.
const ROUNDS: usize = 4;

/// The longest life of a grader of several programs, and of a watch with a build under way.
const LIVES: [Duration; 2] = [Duration::from_millis(1500), Duration::from_millis(2500)];

#[rstest]
fn of_a_run(#[values(Who::Root, Who::User)] who: Who) {
    let Some(caller) = Caller::new(who) else { return };
    let (Some(first), Some(last)) = (caller.honest("honest-a"), caller.honest("honest-b")) else { return };
    let (Some(outlives), Some(nests)) = (caller.hostile("outlives", &[]), caller.hostile("nests", &[]))
    else {
        return;
    };
    let grader = || {
        let mut grader = caller.grader(["run", "--format", "json", "--decoy", "user", "--output"]);
        grader.arg(caller.report()).args([&first, &outlives, &nests, &last]);
        grader.args(["--attempt", "mount", "--attempt", "fork-bomb", "--attempt", "release-agent"]);
        grader
    };
    rounds(&caller, LIVES[0], grader);
}

/// A build script that never ends, with a child in a session of its own.
const SCRIPT: &str = r#"
fn main() {
    use std::os::unix::process::CommandExt;
    let mut child = std::process::Command::new("setsid");
    child.args(["sh", "-c", "sleep 1000; :"]).process_group(0);
    let mut child = child.spawn().unwrap();
    std::fs::write("../began", "").unwrap();
    child.wait().unwrap();
    loop { std::thread::sleep(std::time::Duration::from_secs(1)); }
}
"#;

/// A student in whose workspace no build ends. Who has cargo here: whoever runs the tests.
fn builder() -> Option<(Caller, Student)> {
    let who = if geteuid().is_root() { Who::Root } else { Who::User };
    let caller = Caller::new(who)?;
    let student = Student::new(0)?;
    student.save("lab1-namespaces/build.rs", SCRIPT);
    Some((caller, student))
}

#[test]
fn of_a_watch() {
    let Some((caller, student)) = builder() else { return };
    let grader = || {
        let mut watch = student.watch(&["lab1"]);
        watch.env("TMPDIR", caller.stage.path("tmp"));
        watch
    };
    rounds(&caller, LIVES[1], grader);
}

/// Kills graders at random moments of their lives, and looks at the machine after each.
fn rounds(caller: &Caller, life: Duration, grader: impl Fn() -> Command) {
    let rounds = env::var("GRADER_KILLS").ok().and_then(|it| it.parse().ok());
    let rounds = rounds.unwrap_or_else(|| if all_is_asked_for("all rounds but one") { ROUNDS } else { 1 });
    let mut faults = Vec::new();
    let mut took = Vec::new();
    for round in 0..rounds {
        let before = Watch::begin(caller, &[]);
        let moment = life.mul_f64(random());
        let out = || Stdio::from(File::create(caller.stage.path("out/killed")).unwrap());
        let mut child = grader().stdout(out()).stderr(out()).spawn().unwrap();
        let maker = child.id() as i32;
        descendants::spare(maker);
        sleep(moment);
        descendants::ranges();
        child.kill().unwrap();
        child.wait().unwrap();
        descendants::spare_no_more(maker);
        let begin = Instant::now();
        let left = before.differences(caller, maker);
        took.push(begin.elapsed());
        faults.extend(left.into_iter().map(|it| format!("round {round}, killed after {moment:?}: {it}")));
        faults.extend(descendants::end(maker));
        for entry in fs::read_dir(caller.stage.path("tmp")).unwrap().flatten() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    took.sort();
    let (median, most) = (took[took.len() / 2], took[took.len() - 1]);
    println!("{rounds} kills: all gone after {median:?} in the median, {most:?} at most");
    assert!(faults.is_empty(), "\n  {}", faults.join("\n  "));
}

/// A random number from 0 to 1.
fn random() -> f64 {
    let mut bytes = [0; 4];
    File::open("/dev/urandom").unwrap().read_exact(&mut bytes).unwrap();
    f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)
}
