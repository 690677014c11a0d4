//! The decoy disk. An attacker knows its number and reads no other: what lies at a path is the container's choice, and may
//! be the machine's own.

use super::Inside;
use super::look::{Found, look};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc::dev_t;
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::sys::uio::pread;

/// The major number of loop devices: Documentation/admin-guide/devices.txt.
const LOOP_MAJOR: u64 = 7;

/// Makes a block node for the decoy disk in a directory, reads the disk through it, and hands out what it read.
pub fn make_node_and_read(me: &mut Inside, directory: &str) -> Result<(), Errno> {
    let disk = number(me)?;
    let path = format!("{directory}/disk-{}", me.mark());
    me.decisive(&format!("mknod(\"{path}\", S_IFBLK), open, pread(4096)"));
    mknod(path.as_str(), SFlag::S_IFBLK, Mode::S_IRUSR, disk)?;
    let node = find(me, &path)?;
    read(me, &node)
}

/// The node at a path.
///
/// # Errors
/// It is another device's: nothing is tried then.
pub fn find(me: &mut Inside, path: &str) -> Result<Found, Errno> {
    let disk = number(me)?;
    let found = look(path);
    match found.is_device_but(|is_block, number| is_block && number == disk) {
        true => Err(me.give_up(&format!("{path} is another device than the decoy host's disk"))),
        false => Ok(found),
    }
}

/// Reads the first 4096 bytes of the disk, and hands them out.
///
/// # Errors
/// Those of the calls.
pub fn read(me: &mut Inside, node: &Found) -> Result<(), Errno> {
    let disk = node.open(OFlag::O_RDONLY)?;
    let mut block = [0; 4096];
    let length = pread(&disk, &mut block, 0)?;
    me.bring_out(&block[..length]);
    Ok(())
}

/// Its number. Without one there is nothing to try: minor 0 may be somebody's.
fn number(me: &Inside) -> Result<dev_t, Errno> {
    let minor = me.given("disk").parse().map_err(|_| Errno::ENODEV)?;
    Ok(makedev(LOOP_MAJOR, minor))
}
