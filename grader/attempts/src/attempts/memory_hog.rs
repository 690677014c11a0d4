//! memory-hog: take memory until others have none.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::host::GroupFacts;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::errno::Errno;
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "memory-hog",
    stake: "The machine's memory: when it is used up, the kernel kills whom it likes, on the host too.",
    story: "The attacker maps 256 MiB and writes to every page. The mapping alone costs nothing: only a page that \
            is written to is taken from the machine. A control group counts the pages of the whole container; at \
            its limit the kernel looks for memory within the group, and when there is none it kills a process of \
            the group. The host reads the most that the group ever held, and how many were killed in it. A limit \
            of memory alone is none where there is swap to go to.",
    by_hand: &[
        "head -c 256m /dev/zero | tail | wc -c    # tail keeps what has no end of line; a number: escaped",
    ],
    stopped_by: &["lab6-cgroups/memory"],
    after: &[],
    man: &["mmap(2)", "cgroups(7)"],
    letters: Measured { root: "E EEEEEEB", user: "E EEEEEEB", rootless: "I IIIIIII" },
    needs: &[Need::Limits],
    decisive: &[libc::SYS_mmap, libc::SYS_madvise],
    attack,
    class: Refusal::Memory,
    witness,
};

const SIZE: usize = 256 << 20;
const PIECE: usize = 32 << 20;
/// What the group must have held in addition for the host to call it too much.
const MUCH: u64 = 250 << 20;

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let memory = me.map(SIZE, 0)?;
    // In large pages where the kernel has some: the same memory in less time.
    let _ = me.advise(memory, SIZE, libc::MADV_HUGEPAGE);
    // In pieces: on a busy machine the whole takes longer than a call may.
    for at in (0..SIZE).step_by(PIECE) {
        match me.advise(memory + at as i64, PIECE, libc::MADV_POPULATE_WRITE) {
            // Kernels before 5.14 can write to all pages only when they are mapped, and a filter may not let it advise.
            Err(Failed::Refused(errno)) if errno != Errno::ENOMEM => {
                me.map(PIECE, libc::MAP_POPULATE).map(drop)?
            }
            done => done?,
        }
    }
    Ok(())
}

fn witness(host: &Host) -> Seen {
    let (before, after) = &host.group;
    let since = |figure: fn(&GroupFacts) -> Option<u64>| {
        figure(after).unwrap_or_default().saturating_sub(figure(before).unwrap_or_default())
    };
    let (Some(used), Some(peak), Some(then)) = (before.memory, after.peak_memory, before.peak_memory) else {
        return Seen::Nothing;
    };
    // Only what was held during the attempt, whatever the program itself had needed before.
    let held = if peak > then { peak.saturating_sub(used) } else { 0 };
    if held >= MUCH {
        return Seen::Effect(format!("the container's group held {} MiB", held >> 20));
    }
    if after.host_limit > before.host_limit {
        return Seen::Unclear("it was the decoy host's own limit of memory that was reached".into());
    }
    let held = held >> 20;
    // Whoever got all that it asked for was not stopped by the death of another.
    if since(|group| group.oom_kills) > 0 && !host.call_succeeded() {
        return Seen::Confined(format!("at {held} MiB the kernel killed a process of the container's group"));
    }
    match host.call_succeeded() {
        true => Seen::Unclear(format!("the group held {held} MiB, and the attacker got all its memory")),
        false => Seen::Nothing,
    }
}
