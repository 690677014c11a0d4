//! The mounts of a mount table, as `mountinfo` tells of them (proc_pid_mountinfo(5)).

use std::path::{Path, PathBuf};

/// A mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount<'a> {
    /// The device of its file system: `major:minor`.
    pub device: &'a str,
    /// The directory of that file system that is its root.
    pub root: PathBuf,
    /// Where it is mounted.
    pub point: PathBuf,
}

/// All of a table.
pub fn mounts(table: &str) -> impl Iterator<Item = Mount<'_>> {
    table.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(2);
        let device = words.next()?;
        Some(Mount { device, root: path(words.next()?), point: path(words.next()?) })
    })
}

/// Those of a table that are of the file system on which the root of another table lies.
pub fn mounts_of_root<'a>(table: &'a str, hosts: &str) -> impl Iterator<Item = Mount<'a>> {
    // What lies over the root comes later, and is what a path leads to.
    let device = mounts(hosts).filter(|it| it.point == Path::new("/")).last().map(|it| it.device.to_owned());
    mounts(table).filter(move |it| Some(it.device) == device.as_deref())
}

/// So many of them are told.
const PLACES: usize = 32;

/// Where a file of the host's, of this path there, is to be found from the root of a mount namespace with this table: paths
/// without a slash before them, one a line.
pub fn places_of(table: &str, hosts: &str, file: &str) -> String {
    let file = Path::new("/").join(file);
    let places = mounts_of_root(table, hosts).filter_map(|it| {
        let place = it.point.join(file.strip_prefix(&it.root).ok()?);
        Some(place.to_str()?.trim_start_matches('/').to_owned()).filter(|place| !place.contains('\n'))
    });
    places.take(PLACES).collect::<Vec<_>>().join("\n")
}

/// White space and backslashes are written in octal.
fn path(text: &str) -> PathBuf {
    let escapes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    escapes.into_iter().fold(text.to_owned(), |text, (octal, byte)| text.replace(octal, byte)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_of_the_hosts_root_are_told_by_their_device() {
        let hosts = "1 0 0:4 / / rw - tmpfs a rw\n2 1 0:5 / /mnt rw - tmpfs b rw\n";
        let table = "3 0 0:4 /etc /a\\040b rw - tmpfs a rw\n4 3 0:5 / /c rw - tmpfs b rw\n";
        let found: Vec<Mount> = mounts_of_root(table, hosts).collect();
        assert_eq!(places_of(table, hosts, "etc/c"), "a b/c");
        assert_eq!(places_of(table, hosts, "srv/c"), "");
        assert_eq!(found, [Mount { device: "0:4", root: "/etc".into(), point: "/a b".into() }]);
    }
}
