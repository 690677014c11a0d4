//! The ids that a decoy's user namespace gets: none that anybody on the machine has.

use super::Kind;
use anyhow::{Context, Result};
use nix::unistd::{Pid, getegid, geteuid};
use std::fs;

/// How many ids a whole system needs: 0 to 65535.
const COUNT: u32 = 65_536;

/// Where to look for them: above what systemd gives to its containers (systemd.io/UIDS-GIDS).
const CANDIDATES: [u32; 4] = [0x7000_0000, 0x7100_0000, 0x0070_0000, 0x0030_0000];

/// A range of the grader's own ids: the decoy's uid and gid 0 are `first` outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ids {
    /// The first.
    pub first: u32,
    /// How many.
    pub count: u32,
}

impl Ids {
    /// The ids for a decoy of this kind, made by this process.
    pub fn for_decoy(kind: Kind) -> Result<Ids> {
        match kind {
            Kind::Root => Ok(Ids { first: 0, count: u32::MAX }),
            Kind::User if geteuid().is_root() => Ids::free(),
            Kind::User => Ok(Ids { first: geteuid().as_raw(), count: 1 }),
        }
    }

    /// 65,536 ids that stand in no `/etc/subuid` or `/etc/subgid` range and belong to no account, within this
    /// process's own map; where there are none, one id: its own.
    pub fn free() -> Result<Ids> {
        let map = fs::read_to_string("/proc/self/uid_map").context("/proc/self/uid_map")?;
        let mut taken = Vec::new();
        for file in ["/etc/subuid", "/etc/subgid"] {
            taken.extend(ranges(&fs::read_to_string(file).unwrap_or_default(), 1, Some(2)));
        }
        for file in ["/etc/passwd", "/etc/group"] {
            taken.extend(ranges(&fs::read_to_string(file).unwrap_or_default(), 2, None));
        }
        let first = CANDIDATES.into_iter().find(|&first| is_mapped(&map, first) && is_free(&taken, first));
        Ok(match first {
            Some(first) => Ids { first, count: COUNT },
            None => Ids { first: geteuid().as_raw(), count: 1 },
        })
    }

    /// The id outside of an id inside.
    pub fn outside(&self, id: u32) -> u32 {
        if id < self.count { self.first.saturating_add(id) } else { self.first }
    }

    /// Maps them in the user namespace of `process` (user_namespaces(7)).
    pub fn map(&self, process: Pid) -> Result<()> {
        let write = |file: &str, text: String| {
            let path = format!("/proc/{process}/{file}");
            fs::write(&path, text).with_context(|| format!("{file} of a new user namespace"))
        };
        let (first, count) = (self.first, self.count);
        if geteuid().is_root() {
            write("gid_map", format!("0 {first} {count}"))?;
            write("uid_map", format!("0 {first} {count}"))
        } else {
            write("setgroups", "deny".into())?;
            write("gid_map", format!("0 {} 1", getegid()))?;
            write("uid_map", format!("0 {first} 1"))
        }
    }
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
        .all(|&(start, count)| start.saturating_add(count) <= first || start >= first.saturating_add(COUNT))
}

fn is_mapped(map: &str, first: u32) -> bool {
    map.lines().any(|line| {
        let fields: Vec<u64> = line.split_whitespace().filter_map(|field| field.parse().ok()).collect();
        let [inside, _, count] = fields[..] else { return false };
        inside <= u64::from(first) && u64::from(first) + u64::from(COUNT) <= inside + count
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
        assert!(is_mapped("         0          0 4294967295\n", 0x7000_0000));
        assert!(!is_mapped("         0     100000      65536\n", 0x7000_0000));
    }
}
