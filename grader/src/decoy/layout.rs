//! Where things stand in a decoy.

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
