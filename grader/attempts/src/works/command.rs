//! The command: it starts, how it ended comes through, nothing else is executed, nothing is left.

use super::calls::write;
use super::{InStart, NOT_LOOKED, Work, nothing_to_do};
use crate::attacker::Argument;
use crate::host::{Ending, Start};
use crate::{Attacker, Host};
use nix::libc;

/// The command runs.
pub const STARTS: Work = Work {
    id: "starts",
    first_lab: 0,
    what: "The command starts, and the directory is its root.",
    man: &["chroot(2)", "execve(2)"],
    after: &[],
    run: InStart::Pipes,
    calls: nothing_to_do,
    judge: |host| match host.attacker.own_root {
        Some(true) => Ok(()),
        Some(false) => Err("the command ran with the host's own root directory".into()),
        None => Err("the host saw no command start".into()),
    },
};

/// It starts whenever it is asked for.
pub const EACH_START: Work = Work {
    id: "each-start",
    first_lab: 0,
    what: "The command begins at each start of the program, and not by chance.",
    man: &["clone(2)", "signal(7)"],
    after: &[],
    run: InStart::Afterwards,
    calls: nothing_to_do,
    judge: |host| match host.began {
        (0, _) => Err("no start was counted".into()),
        (began, tried) if began < tried => Err(format!(
            "it is flaky: of {tried} starts that were alike the command began in {began}; the other checks are of these"
        )),
        _ => Ok(()),
    },
};

/// Its arguments come through.
pub const ARGUMENTS: Work = Work {
    id: "arguments",
    first_lab: 0,
    what: "The command gets the arguments that the program was given for it, and no others.",
    man: &["execve(2)"],
    after: &[],
    run: InStart::Pipes,
    calls: nothing_to_do,
    judge: |host| match (&host.executed_with, host.asked_for.split_first()) {
        // Its own name is the program's to choose: a login shell's begins with a dash.
        (Some(found), Some((_, asked))) => match found.iter().skip(1).eq(asked) {
            true => Ok(()),
            false => Err(started_with(found.get(1..).unwrap_or_default(), &host.asked_for)),
        },
        _ => Err("the host could not read what it was executed with".into()),
    },
};

fn started_with(found: &[String], asked: &[String]) -> String {
    let name = asked.first().map_or("", String::as_str);
    let what = match found {
        [] => "with no argument".to_owned(),
        found => format!("with `{}`", found.join("` `")),
    };
    format!("it started `{name}` {what}; it was asked for `{}`", asked.join(" "))
}

/// Its exit status comes through.
pub const EXIT_STATUS: Work = Work {
    id: "exit-status",
    first_lab: 0,
    what: "The program exits with the command's exit status. A lab says it on standard error, unless told --quiet.",
    man: &["wait(2)"],
    after: &[],
    run: InStart::Afterwards,
    calls: nothing_to_do,
    judge: |host| match host.starts.as_slice() {
        [] => Err("no command came to its end".into()),
        starts => starts.iter().try_for_each(|start| status_comes_through(start, host.is_lab)),
    },
};

fn status_comes_through(start: &Start, is_lab: bool) -> Result<(), String> {
    let asked = start.asked;
    match start.program {
        Ending::Exited(status) if status == asked => {}
        Ending::Exited(status) => {
            return Err(format!("the command exited with status {asked}, the program with {status}"));
        }
        Ending::Killed(signal) => return Err(format!("the program was killed by signal {signal}")),
        Ending::None => return Err("the program did not end".into()),
    }
    let line = format!("Exited with status {asked}");
    match says(&start.stderr, &line) {
        said if !is_lab || said != start.quiet => Ok(()),
        true => Err(format!("with --quiet it said \"{line}\" all the same")),
        false => Err(format!("on standard error there is no line \"{line}\"")),
    }
}

/// Whether there is a line of just these words.
fn says(stderr: &[u8], line: &str) -> bool {
    String::from_utf8_lossy(stderr).lines().any(|said| said == line)
}

/// What a shell would say of a command that a signal killed.
pub const SIGNAL_STATUS: Work = Work {
    id: "signal-status",
    first_lab: 0,
    what: "When a signal kills the command the program ends, and not with success; a lab with 128 + N, and says so.",
    man: &["wait(2)", "signal(7)"],
    after: &[],
    run: InStart::Killed,
    calls: nothing_to_do,
    judge: |host| match host.program {
        Ending::None => Err("the command was killed, and the program did not end".into()),
        Ending::Exited(0) => Err("the command was killed, and the program exited with status 0".into()),
        Ending::Exited(KILLED) if host.is_lab && !says(&host.stderr, "Killed by signal 9") => {
            Err("on standard error there is no line \"Killed by signal 9\"".into())
        }
        Ending::Exited(KILLED) => Ok(()),
        other if host.is_lab => {
            Err(format!("signal 9 killed the command, and the program ended so: {other:?}"))
        }
        Ending::Exited(_) | Ending::Killed(_) => Ok(()),
    },
};

/// 128 + SIGKILL.
const KILLED: i32 = 137;

/// The program under test executes the command itself.
pub const NO_OTHER_PROGRAM: Work = Work {
    id: "no-other-program",
    first_lab: 0,
    what: "No other program is executed: no mount, no ip, no shell. The program itself may be, once more; and what its \
           command template names.",
    man: &["execve(2)", "ptrace(2)"],
    after: &[],
    run: InStart::Watched,
    calls: nothing_to_do,
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
    what: "When it returns, also since its command can't be executed, the host is as it was: mounts, processes, files, \
           control groups.",
    man: &["mount(2)", "proc(5)"],
    after: &[],
    run: InStart::Afterwards,
    calls: nothing_to_do,
    judge: |host: &Host| match host.left.as_deref().ok_or(NOT_LOOKED)? {
        [] => Ok(()),
        [one] => Err(one.clone()),
        [one, more @ ..] => Err(format!("{one}, and {} more", more.len())),
    },
};

/// What is not the container's is left alone.
pub const HOST_INTACT: Work = Work {
    id: "host-intact",
    first_lab: 0,
    what: "What is the host's own stays as it is: files, mounts, processes, interfaces, keys, control groups, its name.",
    man: &["namespaces(7)", "proc(5)"],
    after: &[],
    run: InStart::Afterwards,
    calls: nothing_to_do,
    judge: |host| match host.changed.as_deref().ok_or(NOT_LOOKED)? {
        [] => Ok(()),
        changed => Err(changed.join("; ")),
    },
};

/// The command's end, by its hand: a word on both output streams, and an exit with this status. That a stream is closed
/// the host notices, since nothing arrives.
pub fn end(me: &mut Attacker, status: i32, word: &str) {
    if !word.is_empty() {
        for stream in [1, 2] {
            let _ = write(me, stream, format!("{word}\n").as_bytes());
        }
    }
    // It does not return.
    let _ = me.call("exit_group", libc::SYS_exit_group, [Argument::from(status)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exited(asked: i32, status: i32, stderr: &str, quiet: bool) -> Start {
        Start { asked, program: Ending::Exited(status), stderr: stderr.into(), quiet }
    }

    #[test]
    fn of_a_program_only_the_status_is_asked_and_of_a_lab_the_line_as_well() {
        let with_line = exited(1, 1, "chatter\nExited with status 1\n", false);
        let without = exited(1, 1, "chatter\n", false);
        let quiet = Start { quiet: true, ..without.clone() };
        let not_quiet = Start { quiet: true, ..with_line.clone() };
        let wrong_line = exited(1, 1, "Exited with status 11\n", false);
        for (start, is_lab, holds) in [
            (&with_line, true, true),
            (&without, false, true),
            (&without, true, false),
            (&quiet, true, true),
            (&not_quiet, true, false),
            (&not_quiet, false, true),
            (&wrong_line, true, false),
            (&exited(255, 1, "", false), false, false),
            (&Start { program: Ending::Killed(9), ..without.clone() }, false, false),
            (&Start { program: Ending::None, ..without.clone() }, false, false),
        ] {
            let host = Host { is_lab, starts: vec![start.clone()], ..Host::default() };
            assert_eq!((EXIT_STATUS.judge)(&host).is_ok(), holds, "{start:?}, a lab: {is_lab}");
        }
        assert!((EXIT_STATUS.judge)(&Host::default()).is_err(), "nothing ended");
    }

    #[test]
    fn arguments_are_compared_and_the_name_is_not() {
        let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let with = |found: &[&str]| Host {
            asked_for: words(&["/bin/cat", "-"]),
            executed_with: Some(words(found)),
            ..Host::default()
        };
        for right in [&["/bin/cat", "-"], &["-cat", "-"]] {
            assert_eq!((ARGUMENTS.judge)(&with(right)), Ok(()), "{right:?}");
        }
        for (wrong, why) in [
            (&["/bin/cat"][..], "it started `/bin/cat` with no argument; it was asked for `/bin/cat -`"),
            (&["-"], "it started `/bin/cat` with no argument; it was asked for `/bin/cat -`"),
            (&["cat", "cat", "-"], "it started `/bin/cat` with `cat` `-`; it was asked for `/bin/cat -`"),
        ] {
            assert_eq!((ARGUMENTS.judge)(&with(wrong)), Err(why.into()));
        }
        assert!((ARGUMENTS.judge)(&Host::default()).is_err(), "what could not be read");
    }

    #[test]
    fn a_killed_command_is_no_success_and_a_lab_says_what_a_shell_says() {
        let line = "Killed by signal 9\n";
        for (program, stderr, program_holds, lab_holds) in [
            (Ending::Exited(137), line, true, true),
            (Ending::Exited(137), "", true, false),
            (Ending::Exited(247), line, true, false),
            (Ending::Killed(9), line, true, false),
            (Ending::Exited(0), line, false, false),
            (Ending::None, "", false, false),
        ] {
            for (is_lab, holds) in [(false, program_holds), (true, lab_holds)] {
                let host = Host { is_lab, program, stderr: stderr.into(), ..Host::default() };
                assert_eq!((SIGNAL_STATUS.judge)(&host).is_ok(), holds, "{program:?}, a lab: {is_lab}");
            }
        }
    }
}
