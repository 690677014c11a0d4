//! posix-mq: take a message from a queue of the host's.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::errno::Errno;
use nix::libc;

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
    needs: &[Need::FreshHost, Need::Services],
    decisive: &[libc::SYS_mq_open, libc::SYS_mq_timedreceive, libc::SYS_openat, libc::SYS_mount],
    attack,
    class: Refusal::Ipc,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let name = me.given("queue").to_owned();
    let queue = match me.mq_open(&name) {
        // It is also a file, where a file system of queues is mounted.
        Err(Failed::Refused(errno)) if errno != Errno::ENOENT => {
            let queues = me.new_file_system("mqueue", "/dev/mqueue")?;
            me.open(&format!("{queues}/{name}"), libc::O_RDONLY)?
        }
        other => other?,
    };
    me.take_messages(queue)
}

fn witness(host: &Host) -> Seen {
    let queue = host.services.as_ref().map(|served| served.queue.1);
    if host.heard_secret("queue") || queue.is_some() && host.handles.queue == queue {
        return Seen::Effect("the attacker has opened the host's queue".into());
    }
    Seen::Nothing
}
