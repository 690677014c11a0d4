//! How the lines of a mount table differ (proc_pid_mountinfo(5)), in words.

use super::messages::Names;
use super::own_view::mount_point;
use std::collections::BTreeMap;

/// What is not in a line of both tables: one phrase for each mount that is another than it was.
pub fn differences(before: &str, now: &str) -> Names {
    let number = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    let mut was: BTreeMap<String, &str> = before.lines().map(|line| (number(line), line)).collect();
    let mut found = Names::default();
    for line in now.lines() {
        match was.remove(&number(line)) {
            Some(old) if old != line => found.add(&in_words(old, line)),
            Some(_) => {}
            None => found.add(&format!("the mount at {} is another one", mount_point(line))),
        }
    }
    found
}

/// What has become of one mount.
fn in_words(old: &str, new: &str) -> String {
    let (old, new) = (Fields::of(old), Fields::of(new));
    let mut changes = Vec::new();
    for (what, was, is) in [
        ("its flags were", old.flags, new.flags),
        ("its propagation was", propagation(&old.propagation), propagation(&new.propagation)),
        ("its root was", old.root, new.root),
        ("its place was", old.point, new.point),
        ("its file system was", old.file_system, new.file_system),
    ] {
        if was != is {
            changes.push(format!("{what} {was}, now {is}"));
        }
    }
    if changes.is_empty() {
        changes.push("it has another parent, or other peers".into());
    }
    format!("the mount at {}: {}", old.point, changes.join("; "))
}

/// The fields of a line.
struct Fields<'a> {
    root: &'a str,
    point: &'a str,
    flags: &'a str,
    propagation: Vec<&'a str>,
    file_system: &'a str,
}

impl Fields<'_> {
    fn of(line: &str) -> Fields<'_> {
        let (mount, file_system) = line.split_once(" - ").unwrap_or((line, ""));
        let mut words = mount.split(' ').skip(3);
        let mut word = || words.next().unwrap_or_default();
        let (root, point, flags) = (word(), word(), word());
        Fields { root, point, flags, propagation: words.collect(), file_system }
    }
}

/// The propagation type, without the numbers of peer groups (mount_namespaces(7)).
fn propagation(tags: &[&str]) -> &'static str {
    let has = |name: &str| tags.iter().any(|tag| tag.starts_with(name));
    match (has("shared:"), has("master:")) {
        (true, true) => "shared and slave",
        (true, false) => "shared",
        (false, true) => "slave",
        (false, false) if has("unbindable") => "unbindable",
        (false, false) => "private",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "28 1 0:30 / / rw shared:1 - tmpfs decoy rw,size=1k";

    fn said(now: &str) -> String {
        differences(ROOT, now).first.join(", ")
    }

    #[test]
    fn what_has_changed_is_named() {
        assert_eq!(differences(ROOT, ROOT), Names::default());
        assert_eq!(
            said("28 1 0:30 / / rw - tmpfs decoy rw,size=1k"),
            "the mount at /: its propagation was shared, now private"
        );
        assert_eq!(
            said("28 1 0:30 / / ro,nosuid shared:1 - tmpfs decoy rw,size=1k"),
            "the mount at /: its flags were rw, now ro,nosuid"
        );
        assert_eq!(
            said("28 1 0:30 / / rw shared:2 - tmpfs decoy rw,size=1k"),
            "the mount at /: it has another parent, or other peers"
        );
        assert_eq!(said(&ROOT.replace("28", "29")), "the mount at / is another one");
    }
}
