//! The decoy disk, for attempts that make a node for it themselves. They know its number, and try no other.

use super::Inside;
use super::read::read;
use nix::errno::Errno;
use nix::libc::dev_t;
use nix::sys::stat::{Mode, SFlag, makedev, mknod};

/// The major number of loop devices: Documentation/admin-guide/devices.txt.
const LOOP_MAJOR: u64 = 7;

/// Makes a block node for the decoy disk in a directory, reads the disk through it, and hands out what it read.
pub fn make_node_and_read(me: &mut Inside, directory: &str) -> Result<(), Errno> {
    let disk = number(me)?;
    let path = format!("{directory}/disk-{}", me.mark());
    me.keeps_out_of_devtmpfs(&path)?;
    me.decisive(&format!("mknod(\"{path}\", S_IFBLK), open, pread(4096)"));
    mknod(path.as_str(), SFlag::S_IFBLK, Mode::S_IRUSR, disk)?;
    let block = read(&path)?;
    me.bring_out(&block);
    Ok(())
}

/// Its number. Without one there is nothing to try: minor 0 may be somebody's.
fn number(me: &Inside) -> Result<dev_t, Errno> {
    let minor = me.given("disk").parse().map_err(|_| Errno::ENODEV)?;
    Ok(makedev(LOOP_MAJOR, minor))
}
