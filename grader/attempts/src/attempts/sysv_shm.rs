//! sysv-shm: read a System V shared memory segment of the host's.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
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
    needs: &[Need::Services],
    decisive: &[libc::SYS_shmget, libc::SYS_shmat],
    attack,
    class: Refusal::Ipc,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    // Who knows its number needs no key.
    match me.take_segment(me.given_number("segment")) {
        Err(Failed::Refused(_)) => {}
        done => return done,
    }
    let segment = me.shmget(me.given_number("segment-key"))?;
    me.take_segment(segment)
}

fn witness(host: &Host) -> Seen {
    if host.heard_secret("segment") {
        return Seen::Effect("the attacker knows what stands in the host's shared memory".into());
    }
    Seen::Nothing
}
