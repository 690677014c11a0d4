//! The kernel counts some things for the owner of a user namespace, and so for all who have one of the same owner:
//! inotify instances, message queues (user_namespaces(7), ucounts). Each decoy's has an owner of its own.

use crate::caller::Caller;
use crate::common::machine::wait_until;
use crate::common::stage::Who;
use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::process::Stdio;

/// `_IO(0xb7, 4)`: the uid of a user namespace's owner (ioctl_ns(2)).
const NS_GET_OWNER_UID: libc::c_ulong = 0xb704;

/// A program whose command never starts.
const SLEEPS: &str = "#!/bin/sh\nwhile :; do read -r line; done\n";

/// The owners of the user namespaces below a process that are not its own.
fn owners(pid: i32, found: &mut BTreeSet<(String, u32)>) {
    let own = fs::read_link("/proc/self/ns/user").unwrap();
    let path = format!("/proc/{pid}/ns/user");
    if let (Ok(name), Ok(namespace)) = (fs::read_link(&path), File::open(&path))
        && name != own
    {
        let mut uid: libc::uid_t = 0;
        // SAFETY: the call writes one uid, which outlives it.
        let answer = unsafe { libc::ioctl(namespace.as_raw_fd(), NS_GET_OWNER_UID, &raw mut uid) };
        assert_eq!(answer, 0, "NS_GET_OWNER_UID");
        found.insert((name.display().to_string(), uid));
    }
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    children.split_whitespace().filter_map(|pid| pid.parse().ok()).for_each(|pid| owners(pid, found));
}

#[test]
fn each_decoy_s_user_namespace_has_an_owner_of_its_own() {
    let Some(caller) = Caller::new(Who::Root) else { return };
    let programs = ["work/a/sleeps", "work/b/sleeps"].map(|name| {
        fs::create_dir_all(caller.stage.path(name).parent().unwrap()).unwrap();
        caller.file(name, SLEEPS, 0o755)
    });
    let mut grader = caller.grader(["run", "--format", "json", "--decoy", "user", "--output"]);
    grader.arg(caller.report()).args(["--check", "hostname-read"]).args(programs);
    let mut grader = grader.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let pid = grader.id() as i32;
    let mut found = BTreeSet::new();
    // Both wait for their command at once.
    wait_until("two decoys live", || {
        found.clear();
        owners(pid, &mut found);
        found.len() >= 2
    });
    kill(Pid::from_raw(pid), Signal::SIGINT).unwrap();
    grader.wait().unwrap();
    let uids: BTreeSet<u32> = found.iter().map(|(_, uid)| *uid).collect();
    assert_eq!(uids.len(), found.len(), "{found:?}");
    assert!(!uids.contains(&0), "{found:?}");
}
