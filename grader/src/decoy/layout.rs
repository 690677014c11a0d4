//! Where things stand in a decoy.

use super::Plan;
use std::path::Path;

/// Where the rootfs stands in the decoy.
pub const ROOTFS: &str = "/srv/rootfs";

/// The same directory on a read-only file system; the name has a space in it.
pub const READ_ONLY: &str = "/srv/read only";

/// A link to that, without a space.
pub const READ_ONLY_WITHOUT_SPACE: &str = "/srv/read-only";

/// What the two are called in a program's working directory: links to [`ROOTFS`] and to [`READ_ONLY`].
pub const SPACED_NAMES: [&str; 2] = ["root fs", "read only"];

/// A link to [`ROOTFS`], with a space.
pub const ROOTFS_WITH_SPACE: &str = "/srv/root fs";

/// The victim's program.
pub const VICTIM: &str = "/srv/victim";

/// The file that the victim holds open.
pub const VICTIM_FILE: &str = "/srv/victim-file";

/// Files that only the host may read, and that everybody may.
pub const CANARIES: [&str; 2] = ["/canary", "/canary.open"];

/// Where a file system of the host's is mounted: the first of these that is not above anything of the program's.
const MOUNTS: [&str; 3] = ["/mnt", "/media", "/var/mnt"];

/// Where a file system of the host's is mounted in a decoy of this plan.
pub fn host_mount(plan: &Plan) -> &'static str {
    let programs = plan.files.iter().map(|(_, there)| there.as_path()).chain([plan.cwd]);
    let is_free = |place: &&&str| !programs.clone().any(|path| path.starts_with(place));
    MOUNTS.iter().find(is_free).unwrap_or(&MOUNTS[0])
}

/// Whether something of the decoy host's own stands at this path or above it: there no program can be.
pub fn is_taken(path: &Path) -> bool {
    let own = [ROOTFS, READ_ONLY, READ_ONLY_WITHOUT_SPACE, ROOTFS_WITH_SPACE, VICTIM, VICTIM_FILE];
    own.iter().chain(&CANARIES).any(|own| path.starts_with(own))
}
