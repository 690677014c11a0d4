//! What the kernel counts by user, and how much of it the calling process's user has in use.

use nix::errno::Errno;
use nix::libc;
use nix::mqueue::{MQ_OFlag, MqAttr, mq_close, mq_open, mq_unlink};
use nix::sys::socket::{AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, sendmsg, socketpair};
use nix::sys::stat::Mode;
use nix::unistd::geteuid;
use std::fs;
use std::io::IoSlice;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// How much is in use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Keys (keyrings(7)), and how many the user may have.
    keys: (u64, u64),
    /// Pending signals (sigqueue(3)), and how many there may be.
    signals: (u64, u64),
    /// What can't be had any more, of what the kernel gives no figure of.
    used_up: Vec<&'static str>,
}

impl Usage {
    /// What is in use now.
    pub fn now() -> Usage {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let tries = [
            ("descriptors in flight", descriptor()),
            ("message queues", queue()),
            ("inotify instances", inotify()),
        ];
        // Refused for another reason: then it is so for everybody.
        let gone =
            |errno| matches!(errno, Errno::ETOOMANYREFS | Errno::EMFILE | Errno::ENOMEM | Errno::ENOSPC);
        Usage {
            keys: keys(&read("/proc/key-users"), geteuid().as_raw()),
            signals: signals(&read("/proc/self/status")),
            used_up: tries
                .iter()
                .filter(|(_, tried)| tried.is_err_and(gone))
                .map(|(name, _)| *name)
                .collect(),
        }
    }

    /// What is in use beyond what was before, in words: what can't be had, and of what is counted a tenth of all. Less
    /// hinders nobody, and the person may do other things meanwhile.
    pub fn beyond(&self, before: &Usage) -> Vec<String> {
        let new = |name: &&&'static str| !before.used_up.contains(name);
        let mut found: Vec<String> =
            self.used_up.iter().filter(new).map(|name| format!("all {name}")).collect();
        for (name, (now, most), (then, _)) in
            [("keys", self.keys, before.keys), ("pending signals", self.signals, before.signals)]
        {
            let more = now.saturating_sub(then);
            if more > 0 && more >= most / 10 {
                found.push(format!("{more} {name} of {most}"));
            }
        }
        found
    }
}

#[cfg(test)]
impl Usage {
    /// As if one thing were all in use.
    pub fn used_up(what: &'static str) -> Usage {
        Usage { used_up: vec![what], ..Usage::default() }
    }
}

/// From `/proc/key-users`: of `uid` the quota's keys and their number at most.
fn keys(text: &str, uid: u32) -> (u64, u64) {
    let line = text.lines().find_map(|line| line.trim().strip_prefix(&format!("{uid}:")));
    let pair = line.and_then(|line| line.split_whitespace().nth(2)?.split_once('/'));
    pair.and_then(|(now, most)| Some((now.parse().ok()?, most.parse().ok()?))).unwrap_or_default()
}

/// From `/proc/<pid>/status`: SigQ (proc_pid_status(5)).
fn signals(status: &str) -> (u64, u64) {
    let pair = status.lines().find_map(|line| line.strip_prefix("SigQ:")?.trim().split_once('/'));
    pair.and_then(|(now, most)| Some((now.parse().ok()?, most.parse().ok()?))).unwrap_or_default()
}

/// Sends a descriptor to itself.
fn descriptor() -> nix::Result<()> {
    let (a, _b) = socketpair(AddressFamily::Unix, SockType::Stream, None, SockFlag::SOCK_CLOEXEC)?;
    let raw = [a.as_raw_fd()];
    let rights = [ControlMessage::ScmRights(&raw)];
    sendmsg::<()>(a.as_raw_fd(), &[IoSlice::new(b"!")], &rights, MsgFlags::MSG_DONTWAIT, None).map(drop)
}

/// Makes a message queue of the usual size, and removes it.
fn queue() -> nix::Result<()> {
    let name = format!("/container-labs-{}", std::process::id());
    let flags = MQ_OFlag::O_CREAT | MQ_OFlag::O_EXCL | MQ_OFlag::O_RDWR | MQ_OFlag::O_CLOEXEC;
    let attributes = MqAttr::new(0, 4, 64, 0);
    let queue = mq_open(name.as_str(), flags, Mode::S_IRUSR, Some(&attributes))?;
    let _ = mq_unlink(name.as_str());
    mq_close(queue)
}

/// Makes an inotify instance.
fn inotify() -> nix::Result<()> {
    // SAFETY: the call takes a number and returns a descriptor, which we own.
    unsafe {
        let fd = Errno::result(libc::inotify_init1(libc::IN_CLOEXEC))?;
        drop(OwnedFd::from_raw_fd(fd));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded from Linux 6.18.
    #[test]
    fn figures_are_read() {
        let users = "    0:    25 24/24 13/1000000 263/25000000\n 1000:     2 2/2 2/200 20/20000\n";
        assert_eq!(keys(users, 1000), (2, 200));
        assert_eq!(keys(users, 0), (13, 1_000_000));
        assert_eq!(keys(users, 7), (0, 0));
        assert_eq!(signals("Name:\tx\nSigQ:\t3/96365\n"), (3, 96_365));
    }

    #[test]
    fn a_tenth_of_all_is_worth_a_word() {
        let usage = |keys, used_up: &[&'static str]| Usage {
            keys: (keys, 200),
            signals: (0, 1000),
            used_up: used_up.to_vec(),
        };
        let none: [String; 0] = [];
        assert_eq!(usage(12, &["message queues"]).beyond(&usage(2, &["message queues"])), none);
        assert_eq!(usage(22, &[]).beyond(&usage(2, &[])), ["20 keys of 200"]);
        assert_eq!(usage(2, &["message queues"]).beyond(&usage(2, &[])), ["all message queues"]);
    }
}
