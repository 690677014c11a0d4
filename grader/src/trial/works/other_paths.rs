//! Starts that need only come to their end: a second one beside the first, and those by other paths.

use super::super::observe;
use super::start::{RunningCommand, Starts};
use super::survivor::Survivor;
use crate::decoy::layout::{READ_ONLY, READ_ONLY_WITHOUT_SPACE, ROOTFS_WITH_SPACE, SPACED_NAMES};
use crate::decoy::start::Streams;
use crate::decoy::tree::has_names_of_its_own;
use crate::target::{Target, What};
use anyhow::Result;
use attempts::Host;
use attempts::host::Ending;
use attempts::works::Work;
use std::path::Path;

/// Whether what a check is about was tried: all but these three need no start of their own.
pub fn was_tried(work: &Work, host: &Host) -> bool {
    match work.id {
        "two-at-once" => host.second.is_some(),
        "odd-path" => host.odd_path.is_some(),
        "read-only-rootfs" => host.read_only.is_some(),
        _ => true,
    }
}

/// A second container beside the first one. A lab is told to be quiet.
pub fn second(
    starts: &Starts,
    first: &RunningCommand,
    mark: &str,
    host: &mut Host,
) -> std::result::Result<(), String> {
    let mut target = starts.target.clone();
    let quiet = matches!(target.what, What::Lab(_));
    if quiet {
        target.template.insert(1, "--quiet".into());
    }
    let before = Survivor::of(first.pid, &starts.stage.groups);
    let mut run = || -> Result<()> {
        let mut second = starts.start(&target, Streams::Pipes, Some(first.pid))?;
        let end = starts.end(&mut second, 255, mark, quiet)?;
        anyhow::ensure!(end.program != Ending::None, "it did not end");
        host.starts.push(end);
        Ok(())
    };
    run().map_err(|error| format!("of two at once the second: {error:#}"))?;
    if !observe::runs(first.pid) {
        return Err("of two at once the first ended when the second did".into());
    }
    match before.lost(&Survivor::of(first.pid, &starts.stage.groups)) {
        None => Ok(()),
        Some(what) => Err(format!("when the second of two ended, of the first {what}")),
    }
}

/// The same directory by other paths: by one that is all at once, and if that fails, by each alone.
pub fn other_paths(starts: &Starts, asked: &[&'static Work], host: &mut Host) {
    let read_only = asked.iter().any(|work| work.id == "read-only-rootfs");
    let relative = |path: &str| format!("{}/", relative(&starts.target.cwd, path));
    let [of_rootfs, of_read_only] = names(&starts.target.cwd);
    if read_only && by_path(starts, &relative(&of_read_only), host).is_ok() {
        (host.odd_path, host.read_only) = (Some(Ok(())), Some(Ok(())));
        return;
    }
    let path = relative(&of_rootfs);
    let held = by_path(starts, &path, host);
    host.odd_path = Some(held.map_err(|why| format!("with the path {path:?}: {why}")));
    if read_only && starts.may_go_on() {
        host.read_only = Some(by_path(starts, READ_ONLY_WITHOUT_SPACE, host));
    }
}

/// A start by this path, to its end.
fn by_path(starts: &Starts, path: &str, host: &mut Host) -> std::result::Result<(), String> {
    let target = Target { template: starts.target.at(path), ..starts.target.clone() };
    let mut run = || -> Result<()> {
        let mut running = starts.start(&target, Streams::Pipes, None)?;
        let end = starts.end(&mut running, 1, "", false)?;
        anyhow::ensure!(end.program != Ending::None, "it did not end");
        host.starts.push(end);
        Ok(())
    };
    run().map_err(|error| format!("{error:#}"))
}

/// The rootfs, and the same read-only, under names with a space: those that a program's working directory has for them. A path
/// that goes up from there leads to the same place from the root directory.
fn names(cwd: &str) -> [String; 2] {
    match has_names_of_its_own(Path::new(cwd)) {
        true => SPACED_NAMES.map(|name| format!("{cwd}/{name}")),
        false => [ROOTFS_WITH_SPACE, READ_ONLY].map(str::to_owned),
    }
}

/// A path of the decoy as it is seen from a directory.
fn relative(from: &str, path: &str) -> String {
    if let Some(below) = path.strip_prefix(from.trim_end_matches('/')).and_then(|rest| rest.strip_prefix('/'))
    {
        return below.to_owned();
    }
    let up = from.split('/').filter(|part| !part.is_empty()).count();
    format!("{}{}", "../".repeat(up), path.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_seen_from_a_directory() {
        assert_eq!(relative("/", "/srv/root fs"), "srv/root fs");
        assert_eq!(relative("/srv", "/srv/root fs"), "root fs");
        assert_eq!(relative("/usr/src", "/srv/root fs"), "../../srv/root fs");
        assert_eq!(relative("/sr", "/srv/root fs"), "../srv/root fs");
    }

    #[test]
    fn from_the_root_directory_none_of_the_names_is_found() {
        for cwd in ["/srv", "/home/me", "/tmp"] {
            let all = names(cwd).map(|name| relative(cwd, &name));
            assert_eq!(all, ["root fs", "read only"], "{cwd}");
        }
        // Nothing is made in these.
        assert_eq!(relative("/usr/src", &names("/usr/src")[0]), "../../srv/root fs");
    }
}
