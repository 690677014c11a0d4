//! What a program is called in a report: its file's name, with as much of its path as tells it from the others.

use super::{Target, What};
use crate::decoy::tree;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The file that a template is about: the first that it names and that the machine does not have for everybody, as it has
/// env(1) and sh(1); else that of its first word, the program.
pub fn program(program: &Path, words: &[String], cwd: &Path) -> PathBuf {
    let named = words.iter().filter(|word| !word.contains('{')).map(Path::new);
    let mut files = [program].into_iter().chain(named).map(|word| cwd.join(word));
    let own = files.find(|path| path.is_file() && !tree::shows(path));
    own.unwrap_or_else(|| cwd.join(program))
}

/// Gives programs with one name more of their paths, until all that have different paths differ. A name that somebody has given
/// stays.
pub fn tell_apart(targets: &mut [Target]) {
    let mut by_name: BTreeMap<String, Vec<(usize, PathBuf)>> = BTreeMap::new();
    for (at, target) in targets.iter().enumerate().filter(|(_, target)| target.what == What::Program) {
        let path = program(&target.program, &target.template, &target.cwd);
        if path.file_name().is_some_and(|name| name.to_string_lossy() == target.name) {
            by_name.entry(target.name.clone()).or_default().push((at, path));
        }
    }
    for same in by_name.values().filter(|same| same.len() > 1) {
        let paths: Vec<&Path> = same.iter().map(|(_, path)| path.as_path()).collect();
        for ((at, _), name) in same.iter().zip(distinct(&paths)) {
            targets[*at].name = name;
        }
    }
}

/// The ends of paths, each just so long that those of different paths differ.
fn distinct(paths: &[&Path]) -> Vec<String> {
    let end = |path: &Path, length: usize| -> PathBuf {
        let parts: Vec<_> = path.iter().collect();
        parts[parts.len().saturating_sub(length)..].iter().collect()
    };
    let most = paths.iter().map(|path| path.iter().count()).max().unwrap_or(0);
    let differ = |length: usize| {
        paths.iter().enumerate().all(|(at, one)| {
            paths[..at].iter().all(|other| one == other || end(one, length) != end(other, length))
        })
    };
    let length = (1..=most).find(|length| differ(*length)).unwrap_or(most);
    paths.iter().map(|path| end(path, length).display().to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::DecoyKind;

    #[test]
    fn names_are_as_long_as_they_must_be() {
        let named = |paths: &[&str]| distinct(&paths.iter().map(Path::new).collect::<Vec<_>>());
        assert_eq!(named(&["/a/one/container", "/a/two/container"]), ["one/container", "two/container"]);
        assert_eq!(named(&["/a/x/container", "/b/x/container"]), ["a/x/container", "b/x/container"]);
        assert_eq!(named(&["/a/container", "/a/container"]), ["container", "container"]);
        assert_eq!(named(&["/container", "/a/container"]), ["/container", "a/container"]);
    }

    #[test]
    fn a_wrapper_has_the_name_of_what_it_wraps_and_a_given_name_stays() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = directory.path().join(name).join("container");
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::copy("/bin/true", &path).unwrap();
            path.display().to_string()
        };
        let template = |words: &str| Target::template(words, DecoyKind::User).unwrap();
        let one = template(&format!("env -u HOME {} {{rootfs}} {{command}}", file("one")));
        assert_eq!(one.name, "container");
        let two = template(&format!("{} {{rootfs}} {{command}}", file("two")));
        let named = Target { name: "mine".into(), ..one.clone() };
        let tool = template("/bin/echo {rootfs} {command}");
        let mut all = [one, two, named, tool];
        Target::tell_apart(&mut all);
        let names: Vec<&str> = all.iter().map(|target| target.name.as_str()).collect();
        assert_eq!(names, ["one/container", "two/container", "mine", "echo"]);
    }
}
