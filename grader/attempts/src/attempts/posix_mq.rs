//! posix-mq: take a message from a queue of the host's.

use super::{Attack, Attempt, Measured, Need};
use crate::places::QUEUE;
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
use nix::libc;
use nix::mqueue::{MQ_OFlag, mq_open, mq_receive};
use nix::sys::stat::Mode;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "posix-mq",
    stake: "Messages between the host's processes: read, taken away, or forged.",
    story: "A POSIX message queue has a name that looks like a path and is none: mq_open(3) finds it in the IPC \
            namespace, whatever is mounted, and whatever the root directory is. The attacker opens the host's \
            queue and takes a message with a random word. An IPC namespace of the container's own has no such \
            queue (ENOENT).",
    by_hand: &["mount -t mqueue mqueue /mnt", "ls /mnt"],
    stopped_by: &["lab1-namespaces/ipc-namespace"],
    after: &[],
    man: &["mq_overview(7)", "ipc_namespaces(7)"],
    letters: Measured { root: "E EBBBBBB", user: "E EBBBBBB", rootless: "E EBBBBBB" },
    // Who receives a message takes it away.
    needs: &[Need::FreshHost],
    decisive: &[libc::SYS_mq_open, libc::SYS_mq_timedreceive],
    attack: Attack::Inside(inside),
    witness,
};

fn inside(me: &mut Inside) -> Result<(), Errno> {
    me.decisive(&format!("mq_open({QUEUE:?}), mq_receive()"));
    let flags = MQ_OFlag::O_RDONLY | MQ_OFlag::O_NONBLOCK | MQ_OFlag::O_CLOEXEC;
    let queue = mq_open(QUEUE, flags, Mode::empty(), None)?;
    // The buffer may not be smaller than the queue's largest message; this is the largest that is usual.
    let mut message = [0; 8192];
    let length = mq_receive(&queue, &mut message, &mut 0)?;
    me.bring_out(&message[..length]);
    Ok(())
}

fn witness(host: &Host) -> Seen {
    if host.heard_secret("queue") {
        return Seen::Effect("the attacker took a message from the host's queue".into());
    }
    Seen::Nothing
}
