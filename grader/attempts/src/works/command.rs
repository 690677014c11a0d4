//! The command: it starts, its output and exit status come through, nothing else is executed, nothing is left.

use super::{Run, Work, nothing_to_do};
use crate::Host;
use crate::host::Ending;

/// The command runs.
pub const STARTS: Work = Work {
    id: "starts",
    first_lab: 0,
    what: "The command starts, and the directory is its root.",
    man: &["chroot(2)", "execve(2)"],
    after: &[],
    run: Run::Pipes,
    inside: nothing_to_do,
    judge: |host| match host.attacker.own_root {
        Some(true) => Ok(()),
        Some(false) => Err("the command ran with the host's own root directory".into()),
        None => Err("the host saw no command start".into()),
    },
};

/// Its output comes through.
pub const OUTPUT: Work = Work {
    id: "output",
    first_lab: 0,
    what: "What the command writes to standard output comes out.",
    man: &["write(2)"],
    after: &[],
    run: Run::Pipes,
    inside: nothing_to_do,
    judge: |host| {
        let word = host.mark.as_bytes();
        match host.stdout.windows(word.len()).any(|window| window == word) {
            true => Ok(()),
            false => Err("the command wrote a word to standard output, and it did not come out".into()),
        }
    },
};

/// Its exit status comes through.
pub const EXIT_STATUS: Work = Work {
    id: "exit-status",
    first_lab: 0,
    what: "The program exits with the command's exit status.",
    man: &["wait(2)"],
    after: &[],
    run: Run::Pipes,
    inside: nothing_to_do,
    judge: |host| match host.program {
        Ending::Exited(status) if status == host.asked_status => Ok(()),
        Ending::Exited(status) => {
            Err(format!("the command exited with status {}, the program with {status}", host.asked_status))
        }
        Ending::Killed(signal) => Err(format!("the program was killed by signal {signal}")),
        Ending::None => Err("the program did not end".into()),
    },
};

/// The program under test executes the command itself.
pub const NO_OTHER_PROGRAM: Work = Work {
    id: "no-other-program",
    first_lab: 0,
    what: "No other program is executed: no mount, no ip, no shell.",
    man: &["execve(2)", "ptrace(2)"],
    after: &[],
    run: Run::Watched,
    inside: nothing_to_do,
    judge: |host| match &host.executed {
        None => Err("the host could not follow the program to its command".into()),
        Some(others) if others.is_empty() => Ok(()),
        Some(others) => Err(format!("it executed {}", others.join(", "))),
    },
};

/// The host is as it was.
pub const NOTHING_LEFT: Work = Work {
    id: "nothing-left",
    first_lab: 0,
    what: "When it returns the host is as it was: mounts, processes, files.",
    man: &["mount(2)", "proc(5)"],
    after: &[],
    run: Run::Afterwards,
    inside: nothing_to_do,
    judge: |host: &Host| match host.left.as_slice() {
        [] => Ok(()),
        [one] => Err(one.clone()),
        [one, more @ ..] => Err(format!("{one}, and {} more", more.len())),
    },
};
