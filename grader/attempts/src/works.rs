//! The list of works checks: what a container must still do. A program that runs nothing blocks every attempt, but is
//! no container.

mod calls;
pub mod command;
mod devices;
mod directories;
mod filesystems;
mod killed;
mod namespaces;
pub mod signals;
pub mod streams;

use crate::{Attacker, Host};

/// A works check. It passes if what is done by the command's hand, if anything, succeeds and the host agrees.
pub struct Work {
    /// Its name.
    pub id: &'static str,
    /// The number of the first lab that must pass it.
    pub first_lab: usize,
    /// What must work, in words.
    pub what: &'static str,
    /// The manual pages to read.
    pub man: &'static [&'static str],
    /// Its prerequisites: if one does not pass, the grader reports that one first. `starts` is a prerequisite of every
    /// check, so no check names it.
    pub after: &'static [&'static str],
    /// The start of the program that it uses.
    pub run: InStart,
    /// What the command does inside, each system call by the host's hand. The error says what failed.
    pub calls: fn(&mut Attacker) -> Result<(), String>,
    /// What the host checks. The error says what is missing.
    pub judge: fn(&Host) -> Result<(), String>,
}

/// The starts that works checks share, so that a target is started six times instead of thirty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InStart {
    /// Standard streams are pipes. A second container runs beside it for a while.
    Pipes,
    /// Standard input is a terminal, and the host sees every execve(2) of the program under test.
    Watched,
    /// The command is killed.
    Killed,
    /// The program under test is killed: a lab alone, since what another program does then is its own affair.
    LabKilled,
    /// The last one: the program under test gets signals, and the command leaves children.
    Signals,
    /// Judged after all starts except the last, once the host is idle again.
    Afterwards,
}

/// Every works check.
pub const ALL: &[Work] = &[
    command::STARTS,
    command::EACH_START,
    command::ARGUMENTS,
    streams::OUTPUT,
    streams::INPUT,
    streams::TERMINAL,
    command::EXIT_STATUS,
    command::SIGNAL_STATUS,
    killed::KILLED,
    command::NO_OTHER_PROGRAM,
    directories::ODD_PATH,
    directories::TWO_AT_ONCE,
    directories::ROOTFS_WRITABLE,
    command::NOTHING_LEFT,
    directories::TEMPORARY_DIRECTORY,
    command::HOST_INTACT,
    namespaces::PID_1,
    filesystems::LATER_MOUNTS,
    signals::SIGNALS,
    signals::NO_CHILD_LEFT,
    namespaces::ROOT_INSIDE,
    namespaces::HOST_NAME,
    namespaces::LOOPBACK_UP,
    filesystems::PROC_SELF,
    filesystems::SYS_THERE,
    filesystems::TMP_WRITABLE,
    filesystems::RUN_WRITABLE,
    devices::DEVICES,
    devices::PTS,
    devices::SHM,
    devices::DEV_LINKS,
    devices::CONSOLE,
    filesystems::FILE_SYSTEMS,
    directories::READ_ONLY_ROOTFS,
];

impl Work {
    /// The works check with this name.
    pub fn find(id: &str) -> Option<&'static Work> {
        ALL.iter().find(|work| work.id == id)
    }

    /// Whether a lab of this number is asked for it; None: a program that is no lab.
    pub fn is_asked_of(&self, lab: Option<usize>) -> bool {
        lab.map_or(self.run != InStart::LabKilled, |lab| self.first_lab <= lab)
    }
}

/// Why a check does not hold whose fact is missing.
const NOT_LOOKED: &str = "the host could not be looked at";

/// For a check in which the command does nothing.
fn nothing_to_do(_: &mut Attacker) -> Result<(), String> {
    Ok(())
}

/// For a check of which the host sees nothing more.
fn nothing_to_see(_: &Host) -> Result<(), String> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a command does by itself, and nothing else, needs no look at the host.
    #[test]
    fn where_nobody_has_looked_no_check_holds() {
        let unseen = Host { mark: "mark".into(), ..Host::default() };
        let holds = ALL.iter().filter(|work| (work.judge)(&unseen).is_ok()).map(|work| work.id);
        let by_itself =
            ["rootfs-writable", "root-inside", "sys-there", "devices", "pts", "shm", "dev-links", "console"];
        assert_eq!(holds.collect::<Vec<_>>(), by_itself);
    }
}
