//! Signals to the program, and the processes of the container at its end.

use super::calls::said;
use super::{InStart, NOT_LOOKED, Work};
use crate::attacker::Argument;
use crate::host::Ending;
use crate::{Attacker, Host};
use nix::libc;
use nix::sys::signal::Signal::{self, SIGHUP, SIGINT, SIGTERM};
use std::collections::BTreeMap;

/// Those that a person or an init system ends a program with.
pub const FORWARDED: [Signal; 3] = [SIGINT, SIGTERM, SIGHUP];

/// Signals reach the command.
pub const SIGNALS: Work = Work {
    id: "signals",
    first_lab: 1,
    what: "INT, TERM and HUP to the program reach the command, or end the container.",
    man: &["signal(7)", "pid_namespaces(7)"],
    after: &[],
    run: InStart::Signals,
    calls: block,
    judge: came,
};

/// One that is blocked waits; PID 1 would ignore it otherwise (pid_namespaces(7)).
fn block(me: &mut Attacker) -> Result<(), String> {
    let set = FORWARDED.into_iter().map(bit).sum::<u64>().to_ne_bytes().to_vec();
    let size = set.len() as i64;
    let arguments = [libc::SIG_BLOCK.into(), Argument::Bytes(set), 0.into(), size.into()];
    me.call("rt_sigprocmask", libc::SYS_rt_sigprocmask, arguments).map(drop).map_err(said("sigprocmask"))
}

fn bit(signal: Signal) -> u64 {
    1 << (signal as i32 - 1)
}

/// Which of them do not wait for a process, by the lines of its `status` (proc_pid_status(5)).
pub fn missing(status: &BTreeMap<String, String>) -> Vec<&'static str> {
    let pending = |name| u64::from_str_radix(status.get(name)?, 16).ok();
    let pending = pending("SigPnd").unwrap_or(0) | pending("ShdPnd").unwrap_or(0);
    FORWARDED.into_iter().filter(|signal| pending & bit(*signal) == 0).map(Signal::as_str).collect()
}

fn came(host: &Host) -> Result<(), String> {
    let ended = host.program != Ending::None && host.command != Ending::None;
    // What ends the container by its own decision has understood as well. A lab forwards.
    if ended && !host.is_lab {
        return Ok(());
    }
    match missing(&host.attacker.status) {
        missing if missing.is_empty() => Ok(()),
        missing => Err(format!("the command never got {}", missing.join(", "))),
    }
}

/// The container ends with its command.
pub const NO_CHILD_LEFT: Work = Work {
    id: "no-child-left",
    first_lab: 1,
    what: "When the command ends its children end as well: those that run and those that nobody waited for.",
    man: &["pid_namespaces(7)", "wait(2)"],
    after: &[],
    run: InStart::Signals,
    calls: leave_children,
    judge: |host| match host.left_processes.ok_or(NOT_LOOKED)? {
        0 => Ok(()),
        number => Err(format!("the command has ended, and {number} of the container's processes have not")),
    },
};

/// Two. The host ends one of them, and lets the other wait for its input.
fn leave_children(me: &mut Attacker) -> Result<(), String> {
    for _ in 0..2 {
        let arguments = [libc::SIGCHLD, 0, 0, 0, 0].map(Argument::from);
        me.call("clone", libc::SYS_clone, arguments).map_err(said("fork"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_the_command_has_come() {
        let status = |own: &str, shared: &str| {
            [("SigPnd", own), ("ShdPnd", shared)].map(|(name, set)| (name.to_owned(), set.to_owned())).into()
        };
        // signal(7): HUP is 1, INT 2, TERM 15.
        assert_eq!(missing(&status("0000000000000000", "0000000000004003")), [] as [&str; 0]);
        assert_eq!(missing(&status("0000000000000002", "0000000000004000")), ["SIGHUP"]);
        assert_eq!(missing(&BTreeMap::new()).len(), 3);
    }

    #[test]
    fn of_a_lab_the_end_is_no_answer() {
        let ended = Host { program: Ending::Exited(130), command: Ending::Killed(9), ..Host::default() };
        assert!(came(&ended).is_ok() && came(&Host { is_lab: true, ..ended.clone() }).is_err());
        assert!(came(&Host { command: Ending::None, ..ended }).is_err(), "the command lives on");
    }
}
