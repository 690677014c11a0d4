//! memory-hog: take memory until others have none.

use super::{Attack, Attempt, Measured, Need};
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
use nix::libc;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use std::num::NonZeroUsize;

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
    decisive: &[libc::SYS_mmap],
    attack: Attack::Inside(inside),
    witness,
};

const SIZE: usize = 256 << 20;
/// What the group must have held in addition for the host to call it too much.
const MUCH: u64 = 250 << 20;

fn inside(me: &mut Inside) -> Result<(), Errno> {
    let size = NonZeroUsize::new(SIZE).ok_or(Errno::EINVAL)?;
    me.decisive("mmap(256 MiB), and a write to every page");
    let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: a new private mapping without a file, at an address of the kernel's choice.
    let memory = unsafe { mmap_anonymous(None, size, access, MapFlags::MAP_PRIVATE) }?;
    // In large pages where the kernel has some: the same memory in less time.
    // SAFETY: advice about the mapping that was just made.
    unsafe { libc::madvise(memory.as_ptr(), SIZE, libc::MADV_HUGEPAGE) };
    // A child writes: it is what the kernel kills, and this process lives to tell.
    // SAFETY: this process has one thread; the child writes to the mapping and ends.
    match unsafe { fork() }? {
        ForkResult::Child => {
            for at in (0..SIZE).step_by(4096) {
                // SAFETY: within the mapping, and a write that the compiler may not leave out.
                unsafe { memory.cast::<u8>().add(at).write_volatile(1) };
            }
            // SAFETY: ends the child without running what the probe would run at its exit.
            unsafe { libc::_exit(0) }
        }
        ForkResult::Parent { child } => match waitpid(child, None)? {
            WaitStatus::Signaled(_, Signal::SIGKILL, _) => Err(Errno::ENOMEM),
            _ => Ok(()),
        },
    }
}

fn witness(host: &Host) -> Seen {
    let (before, after) = &host.group;
    let (Some(used), Some(peak), Some(then)) = (before.memory, after.peak_memory, before.peak_memory) else {
        return Seen::Nothing;
    };
    // Only what was held during the attempt, whatever the program itself had needed before.
    let held = if peak > then { peak.saturating_sub(used) } else { 0 };
    if held >= MUCH {
        return Seen::Effect(format!("the container's group held {} MiB", held >> 20));
    }
    let killed = after.oom_kills.unwrap_or_default().saturating_sub(before.oom_kills.unwrap_or_default());
    if after.host_limit > before.host_limit {
        return Seen::Unclear("it was the decoy host's own limit of memory that was reached".into());
    }
    if killed > 0 {
        let held = held >> 20;
        return Seen::Confined(format!("at {held} MiB the kernel killed a process of the container's group"));
    }
    match host.call {
        Some(Some(0..)) => Seen::Unclear(format!("the group held {} MiB and nobody was killed", held >> 20)),
        _ => Seen::Nothing,
    }
}
