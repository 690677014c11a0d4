//! Who in the grader makes, changes or removes files by a path. What a submission, a root file system or an archive had
//! a hand in goes through `beneath`, and what is written for a person through `atomic_write`; every other place is
//! listed here, with the reason why its paths are nobody else's.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What makes, changes or removes something by its name.
const CALLS: &[&str] = &[
    "fs::copy",
    "fs::write",
    "fs::rename",
    "fs::set_permissions",
    "File::create",
    "File::options",
    "OpenOptions",
    "DirBuilder",
    "remove_file",
    "remove_dir",
    "create_dir",
    "hard_link(",
    "lchown",
    "fchownat",
    "fchmodat",
    "unlinkat",
    "renameat",
    "linkat",
    "mkdirat",
    "mknod(",
    "mknodat(",
    "symlinkat(",
    "mkfifo",
    "symlink(",
    "chown(",
    "temp_dir()",
    "tempfile::",
];

/// The files that may, what they call, and why.
const ALLOWED: &[(&str, &[&str], &str)] = &[
    (
        "beneath.rs",
        &[
            "fs::set_permissions",
            "OpenOptions",
            "fchownat",
            "renameat",
            "hard_link(",
            "linkat",
            "mkdirat",
            "mknodat(",
            "symlinkat(",
        ],
        "the module itself: below descriptors, and through /proc/self/fd",
    ),
    ("beneath/remove.rs", &["unlinkat"], "below descriptors"),
    ("atomic_write.rs", &["OpenOptions"], "through /proc/self/fd"),
    ("labs/build.rs", &["create_dir", "hard_link("], "the grader's own directory; `beneath`'s"),
    ("decoy/cgroupfs.rs", &["create_dir", "chown(", "fs::write"], "control groups, in cgroupfs"),
    ("decoy/delegated.rs", &["create_dir"], "control groups, in cgroupfs"),
    (
        "decoy/groups.rs",
        &["create_dir", "fs::write", "remove_dir", "symlink("],
        "control groups, in cgroupfs; the directory of a new decoy that they are mounted in",
    ),
    ("decoy/group_tree.rs", &["fchmodat", "unlinkat"], "control groups, in cgroupfs, by descriptor"),
    ("decoy/image.rs", &["hard_link("], "`beneath`'s"),
    ("decoy/hierarchy.rs", &["create_dir"], "the worker's own directory"),
    ("decoy/ids.rs", &["fs::write"], "/proc of a child"),
    ("decoy/belongings.rs", &["OpenOptions"], "reads alone, and follows no link"),
    ("decoy/clock.rs", &["fs::write"], "its own /proc"),
    ("decoy/pid1.rs", &["fs::write"], "its own /proc"),
    ("decoy/quota.rs", &["fs::write"], "control groups, in cgroupfs"),
    ("decoy/start.rs", &["fs::write"], "/proc of a child"),
    ("decoy/victim.rs", &["OpenOptions"], "/proc, and what PID 1 has just made"),
    (
        "cache_dir.rs",
        &["DirBuilder", "fs::set_permissions", "remove_dir"],
        "the person's cache, whose owner is checked; the grader's own temporary directory",
    ),
    ("doctor/look.rs", &["create_dir", "remove_dir"], "control groups, in cgroupfs"),
    ("runner/keeper.rs", &["remove_dir"], "the grader's own temporary directory"),
    ("runner/keeper/stale.rs", &["remove_dir"], "a dead grader's temporary directory"),
    ("labs/workspace.rs", &["fs::rename", "remove_dir"], "the person's cache"),
    ("rootfs/cache.rs", &["DirBuilder"], "the person's cache"),
    ("rootfs/debian.rs", &["File::create"], "in the locked directory of mode 0700 that this import has made"),
    ("rootfs/import/tree.rs", &["chown(", "hard_link("], "a word of an error; `beneath`'s"),
    ("rootfs/fake.rs", &["tempfile::"], "for tests"),
    ("labs/steps/source.rs", &["create_dir"], "the top, which whoever calls has named"),
    ("student/watch/builder.rs", &["create_dir"], "the grader's own directory"),
    ("student/pack/build.rs", &["create_dir"], "the person's cache"),
    ("labs/target_dir.rs", &["create_dir"], "as the person, where cargo writes with the same rights"),
    ("trial/group.rs", &["create_dir", "fs::write"], "control groups, in cgroupfs"),
    ("labs/variant/cache.rs", &["File::options"], "the grader's own cache"),
    ("labs/variant.rs", &["create_dir", "fs::write", "remove_dir"], "the grader's own directory"),
    ("labs/variant/unit.rs", &["fs::rename", "remove_file", "remove_dir"], "the grader's own directory"),
    ("runner/workers/process.rs", &["create_dir", "fs::write"], "the worker's own directory; its own /proc"),
    (
        "runner/workers.rs",
        &["fs::write", "fs::set_permissions", "create_dir"],
        "the grader's own temporary directory",
    ),
];

#[test]
fn only_a_short_list_of_files_changes_anything_by_name() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for path in rust_files(&source) {
        let name = path.strip_prefix(&source).unwrap().to_str().unwrap().to_owned();
        let calls = calls(&fs::read_to_string(&path).unwrap());
        if !calls.is_empty() {
            found.insert(name, calls);
        }
    }
    let mut wrong = Vec::new();
    let allowed: BTreeMap<_, BTreeSet<&str>> = ALLOWED
        .iter()
        .map(|(name, calls, _)| ((*name).to_owned(), calls.iter().copied().collect()))
        .collect();
    let none = BTreeSet::new();
    for name in found.keys().chain(allowed.keys()).collect::<BTreeSet<_>>() {
        let (calls, known) = (found.get(name).unwrap_or(&none), allowed.get(name).unwrap_or(&none));
        for call in calls.difference(known) {
            wrong.push(format!(
                "{name} calls {call}: use crate::beneath or crate::atomic_write, or say here why not"
            ));
        }
        for call in known.difference(calls) {
            wrong.push(format!("{name} does not call {call} any more: take it off the list"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The calls in a file, but for those in its tests and its comments.
fn calls(text: &str) -> BTreeSet<&'static str> {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = code.collect::<Vec<_>>().join("\n");
    let is_word = |at: usize| !code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_');
    CALLS.iter().copied().filter(|call| code.match_indices(call).any(|(at, _)| is_word(at))).collect()
}

fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("tests") {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("tests.rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn a_call_is_found_and_a_test_or_a_comment_is_none() {
    assert_eq!(calls("    fs::copy(one, other)?;\n"), BTreeSet::from(["fs::copy"]));
    assert_eq!(
        calls("    // fs::copy(one, other)?;\n#[cfg(test)]\nmod tests {\n fs::write(x, y)"),
        BTreeSet::new()
    );
}
