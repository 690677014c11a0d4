//! The directory: however it is written, twice at once, to be written to, and where nobody may write.

use super::calls::{said, stat, write_and_read};
use super::{InStart, NOT_LOOKED, Work, nothing_to_do, nothing_to_see};
use crate::Attacker;
use crate::host::Tried;

/// Any path will do.
pub const ODD_PATH: Work = Work {
    id: "odd-path",
    first_lab: 0,
    what: "The directory may be a relative path, seen from where the program was called, with a space in it and a slash at \
           its end.",
    man: &["path_resolution(7)"],
    after: &[],
    run: InStart::Afterwards,
    calls: nothing_to_do,
    judge: |host| held(&host.odd_path),
};

/// Two containers.
pub const TWO_AT_ONCE: Work = Work {
    id: "two-at-once",
    first_lab: 0,
    what: "Two containers run at once from one directory, and the first keeps its limits and mounts when the second ends.",
    man: &["namespaces(7)"],
    after: &[],
    run: InStart::Afterwards,
    calls: nothing_to_do,
    judge: |host| held(&host.second),
};

/// The container may change its files.
pub const ROOTFS_WRITABLE: Work = Work {
    id: "rootfs-writable",
    first_lab: 0,
    what: "Root may write to its root directory, where that belongs to an id of the container.",
    man: &["mount(2)"],
    after: &[],
    run: InStart::Pipes,
    calls: |me| match (write_and_read(me, "/"), owner_of_root(me)?) {
        // A map that gives root another id than the directory's owner takes the right to write with it.
        (Err(_), UNMAPPED) => Ok(()),
        (written, _) => written,
    },
    judge: nothing_to_see,
};

/// Who an id belongs to that has no number in a user namespace: DEFAULT_OVERFLOWUID in include/linux/highuid.h.
pub(super) const UNMAPPED: u32 = 65534;

/// Who the root directory belongs to.
pub(super) fn owner_of_root(me: &mut Attacker) -> Result<u32, String> {
    stat(me, "/").map(|it| it.st_uid).map_err(said("/"))
}

/// A container needs no right to write to its directory.
pub const READ_ONLY_ROOTFS: Work = Work {
    id: "read-only-rootfs",
    // Who puts the old root into a directory of the new one needs to make it first.
    first_lab: 3,
    what: "The directory may lie on a read-only file system.",
    man: &["mount(2)", "pivot_root(2)"],
    after: &[],
    run: InStart::Afterwards,
    calls: nothing_to_do,
    judge: |host| held(&host.read_only),
};

/// What it needs for a moment is gone once the command runs.
pub const TEMPORARY_DIRECTORY: Work = Work {
    id: "temporary-directory",
    // Who has a new root of its own may have made a directory to exchange the two.
    first_lab: 3,
    what: "While the container runs, the host sees no empty directory that was made for it: a place to mount on is removed \
           when the new root stands.",
    man: &["pivot_root(2)", "rmdir(2)", "mkdtemp(3)"],
    after: &[],
    run: InStart::Afterwards,
    calls: nothing_to_do,
    judge: |host| match host.empty_directories.as_deref().ok_or(NOT_LOOKED)? {
        [] => Ok(()),
        some => Err(format!("while the command ran the host saw, new and empty: {}", some.join(", "))),
    },
};

fn held(tried: &Tried) -> Result<(), String> {
    tried.clone().unwrap_or_else(|| Err("it was not tried".into()))
}
