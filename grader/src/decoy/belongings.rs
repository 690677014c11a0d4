//! What a decoy host has besides files, and how it is: what a program has no business to change, whatever it does for its
//! container.

use super::layout::CANARIES;
use super::own_view;
use super::services::{SEGMENT, SESSION, Services};
use anyhow::{Context, Result};
use attempts::host::Served;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::libc;
use nix::mqueue::{MQ_OFlag, mq_getattr, mq_open};
use nix::net::if_::InterfaceFlags;
use nix::sys::stat::Mode;
use nix::unistd::Pid;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;

/// As much is read of anything.
const MAX_BYTES: u64 = 4096;

/// How the host's own things are, each by its name, and a number where several have one name.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Belongings(BTreeMap<(String, String), String>);

impl Belongings {
    /// How they are now.
    ///
    /// # Errors
    /// The host could not look at one of them.
    pub fn now(services: &Services, victim: Pid) -> Result<Belongings> {
        let proc = &services.proc;
        let mut all = Belongings::default();
        for line in own_view::mounts(proc)?.lines() {
            // proc_pid_mountinfo(5)
            let number = line.split(' ').next().unwrap_or_default();
            let name = format!("the mount at {}", own_view::mount_point(line));
            all.0.insert((name, number.to_owned()), line.to_owned());
        }
        for interface in nix::ifaddrs::getifaddrs().context("getifaddrs(3)")? {
            let flags = interface.flags & (InterfaceFlags::IFF_UP | InterfaceFlags::IFF_PROMISC);
            let address = interface.address.map_or_else(String::new, |address| address.to_string());
            let name = format!("the interface {}", interface.interface_name);
            all.0.insert((name, address), format!("{flags:?}"));
        }
        // Files with a random word. Its size and its times may be put back; the word may not.
        for path in CANARIES {
            all.add(path, text(read_file(path)));
        }
        all.add("the host's name", own_view::name()?);
        all.add("the victim", victim_state(proc, victim));
        all.add("the host's control group", groups(proc, Pid::from_raw(1)));
        all.add("the victim's control group", groups(proc, victim));
        all.add("the message queue", queue(services.served()));
        all.add("the System V segment", text(segment(services.served()).map_err(Into::into)));
        all.add("the key", text(key(services.served()).map_err(Into::into)));
        Ok(all)
    }

    fn add(&mut self, name: &str, state: String) {
        self.0.insert((name.to_owned(), String::new()), state);
    }

    /// The names of those that are not as they were.
    pub fn changed_since<'a>(&self, first: &'a Belongings) -> BTreeSet<&'a str> {
        let changed = first.0.iter().filter(|(name, was)| self.0.get(name) != Some(was));
        changed.map(|((name, _), _)| name.as_str()).collect()
    }
}

/// What was read, or why nothing was: that is not to change either.
fn text(read: std::io::Result<Vec<u8>>) -> String {
    match read {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => error.to_string(),
    }
}

/// A file of the host's, if it is no link, and without waiting for who may stand behind it.
fn read_file(path: &str) -> std::io::Result<Vec<u8>> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn read_proc(proc: &OwnedFd, path: &str) -> std::io::Result<Vec<u8>> {
    let file = openat(proc, path, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    let mut bytes = Vec::new();
    File::from(file).take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether it lives, is stopped, and who traces it (proc_pid_status(5)).
fn victim_state(proc: &OwnedFd, victim: Pid) -> String {
    let status = text(read_proc(proc, &format!("{victim}/status")));
    let field = |name| crate::proc::field(&status, name).unwrap_or_default();
    let state = match field("State").chars().next() {
        Some('S' | 'R' | 'D') => "lives",
        Some('T' | 't') => "is stopped",
        _ => "is dead",
    };
    format!("{state}, tracer {}", field("TracerPid"))
}

/// The control groups of a process, but for those of hierarchies that have only a name: others on this machine make such,
/// and end them.
fn groups(proc: &OwnedFd, process: Pid) -> String {
    let all = text(read_proc(proc, &format!("{process}/cgroup")));
    let lines = all.lines().filter(|line| !line.contains(":name="));
    lines.collect::<Vec<_>>().join(" ")
}

/// How many messages wait in it.
fn queue(served: &Served) -> String {
    let name = format!("/{}", served.queue.0);
    let opened = mq_open(name.as_str(), MQ_OFlag::O_RDONLY | MQ_OFlag::O_CLOEXEC, Mode::empty(), None);
    let found = opened.and_then(|queue| mq_getattr(&queue));
    found.map_or_else(|errno| errno.to_string(), |it| it.curmsgs().to_string())
}

fn segment(served: &Served) -> nix::Result<Vec<u8>> {
    // SAFETY: the segment is attached for this one copy of what is in it, and detached again.
    unsafe {
        let id = Errno::result(libc::shmget(served.segment.0, SEGMENT, 0))?;
        let at = libc::shmat(id, std::ptr::null(), libc::SHM_RDONLY);
        if at as isize == -1 {
            return Err(Errno::last());
        }
        let bytes = std::slice::from_raw_parts(at.cast::<u8>(), SEGMENT).to_vec();
        Errno::result(libc::shmdt(at))?;
        Ok(bytes)
    }
}

/// The payload of the key that is looked for by its name.
fn key(served: &Served) -> nix::Result<Vec<u8>> {
    // A kernel without keys has none to lose.
    let Some((name, ..)) = &served.key else { return Ok(Vec::new()) };
    let name = CString::new(name.as_str()).map_err(|_| Errno::EINVAL)?;
    let mut payload = [0_u8; 64];
    // SAFETY: the strings end in NUL, and no more is written than the payload has room for.
    let length = unsafe {
        let (kind, search, read) = (c"user".as_ptr(), libc::KEYCTL_SEARCH, libc::KEYCTL_READ);
        let key = Errno::result(libc::syscall(libc::SYS_keyctl, search, SESSION, kind, name.as_ptr(), 0))?;
        Errno::result(libc::syscall(libc::SYS_keyctl, read, key, payload.as_mut_ptr(), payload.len()))?
    };
    Ok(payload[..payload.len().min(length as usize)].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn belongings(things: &[(&str, &str)]) -> Belongings {
        let mut all = Belongings::default();
        things.iter().for_each(|(name, state)| all.add(name, (*state).to_owned()));
        all
    }

    #[test]
    fn what_is_gone_or_another_has_changed_and_what_is_new_has_not() {
        let first = belongings(&[("/canary", "word"), ("the key", "abc"), ("the host's name", "decoy")]);
        let now = belongings(&[("/canary", "word"), ("the key", "ab"), ("the interface tap0", "")]);
        assert_eq!(now.changed_since(&first), BTreeSet::from(["the host's name", "the key"]));
    }

    #[test]
    fn who_is_stopped_does_not_live() {
        let proc = File::open("/proc").unwrap().into();
        assert_eq!(victim_state(&proc, Pid::this()), "lives, tracer 0");
        assert!(victim_state(&proc, Pid::from_raw(i32::MAX)).starts_with("is dead"));
    }
}
