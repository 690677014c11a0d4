//! Nothing else moves, from before an attempt until the host has looked. Every process of the decoy but its PID 1, its
//! victim and the attacker is stopped by ptrace(2). SIGSTOP would not do: a timer's SIGCONT ends it. A victim that is not
//! as the host had made it is stopped like all others: a program may have made it one of its own.

use super::session::Session;
use super::{observe, stakes};
use crate::decoy::Decoy;
use crate::proc::{self, field};
use anyhow::{Result, bail};
use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

/// All stand within this time.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Stops all processes below a decoy's PID 1 but `attacker`, which is stopped already, and, where that is the stake, its victim, as
/// long as that is whole. They stand until [`Session::release_all`]. Returns them and their threads, the attacker too.
///
/// # Errors
/// One can't be stopped: why, in words.
pub fn freeze(session: &mut Session, decoy: &Decoy, attacker: Pid, but_victim: bool) -> Result<Vec<Pid>> {
    if proc::descendants(decoy.pid1()).into_iter().flat_map(proc::tasks).any(permits_opens) {
        bail!(
            "a process of the program is asked before anything is opened (fanotify(7)): it can't stand still"
        );
    }
    let deadline = Instant::now() + TIMEOUT;
    // Whom another process traces is held by SIGSTOP, and that process by us.
    let mut stopped_by_signal = BTreeSet::new();
    loop {
        let all = proc::descendants(decoy.pid1());
        let goes_on = |pid: Pid| but_victim && is_victim(pid, decoy);
        let tasks = all.iter().filter(|pid| !goes_on(**pid)).flat_map(|pid| proc::tasks(*pid));
        let known: BTreeSet<Pid> = session.held().chain([attacker]).collect();
        let fresh: Vec<Pid> = tasks.filter(|task| !known.contains(task) && !is_dead(*task)).collect();
        let mut moving = false;
        for task in fresh {
            // Where every execve(2) is seen, all are the host's already.
            let seized = match session.traces(task) {
                true => Ok(()),
                false => ptrace::seize(task, ptrace::Options::PTRACE_O_TRACESYSGOOD),
            };
            match seized {
                Ok(()) => {
                    moving = true;
                    session.hold(task);
                    let _ = ptrace::interrupt(task);
                    wait_until_it_stands(session, task, deadline)?;
                }
                Err(Errno::ESRCH) => moving = true,
                Err(_) if stopped_by_signal.insert(task) => {
                    moving = true;
                    let _ = kill(task, Signal::SIGSTOP);
                }
                Err(_) => moving |= !is_stopped(task),
            }
            if Instant::now() > deadline {
                bail!("the host could not stop all processes of the program");
            }
        }
        if !moving {
            return Ok(session.held().chain(all).collect());
        }
    }
}

fn wait_until_it_stands(session: &mut Session, task: Pid, deadline: Instant) -> Result<()> {
    while !session.stands(task) && !is_dead(task) && !waits_for_its_child(task) {
        if !session.look_at(task) && Instant::now() > deadline {
            bail!("the host could not stop a process of the program");
        }
    }
    Ok(())
}

/// `FAN_CLASS_CONTENT` and `FAN_CLASS_PRE_CONTENT`: include/uapi/linux/fanotify.h.
const PERMITS: u32 = 0x4 | 0x8;

/// Whether others wait for its permission when they open a file (fanotify(7)): the host would wait too.
fn permits_opens(task: Pid) -> bool {
    let is_asked = |number: i32| {
        let file = fs::read_link(format!("/proc/{task}/fd/{number}")).unwrap_or_default();
        let about = || proc::read(task, &format!("fdinfo/{number}"));
        let flags = |about: &str| {
            let flags = about.lines().find_map(|line| line.strip_prefix("fanotify flags:"))?;
            u32::from_str_radix(flags.split(' ').next()?, 16).ok()
        };
        file.as_os_str() == "anon_inode:[fanotify]" && flags(&about()).is_none_or(|it| it & PERMITS != 0)
    };
    proc::numbers(format!("/proc/{task}/fd")).into_iter().any(is_asked)
}

/// Whether a process waits in the kernel until its child has executed a program or ended (vfork(2)): it can't be stopped,
/// and does nothing.
fn waits_for_its_child(task: Pid) -> bool {
    let call = proc::read(task, "syscall");
    let number = call.split(' ').next().and_then(|number| number.parse::<libc::c_long>().ok());
    let clones = [libc::SYS_clone, libc::SYS_clone3];
    #[cfg(target_arch = "x86_64")]
    let vfork = Some(libc::SYS_vfork);
    #[cfg(not(target_arch = "x86_64"))]
    let vfork = None;
    number.is_some_and(|number| clones.contains(&number) || vfork == Some(number)) && state(task) == Some('D')
}

fn is_dead(task: Pid) -> bool {
    matches!(state(task), None | Some('Z' | 'X'))
}

fn is_stopped(task: Pid) -> bool {
    matches!(state(task), None | Some('Z' | 'X' | 'T' | 't'))
}

/// The letter of its state (proc_pid_stat(5)).
fn state(task: Pid) -> Option<char> {
    let status = proc::read(task, "status");
    field(&status, "State")?.chars().next()
}

/// Not one of that number in a PID namespace of a program's own, whose parent may have ended (clone3(2), `set_tid`).
fn is_victim(pid: Pid, decoy: &Decoy) -> bool {
    let (numbers, hosts) = (proc::nspid(pid), proc::nspid(decoy.pid1()));
    observe::identity(pid).parent == decoy.pid1().as_raw()
        && numbers.len() == hosts.len()
        && numbers.last() == Some(&decoy.victim())
        && stakes::victim_is_whole(decoy)
}
