//! Tries things in a child process, so that all effects end with the child.

use super::facts::Tried;
use crate::decoy::ids::Lease;
use crate::report::DecoyKind;
use crate::runner::workers::process::enter_user_namespace;
use anyhow::{Context, Error, Result};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{ForkResult, Pid, fork, geteuid, pipe2};
use std::fs::File;
use std::io::{Read, Write};

/// Runs `work` in a child. The calling process must have one thread.
pub fn in_child(work: impl FnOnce() -> Result<()>) -> Tried {
    match Child::start(|child| child.say(&work())) {
        Ok(mut child) => child.hear(),
        Err(error) => outcome(Err(error)),
    }
}

/// Makes a user namespace as a worker or a decoy does: with a map, with other namespaces in it, and with a mount, since
/// on some systems anybody can make one, but nothing is allowed in it. Then traces its process with ptrace(2), as
/// trials do. The calling process must have one thread.
pub fn user_namespace() -> (Tried, Tried) {
    let root = geteuid().is_root();
    let started = Child::start(|child| {
        let made = match root {
            true => unshare(CloneFlags::CLONE_NEWUSER).context("unshare(CLONE_NEWUSER)"),
            false => enter_user_namespace(),
        };
        child.say(&made);
        if made.is_ok() && child.wait() {
            child.say(&fill());
        }
        // The process must live for the tracer; the wait ends when the grader closes its side.
        child.wait();
    });
    let mut child = match started {
        Ok(child) => child,
        Err(error) => return (outcome(Err(error)), Tried::NotTried("no process could be started")),
    };
    let mut made = child.hear();
    if made == Tried::Works && root {
        made = outcome(Lease::take(DecoyKind::User).and_then(|lease| lease.ids.map(child.pid)));
    }
    if made == Tried::Works {
        child.go_on();
        made = child.hear();
    }
    let seized = ptrace::seize(child.pid, ptrace::Options::empty()).context("ptrace(PTRACE_SEIZE)");
    (made, outcome(seized))
}

/// Makes what a decoy needs in its user namespace.
fn fill() -> Result<()> {
    let rest = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWCGROUP;
    unshare(rest).context("namespaces in a new user namespace: unshare(2)")?;
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
        .context("mount(2) in a new user namespace")?;
    mount(Some("doctor"), &crate::cache_dir::temporary()?, Some("tmpfs"), MsFlags::empty(), Some("size=4k"))
        .context("mounting a tmpfs in a new user namespace")
}

/// A child, from the grader's side. It is killed on drop.
struct Child {
    pid: Pid,
    from: File,
    to: File,
}

/// The child's own side.
struct Inside {
    from: File,
    to: File,
}

impl Child {
    fn start(work: impl FnOnce(&mut Inside)) -> Result<Child> {
        let (from_child, to_grader) = pipe2(OFlag::O_CLOEXEC).context("pipe2(2)")?;
        let (from_grader, to_child) = pipe2(OFlag::O_CLOEXEC).context("pipe2(2)")?;
        // SAFETY: this process has one thread.
        match unsafe { fork() }.context("fork(2)")? {
            ForkResult::Parent { child } => {
                Ok(Child { pid: child, from: from_child.into(), to: to_child.into() })
            }
            ForkResult::Child => {
                drop((from_child, to_child));
                let _ = prctl::set_pdeathsig(Signal::SIGKILL);
                work(&mut Inside { from: from_grader.into(), to: to_grader.into() });
                // SAFETY: ends this process without running what the grader would run at its exit.
                unsafe { libc::_exit(0) }
            }
        }
    }

    /// Reads the child's next result.
    fn hear(&mut self) -> Tried {
        decode(&mut self.from).unwrap_or_else(|error| outcome(Err(error)))
    }

    fn go_on(&mut self) {
        // If the child has died, the next read reports it.
        let _ = self.to.write_all(b"!");
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = kill(self.pid, Signal::SIGKILL);
        loop {
            let mut status = 0;
            // SAFETY: waitpid(2) writes one int. __WALL: the child may be traced.
            let pid = unsafe { libc::waitpid(self.pid.as_raw(), &mut status, libc::__WALL) };
            if pid < 0 || libc::WIFEXITED(status) || libc::WIFSIGNALED(status) {
                return;
            }
        }
    }
}

impl Inside {
    fn say(&mut self, result: &Result<()>) {
        // If the grader has died, nobody reads the result.
        let _ = self.to.write_all(&encode(result));
    }

    /// Whether the grader told the child to continue.
    fn wait(&mut self) -> bool {
        self.from.read_exact(&mut [0]).is_ok()
    }
}

/// A result as bytes: an error number in four bytes, the length of a text, the text; an empty text for success.
fn encode(result: &Result<()>) -> Vec<u8> {
    let (number, text) = match result {
        Ok(()) => (0, String::new()),
        Err(error) => (errno(error) as i32, format!("{error:#}")),
    };
    let mut message = number.to_ne_bytes().to_vec();
    message.extend((text.len() as u32).to_ne_bytes());
    message.extend(text.as_bytes());
    message
}

fn decode(from: &mut impl Read) -> Result<Tried> {
    let mut number = [0; 4];
    from.read_exact(&mut number).context("the child that tried it died")?;
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let mut text = vec![0; u32::from_ne_bytes(length) as usize];
    from.read_exact(&mut text)?;
    if text.is_empty() {
        return Ok(Tried::Works);
    }
    let why = String::from_utf8(text)?;
    Ok(Tried::Refused { why, errno: Errno::from_raw(i32::from_ne_bytes(number)) })
}

/// A result as an outcome.
pub fn outcome(result: Result<()>) -> Tried {
    match result {
        Ok(()) => Tried::Works,
        Err(error) => Tried::Refused { why: format!("{error:#}"), errno: errno(&error) },
    }
}

/// The error number at the bottom of an error.
fn errno(error: &Error) -> Errno {
    let found = error.chain().find_map(|cause| {
        let io = || Some(Errno::from_raw(cause.downcast_ref::<std::io::Error>()?.raw_os_error()?));
        cause.downcast_ref::<Errno>().copied().or_else(io)
    });
    found.unwrap_or(Errno::UnknownErrno)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    fn sent(result: Result<()>) -> Result<Tried> {
        decode(&mut &encode(&result)[..])
    }

    #[test]
    fn the_error_number_arrives_from_wherever_it_came() {
        assert_eq!(sent(Ok(())).unwrap(), Tried::Works);
        let ours = Err(Errno::ENOSPC).context("trying").context("again");
        let theirs = Err(std::io::Error::from_raw_os_error(Errno::ENOSPC as i32)).context("trying");
        for refused in [ours, theirs] {
            let arrived = sent(refused).unwrap();
            let Tried::Refused { why, errno: Errno::ENOSPC } = arrived else { panic!("{arrived:?}") };
            assert!(why.contains("trying: "), "{why}");
        }
        let arrived = sent(Err(anyhow!("no number"))).unwrap();
        assert_eq!(arrived, Tried::Refused { why: "no number".into(), errno: Errno::UnknownErrno });
    }

    #[test]
    fn a_child_that_dies_is_no_success() {
        assert!(decode(&mut &[0, 0][..]).is_err());
    }
}
