//! The ids that a decoy's user namespace gets: none that anybody on the machine has, and none that another decoy has.
//!
//! The kernel counts by user: descriptors in flight, keys, message queues, pending signals, inotify instances. With
//! ids of its own a program uses up its own share, and neither the next decoy's nor that of one at the same time. Some
//! of these count for the owner of the user namespace as well (user_namespaces(7), namespaces(7)), so that is an id of
//! its own, too; in the namespace nobody can become it.

use crate::random::random_word;
use crate::report::DecoyKind;
use anyhow::{Context, Result, bail};
use caps::CapSet;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, Uid, geteuid, setresuid};
use std::fs;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

/// How many ids a whole system needs: 0 to 65535.
const COUNT: u32 = 65_536;

/// The first of the ids that are given away, and the end of them: above what systemd gives to its containers, and
/// below 2^31, beyond which some programs take an id for negative (systemd.io/UIDS-GIDS).
const FIRST: u32 = 0x7000_0000;
const END: u32 = 0x7fff_0000;

/// From one range to the next: the ids that are mapped, and at least the owner's.
const STRIDE: u32 = 2 * COUNT;

/// So many ranges are tried until one is free.
const TRIES: usize = 256;

/// A range of the grader's own ids: the decoy's uid and gid 0 are `first` outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ids {
    /// The first.
    pub first: u32,
    /// How many.
    pub count: u32,
    /// The owner of the decoy's user namespace, which is not mapped in it. None where that is whoever makes it.
    pub owner: Option<u32>,
}

/// Ids that no other decoy has as long as this lives.
#[derive(Debug)]
pub struct Lease {
    /// The ids.
    pub ids: Ids,
    /// An abstract socket whose name is the range's: the kernel gives each name once, and takes it back with the last
    /// descriptor, however its holder ends.
    _name: Option<UnixListener>,
}

impl Lease {
    /// Ids for a decoy of this kind, made by this process.
    ///
    /// # Errors
    /// No range is free.
    pub fn take(kind: DecoyKind) -> Result<Lease> {
        if kind == DecoyKind::Root {
            return Ok(Lease { ids: Ids { first: 0, count: u32::MAX, owner: None }, _name: None });
        }
        let (map, taken) = (own_map()?, taken());
        if !has_ranges(&map) {
            return Ok(Lease { ids: Ids::one(), _name: None });
        }
        for _ in 0..TRIES {
            let number = u32::from_str_radix(&random_word(8)?, 16)? % ((END - FIRST) / STRIDE);
            let first = FIRST + number * STRIDE;
            if !is_free(&taken, first) {
                continue;
            }
            let name = SocketAddr::from_abstract_name(format!("container-labs-ids-{first}"))?;
            if let Ok(name) = UnixListener::bind_addr(&name) {
                let ids = Ids { first, count: COUNT, owner: Some(first + COUNT) };
                return Ok(Lease { ids, _name: Some(name) });
            }
        }
        bail!("no range of {COUNT} user ids is free")
    }
}

impl Ids {
    /// The calling process's own.
    fn one() -> Ids {
        Ids { first: geteuid().as_raw(), count: 1, owner: None }
    }

    /// The id outside of an id inside.
    pub fn outside(&self, id: u32) -> u32 {
        if id < self.count { self.first.saturating_add(id) } else { self.first }
    }

    /// Does something with the owner's id for the calling process's real and effective one, and with all its
    /// capabilities.
    pub fn as_owner<T>(&self, deed: impl FnOnce() -> T) -> Result<T> {
        let Some(owner) = self.owner else { return Ok(deed()) };
        let (owner, root) = (Uid::from_raw(owner), Uid::from_raw(0));
        setresuid(owner, owner, root).context("setresuid(2)")?;
        let all =
            caps::read(None, CapSet::Permitted).and_then(|all| caps::set(None, CapSet::Effective, &all));
        let done = all.map(|()| deed());
        setresuid(root, root, root).context("setresuid(2)")?;
        // A change of the effective id resets it (prctl(2)).
        prctl::set_pdeathsig(Signal::SIGKILL).context("PR_SET_PDEATHSIG")?;
        done.context("capset(2)")
    }

    /// Maps them in the user namespace of `process` (user_namespaces(7)). The calling process is root, in its own user
    /// namespace at least.
    pub fn map(&self, process: Pid) -> Result<()> {
        for file in ["gid_map", "uid_map"] {
            let path = format!("/proc/{process}/{file}");
            fs::write(&path, format!("0 {} {}", self.first, self.count))
                .with_context(|| format!("{file} of a new user namespace"))?;
        }
        Ok(())
    }
}

/// Whether each decoy that this process makes has ids of its own. Else all have one id, its own, and share what the
/// kernel counts by user.
pub fn are_many() -> bool {
    own_map().is_ok_and(|map| has_ranges(&map))
}

fn own_map() -> Result<String> {
    fs::read_to_string("/proc/self/uid_map").context("/proc/self/uid_map")
}

/// Whether the ids that are given away are this process's to give.
fn has_ranges(map: &str) -> bool {
    geteuid().is_root() && is_mapped(map, FIRST, END - FIRST)
}

/// The ids of accounts, and those that accounts may give to their own user namespaces.
fn taken() -> Vec<(u32, u32)> {
    let mut taken = Vec::new();
    for file in ["/etc/subuid", "/etc/subgid"] {
        taken.extend(ranges(&fs::read_to_string(file).unwrap_or_default(), 1, Some(2)));
    }
    for file in ["/etc/passwd", "/etc/group"] {
        taken.extend(ranges(&fs::read_to_string(file).unwrap_or_default(), 2, None));
    }
    taken
}

/// Ranges from lines of fields between colons: the first id in one field, the count in another or 1.
fn ranges(text: &str, first: usize, count: Option<usize>) -> Vec<(u32, u32)> {
    let number = |line: &str, field: usize| line.split(':').nth(field).and_then(|text| text.parse().ok());
    text.lines()
        .filter_map(|line| Some((number(line, first)?, count.map_or(Some(1), |field| number(line, field))?)))
        .collect()
}

fn is_free(taken: &[(u32, u32)], first: u32) -> bool {
    taken
        .iter()
        .all(|&(start, count)| start.saturating_add(count) <= first || start >= first.saturating_add(STRIDE))
}

fn is_mapped(map: &str, first: u32, wanted: u32) -> bool {
    map.lines().any(|line| {
        let fields: Vec<u64> = line.split_whitespace().filter_map(|field| field.parse().ok()).collect();
        let [inside, _, count] = fields[..] else { return false };
        inside <= u64::from(first) && u64::from(first) + u64::from(wanted) <= inside + count
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_an_account_or_a_range_are_not_free() {
        let taken = ranges("someone:1879048192:65536\n# odd line\n", 1, Some(2));
        assert!(!is_free(&taken, 0x7000_0000));
        assert!(is_free(&taken, 0x7100_0000));
        assert!(!is_free(&ranges("late:x:1895825408:0::/:/bin/sh", 2, None), 0x7100_0000));
    }

    #[test]
    fn only_mapped_ids_can_be_given_on() {
        assert!(is_mapped("         0          0 4294967295\n", FIRST, END - FIRST));
        assert!(!is_mapped("         0     100000      65536\n", FIRST, END - FIRST));
    }

    #[test]
    fn no_two_decoys_have_the_same_ids() {
        if !are_many() {
            let one = Lease::take(DecoyKind::User).unwrap().ids;
            return assert_eq!(one, Ids { first: geteuid().as_raw(), count: 1, owner: None });
        }
        let leases: Vec<Lease> = (0..50).map(|_| Lease::take(DecoyKind::User).unwrap()).collect();
        let firsts: std::collections::BTreeSet<u32> = leases.iter().map(|lease| lease.ids.first).collect();
        assert_eq!(firsts.len(), leases.len());
        let name = format!("container-labs-ids-{}", leases[0].ids.first);
        let name = SocketAddr::from_abstract_name(name).unwrap();
        assert!(UnixListener::bind_addr(&name).is_err());
        drop(leases);
        assert!(UnixListener::bind_addr(&name).is_ok());
    }
}
