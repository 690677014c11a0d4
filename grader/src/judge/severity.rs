//! What is worst in a program that is no lab: it follows nobody's order of teaching.

use super::points::Rubric;
use crate::labs;
use crate::labs::steps::{self, to_come};
use crate::report::{Check, CheckKind, Verdict};
use attempts::attempts::{ALL, Attempt};
use attempts::works::{self, Work};

/// The attempts by which the whole host is lost, the worst first: its file tree, its disk, its kernel, its processes. All
/// others follow in teaching order.
const WORST: [&str; 22] = [
    "host-tree",
    "chroot-escape",
    "cwd-outside-root",
    "leaked-descriptor",
    "setns-own-mount",
    "proc-pid-root",
    "image-root-link",
    "open-by-handle",
    "raw-disk",
    "rootfs-device-node",
    "mknod-disk",
    "mknod-disk-dev",
    "mknod-disk-volume",
    "release-agent",
    "core-pattern",
    "core-pattern-remount",
    "ptrace-attach",
    "pidfd-getfd",
    "reboot",
    "host-umount",
    "mount",
    "signal-process",
];

/// The place of a check that does not pass, among all of its program: that nothing starts, then what escaped, then what does
/// not work, then what weighs nothing and what has no verdict.
pub fn place(check: &Check, rubric: &Rubric) -> (u8, usize) {
    let worst = WORST.iter().position(|id| *id == check.id);
    let attempt = ALL.iter().position(|attempt| attempt.id == check.id).map(|at| at + WORST.len());
    let work = works::ALL.iter().position(|work| work.id == check.id);
    let at = worst.or(attempt).or(work).unwrap_or(usize::MAX);
    let class = match check.verdict {
        Verdict::Fails if check.id == works::command::STARTS.id => 0,
        Verdict::Escaped => 1,
        Verdict::Fails if rubric.weighs(&check.id) => 2,
        Verdict::Fails => 3,
        _ => 4,
    };
    (class, at)
}

/// What a container lacks that lets an attempt through, in words; none for a works check.
pub fn missing(check: &Check) -> Option<String> {
    let attempt = Attempt::find(&check.id).filter(|_| check.verdict == Verdict::Escaped)?;
    let mut all: Vec<String> = Vec::new();
    for step in attempt.stopped_by {
        let missing = steps::missing(step).or_else(|| to_come::missing(step).map(str::to_owned));
        all.extend(missing.filter(|text| !all.contains(text)));
    }
    (!all.is_empty()).then(|| all.join(", or "))
}

/// The page of the book that is about a check.
pub fn page(check: &Check) -> String {
    let lab = match check.kind {
        CheckKind::Attempt => Attempt::find(&check.id).map(Attempt::first_lab),
        CheckKind::Works => Work::find(&check.id).map(|work| work.first_lab),
    };
    // Of the attempts that no lab stops yet there is one page for all.
    let name = lab.and_then(|lab| labs::ALL.get(lab)).copied().unwrap_or("catalogue");
    format!("docs/src/{name}.md")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::verdict::Outcome;
    use crate::report::Cause;

    fn escaped(id: &str) -> Check {
        Outcome::Escaped(String::new()).check(id, CheckKind::Attempt, None)
    }

    fn fails(id: &str) -> Check {
        Outcome::Fails(String::new()).check(id, CheckKind::Works, None)
    }

    #[test]
    fn the_hosts_whole_tree_comes_before_a_directory_that_was_left() {
        let rubric = Rubric::standard();
        let unclear = Outcome::Inconclusive(Cause::Target, String::new());
        let unclear = unclear.check("raw-disk", CheckKind::Attempt, None);
        let sorted = [
            fails("starts"),
            escaped("host-tree"),
            escaped("raw-disk"),
            escaped("sysv-shm"),
            escaped("fork-bomb"),
            fails("devices"),
            fails("nothing-left"),
            fails("temporary-directory"),
            unclear,
        ];
        let places: Vec<_> = sorted.iter().map(|check| place(check, &rubric)).collect();
        assert!(places.is_sorted(), "{places:?}");
    }

    #[test]
    fn each_attempt_has_what_is_missing_and_a_page() {
        assert!(WORST.iter().all(|id| Attempt::find(id).is_some()));
        for attempt in ALL {
            let check = escaped(attempt.id);
            let missing = missing(&check).unwrap_or_default();
            assert!(!missing.is_empty(), "{}", attempt.id);
        }
        assert_eq!(missing(&escaped("sysv-shm")).as_deref(), Some("no IPC namespace of its own"));
        assert_eq!(page(&escaped("sysv-shm")), "docs/src/lab1-namespaces.md");
        assert_eq!(page(&escaped("fork-bomb")), "docs/src/catalogue.md");
        assert_eq!(
            (missing(&fails("devices")), page(&fails("devices"))),
            (None, "docs/src/lab2-mounts.md".into())
        );
    }
}
