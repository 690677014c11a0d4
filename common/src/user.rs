//! The user namespace that a lab needs when nobody is root, and its id maps.
//!
//! Every mechanism of the labs needs a privilege. A user namespace gives its first process all of them, over
//! what belongs to that namespace only (user_namespaces(7)). Ids mean something in it once they are mapped.

use crate::error::{Result, Step};
use nix::unistd::{Gid, Pid, Uid, getegid, geteuid, setgroups, setresgid, setresuid};
use std::fs;

/// How many ids a root's user namespace gets: what one `/etc/subuid` line usually gives.
const COUNT: u64 = 65_536;

/// Where they begin on the host.
const FIRST: u64 = 100_000;

/// Maps the ids of `child`'s new user namespace. Called in the parent, which is still outside of it.
///
/// An ordinary user may map one id, its own, and must give up setgroups(2) first: else a process could leave
/// a group that denies it a file (user_namespaces(7), "The /proc/pid/setgroups file").
pub fn map(child: Pid) -> Result<()> {
    let proc = |file: &str| format!("/proc/{child}/{file}");
    if geteuid().is_root() {
        let (first, count) = range()?;
        fs::write(proc("gid_map"), format!("0 {first} {count}")).step("gid-map")?;
        fs::write(proc("uid_map"), format!("0 {first} {count}")).step("uid-map")
    } else {
        fs::write(proc("setgroups"), "deny").step("setgroups")?;
        fs::write(proc("gid_map"), format!("0 {} 1", getegid())).step("gid-map")?;
        fs::write(proc("uid_map"), format!("0 {} 1", geteuid())).step("uid-map")
    }
}

/// Becomes uid 0 of the user namespace. Called in the child, after the maps are written.
pub fn become_root() -> Result<()> {
    if fs::read_to_string("/proc/self/setgroups").step("setgroups")?.trim() == "allow" {
        setgroups(&[]).step("setgroups")?;
    }
    let (uid, gid) = (Uid::from_raw(0), Gid::from_raw(0));
    setresgid(gid, gid, gid).step("setgid")?;
    setresuid(uid, uid, uid).step("setuid")?;
    // A change of ids makes the process undumpable: its files in /proc then belong to the host's root, and it
    // could no longer write its own (proc(5), prctl(2) PR_SET_DUMPABLE).
    nix::sys::prctl::set_dumpable(true).step("dumpable")
}

/// The host's ids that root gives away: 100000 and up; inside a smaller user namespace its upper half.
fn range() -> Result<(u64, u64)> {
    let map = fs::read_to_string("/proc/self/uid_map").step("uid-map")?;
    let here = map.split_whitespace().nth(2).and_then(|count| count.parse().ok()).unwrap_or(1);
    Ok(if here >= FIRST + COUNT {
        (FIRST, COUNT)
    } else if here > 1 {
        (here / 2, here / 2)
    } else {
        (0, 1)
    })
}
