//! A call that waits for another process: the supervisor of a system-call filter (seccomp_unotify(2)), or a file system in
//! user space (fuse(4)). That one alone is let go, call by call, until the attacker's call has returned. Before each step the
//! host compares what the call's pointers point to. When the call returns, the other is at its next stop: it does
//! nothing more before the host has looked.

use crate::proc::{self, field};
use crate::trial::session::Session;
use attempts::attacker::Failed;
use attempts::rules::Rule;
use nix::libc;
use nix::sys::ptrace;
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

/// A step that takes longer waits for something else.
const STEP: Duration = Duration::from_millis(5);

/// An answered call has returned, or waits again, within this time.
const RETURNS: Duration = Duration::from_millis(200);

/// Why a call counts for nothing, where its pointers point to something else than the host has laid there.
pub(super) const TOUCHED: &str = "somebody has changed what the command's call pointed to";

/// Lets those go who may have to answer the attacker's call, until it has returned or the time is over. Then they are
/// stopped again.
///
/// # Errors
/// One of them changed what the call points to, or could not be stopped.
pub fn let_answer(
    session: &mut Session,
    attacker: Pid,
    untouched: impl Fn() -> bool,
    deadline: Instant,
) -> Result<(), Failed> {
    let tasks = mediators(session, attacker);
    let mut moving = BTreeSet::new();
    let mut touched = false;
    let ended = |it: &Session| it.deaths.contains_key(&attacker.as_raw());
    while !(tasks.is_empty()
        || touched
        || session.stands(attacker)
        || ended(session)
        || Instant::now() > deadline)
    {
        for task in &tasks {
            if !moving.contains(task) || session.stands(*task) {
                touched = session.rules.holds(Rule::Pointers) && !untouched();
                if touched || session.stands(attacker) {
                    break;
                }
                session.forget_stops(*task);
                session.resume(*task, libc::PTRACE_SYSCALL);
                moving.insert(*task);
            }
            if session.stands_within(*task, STEP) {
                wait_until_quiet(session, attacker);
            }
        }
    }
    let held = session.rules.holds(Rule::Mediators);
    for task in moving {
        if !session.stands(task) {
            let _ = ptrace::interrupt(task);
            if !session.stands_within(task, RETURNS) && !session.deaths.contains_key(&task.as_raw()) {
                return Err(Failed::GaveUp("a process that the command waited for can't be stopped".into()));
            }
        }
        if !held {
            session.release(task);
            // A busy host would look as late.
            std::thread::sleep(4 * STEP);
        }
    }
    match touched {
        true => Err(Failed::GaveUp(TOUCHED.into())),
        false => Ok(()),
    }
}

/// The held threads whose process can answer in the kernel's place.
fn mediators(session: &Session, attacker: Pid) -> Vec<Pid> {
    let answers = |pid: &Pid| {
        proc::numbers(format!("/proc/{pid}/fd")).into_iter().any(|number| {
            let file = fs::read_link(format!("/proc/{pid}/fd/{number}")).unwrap_or_default();
            file.as_os_str() == "anon_inode:seccomp notify" || file.ends_with("fuse")
        })
    };
    session.held().filter(|pid| *pid != attacker).filter(answers).collect()
}

/// Waits until the attacker has stopped, or sleeps: it is then not on its way from one to the other.
fn wait_until_quiet(session: &mut Session, attacker: Pid) {
    let deadline = Instant::now() + RETURNS;
    let sleeps = || {
        let status = proc::read(attacker, "status");
        field(&status, "State").is_some_and(|state| state.starts_with(['S', 'D', 'Z', 'X']))
    };
    while !session.stands(attacker) && !sleeps() && Instant::now() < deadline {
        session.look_at(attacker);
    }
}
