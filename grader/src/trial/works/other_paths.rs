//! Starts that need only come to their end: a second one beside the first, and those by other paths.

use super::super::observe;
use super::start::{RunningCommand, Starts};
use crate::decoy::layout::{READ_ONLY, READ_ONLY_WITHOUT_SPACE, ROOTFS_WITH_SPACE};
use crate::decoy::start::Streams;
use crate::target::{Target, What};
use anyhow::Result;
use attempts::Host;
use attempts::host::Ending;
use attempts::works::Work;
use std::path::Path;

/// Whether a check is about one of these starts.
pub fn is_tried(work: &Work) -> bool {
    ["two-at-once", "odd-path", "read-only-rootfs"].contains(&work.id)
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
        target.template.insert(0, "--quiet".into());
    }
    let mut run = || -> Result<()> {
        let mut second = starts.start(&target, Streams::Pipes, Some(first.pid))?;
        let end = starts.end(&mut second, 255, mark, quiet)?;
        anyhow::ensure!(end.program != Ending::None, "it did not end");
        host.starts.push(end);
        Ok(())
    };
    run().map_err(|error| format!("of two at once the second: {error:#}"))?;
    match observe::runs(first.pid) {
        true => Ok(()),
        false => Err("of two at once the first ended when the second did".into()),
    }
}

/// The same directory by other paths: by one that is all at once, and if that fails, by each alone.
pub fn other_paths(starts: &Starts, asked: &[&'static Work], host: &mut Host) {
    let read_only = asked.iter().any(|work| work.id == "read-only-rootfs");
    let relative = |path: &str| format!("{}/", relative(&starts.target.cwd, path));
    if read_only && by_path(starts, &relative(READ_ONLY), host).is_ok() {
        (host.odd_path, host.read_only) = (Some(Ok(())), Some(Ok(())));
        return;
    }
    let path = relative(ROOTFS_WITH_SPACE);
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

/// A path of the decoy as it is seen from a directory.
fn relative(from: &Path, path: &str) -> String {
    let up = from.components().count() - 1;
    format!("{}{}", "../".repeat(up), path.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_seen_from_a_directory() {
        assert_eq!(relative(Path::new("/"), "/srv/root fs"), "srv/root fs");
        assert_eq!(relative(Path::new("/home/me"), "/srv/root fs"), "../../srv/root fs");
    }
}
