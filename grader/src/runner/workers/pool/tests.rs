//! The pool, with shell scripts for workers: each reads jobs from its socket, and answers as it likes.

use super::*;
use crate::channel::Channel;
use crate::decoy::groups::Groups;
use crate::report::DecoyKind;
use crate::target::Target;
use crate::trial::Facts;
use nix::sys::signal::SigSet;
use nix::sys::signalfd::SfdFlags;
use nix::sys::socket::{Shutdown, shutdown};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use std::collections::VecDeque;
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};

/// No job of these tests takes longer; a machine that is busy with other tests must do it in this time.
const LIMIT: Duration = Duration::from_secs(5);

/// Reads one job, whatever it is: the length, as od(1) shows it, then so many bytes.
const READ: &str =
    "read_job() { n=$(head -c 4 | od -An -tu4); [ -n \"$n\" ] || exit 0; head -c $n >/dev/null; }; ";

/// Answers each job with the file `$1`.
const HONEST: &str = "while read_job; do cat \"$1\" >&0; done";

/// Is dead before it is given anything.
const DEAD: &str = "exit 0";

/// The scripts that are started, in order, and then honest ones; none is a worker that can't be started.
struct Scripts {
    list: VecDeque<Option<&'static str>>,
    answer: tempfile::NamedTempFile,
    made: usize,
}

impl Maker for Scripts {
    fn make(&mut self) -> Result<Worker> {
        let script = self.list.pop_front().unwrap_or(Some(HONEST)).context("the system refuses it")?;
        self.made += 1;
        let (ours, theirs) = Channel::pair(LIMIT)?;
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{READ}{script}"), "sh"]).arg(self.answer.path());
        let socket = theirs.into_socket();
        let shell = shell.stdin(Stdio::from(socket.try_clone()?)).spawn()?;
        let pid = Pid::from_raw(shell.id() as i32);
        // A child of another test may hold a copy of its end: that is closed when the shell has ended, whoever holds it.
        std::thread::spawn(move || {
            let _ = waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT);
            let _ = shutdown(socket.as_raw_fd(), Shutdown::Both);
        });
        if script == DEAD {
            assert!((0..100).any(|_| ours.has_message(100)), "it is not dead yet");
        }
        let groups = Groups { list: Vec::new() };
        Ok(Worker { pid, channel: Some(ours), groups, at: None })
    }
}

/// What comes of so many jobs, and how many workers were started.
fn run(scripts: &[Option<&'static str>], jobs: usize, limit: Duration) -> (Vec<String>, usize) {
    let done =
        serde_json::to_vec(&Done::Attempt(Facts { tried: Some("it".into()), ..Facts::default() })).unwrap();
    let answer = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(answer.path(), [&(done.len() as u32).to_ne_bytes()[..], &done].concat()).unwrap();
    let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
    let mut pool = Pool {
        list: Vec::new(),
        maker: Scripts { list: scripts.iter().copied().collect(), answer, made: 0 },
        limit,
        schedule: Schedule::all_at_once(),
        stopper: Arc::new(Stopper::new().unwrap()),
        interrupts: SignalFd::with_flags(&SigSet::empty(), flags).unwrap(),
    };
    let job = Job::Attempt { target: Target::bare(DecoyKind::User), id: "mount".into() };
    let mut found = vec![String::from("not done"); jobs];
    pool.fill().unwrap();
    let all = vec![job; jobs];
    pool.run_unless(
        &all,
        |_| false,
        |at, done| {
            let Done::Attempt(facts) = done else { panic!("{done:?}") };
            assert_eq!(found[at], "not done");
            found[at] = facts.tried.or(facts.distrust).or(facts.no_decoy).unwrap();
        },
    )
    .unwrap();
    let made = pool.maker.made;
    for worker in &mut pool.list {
        worker.channel = None;
    }
    end(&pool.list);
    (found, made)
}

/// What is lost, if one of the first workers is this one.
fn lost(script: &'static str, limit: Duration) -> Vec<String> {
    let (found, _) = run(&[Some(script)], 12, limit);
    found.into_iter().filter(|it| it != "it").collect()
}

#[test]
fn who_answers_what_cannot_be_read_loses_one_job_and_says_why() {
    for (script, why) in [
        ("read_job; printf '\\003\\000\\000\\000xyz' >&0; sleep 9", "it is no such message"),
        ("read_job; printf '\\377\\377\\377\\377xyz' >&0; sleep 9", "a message of 4294967295 bytes"),
        ("read_job; printf '\\003\\000\\000\\000x' >&0", "the process that ran it died"),
        ("read_job; exit 0", "the process that ran it died"),
    ] {
        let lost = lost(script, LIMIT * 4);
        assert_eq!(lost.len(), 1, "{script}: {lost:?}");
        assert!(lost[0].contains(why), "{script}: {lost:?}");
    }
}

#[test]
fn who_is_silent_loses_one_job() {
    let lost = lost("read_job; exec sleep 99", LIMIT);
    assert_eq!(lost, ["it did not come to its end within 5 s"]);
}

#[test]
fn a_worker_that_is_found_dead_loses_no_job() {
    for scripts in [&[Some(DEAD)][..], &[Some(HONEST), Some(DEAD), Some(DEAD)], &[Some(DEAD); NUMBER]] {
        let (found, made) = run(scripts, 12, LIMIT);
        assert_eq!(found, ["it"; 12]);
        let dead = scripts.iter().filter(|script| **script == Some(DEAD)).count();
        assert!(made <= NUMBER + dead, "{made}");
    }
}

#[test]
fn a_worker_that_cannot_be_started_costs_no_job() {
    // One of the first; all but one; and the one that would take the place of a dead one.
    for scripts in [
        &[Some(HONEST), None, Some(HONEST)][..],
        &[Some(HONEST), None, None, None, None, None],
        &[Some("read_job; exit 0"), None, None, None, None],
    ] {
        let (found, _) = run(scripts, 12, LIMIT);
        let lost: Vec<_> = found.iter().filter(|it| *it != "it").collect();
        let dead = usize::from(scripts[0] != Some(HONEST));
        assert_eq!(lost.len(), dead, "{lost:?}");
    }
}
