//! Objects of IPC, and keys: they have no path, and what is opened is a number.

use super::paths::NO_FLAGS;
use super::{Argument, Attacker, Failed};
use nix::libc::{self, c_int};
use nix::sys::stat::fstat;
use std::os::fd::AsRawFd;

/// As much is read of a segment or a key.
const STAKE: usize = 64;

/// Where a key that was found is put: nowhere, or in the keyring of the thread, the process, the session or the user
/// (keyctl(2)).
const KEYRINGS: [i32; 5] = [0, -1, -2, -3, -4];

/// A message may be no larger where the limit is as usual (`msgsize_default`, mq_overview(7)).
const MESSAGE: usize = 8192;

impl Attacker<'_> {
    /// shmget(2): the number of the segment with this key.
    ///
    /// # Errors
    /// Here and below: see [`Hand::call`](super::Hand::call).
    pub fn shmget(&mut self, key: i32) -> Result<i32, Failed> {
        let flags = [0, 0o400, 0o600, libc::SHM_NORESERVE, libc::IPC_CREAT | 0o600];
        let flags = self.varied(&flags, &NO_FLAGS);
        self.with_each(flags, |me, flags| {
            let size = if flags & libc::IPC_CREAT == 0 { 0 } else { STAKE as i64 };
            let arguments = [key.into(), size.into(), flags.into()];
            Ok(me.call("shmget", libc::SYS_shmget, arguments)?.value as i32)
        })
    }

    /// shmat(2): attaches a segment. The host takes what it begins with out of the attacker's memory.
    pub fn take_segment(&mut self, id: i32) -> Result<(), Failed> {
        let flags =
            self.varied(&[libc::SHM_RDONLY, 0, libc::SHM_RND], &[&[1, 2, 4, 8][..], &NO_FLAGS].concat());
        let at = self.with_each(flags, |me, flags| {
            Ok(me.call("shmat", libc::SYS_shmat, [id.into(), Argument::NULL, flags.into()])?.value)
        })?;
        let bytes = self.hand.memory(at, STAKE)?;
        self.taken.extend(bytes);
        Ok(())
    }

    /// mq_open(2), without waiting for a message. The system call has no `/` before the name.
    pub fn mq_open(&mut self, name: &str) -> Result<c_int, Failed> {
        let access = [libc::O_RDONLY, libc::O_RDWR, libc::O_RDWR | libc::O_CREAT];
        let usual = [libc::O_CLOEXEC | libc::O_NONBLOCK, libc::O_NONBLOCK, libc::O_CLOEXEC, 0];
        let flags: Vec<i32> =
            usual.into_iter().flat_map(|usual| access.map(|access| access | usual)).collect();
        let harmless = [libc::O_NOCTTY, libc::O_NOFOLLOW, libc::O_LARGEFILE, libc::O_DSYNC, libc::O_NOATIME];
        let flags = self.varied(&flags, &[&harmless[..], &NO_FLAGS].concat());
        self.with_each(flags, |me, flags| {
            let arguments = [Argument::text(name), flags.into(), 0o600.into(), Argument::NULL];
            Ok(me.call("mq_open", libc::SYS_mq_open, arguments)?.value as c_int)
        })
    }

    /// Takes messages from an open queue: one the host, through a duplicate of the descriptor, and one the attacker, with
    /// mq_timedreceive(2). The host notes which queue it is.
    pub fn take_messages(&mut self, queue: c_int) -> Result<(), Failed> {
        let duplicate = self.hand.duplicate(queue)?;
        self.handles.queue = fstat(&duplicate).ok().map(|status| status.st_ino);
        let mut message = vec![0_u8; MESSAGE];
        let none = std::ptr::null_mut::<u8>();
        // A time that has passed: nobody waits for a message.
        let past = [0_i64; 2];
        // SAFETY: the call writes no more than the length that is given; there is no priority, and the time is a whole one.
        let length = unsafe {
            libc::syscall(
                libc::SYS_mq_timedreceive,
                duplicate.as_raw_fd(),
                message.as_mut_ptr(),
                MESSAGE,
                none,
                past.as_ptr(),
            )
        };
        self.taken.extend(&message[..usize::try_from(length).unwrap_or(0)]);
        let past = past.map(i64::to_ne_bytes).concat();
        let arguments = [
            queue.into(),
            Argument::room(MESSAGE),
            (MESSAGE as i64).into(),
            Argument::NULL,
            Argument::Bytes(past),
        ];
        let mut returned = self.call("mq_timedreceive", libc::SYS_mq_timedreceive, arguments)?;
        let length = usize::try_from(returned.value).unwrap_or(0);
        self.taken.extend(returned.rooms.remove(0).into_iter().take(length));
        Ok(())
    }

    /// keyctl(2) with one of its operations on a key or keyring.
    pub fn keyctl(&mut self, operation: u32, key: i32, more: [Argument; 2]) -> Result<i32, Failed> {
        // The last argument is a keyring for what is found, or nothing to the operation.
        self.with_each(KEYRINGS, |me, to| {
            let arguments = [&[operation.into(), key.into()][..], &more, &[to.into()]].concat();
            Ok(me.call("keyctl", libc::SYS_keyctl, arguments)?.value as i32)
        })
    }

    /// request_key(2) of a user's key, which nobody is to make where there is none. Returns its number.
    pub fn request_key(&mut self, description: &str) -> Result<i32, Failed> {
        self.with_each(KEYRINGS, |me, to| {
            let arguments = [Argument::text("user"), Argument::text(description), Argument::NULL, to.into()];
            Ok(me.call("request_key", libc::SYS_request_key, arguments)?.value as i32)
        })
    }

    /// Takes what a key holds, or a keyring: the numbers of its keys.
    pub fn take_key(&mut self, key: i32) -> Result<Vec<u8>, Failed> {
        // The operation has no fifth argument, and a filter reads five.
        let mut returned = self.with_each([0, self.chosen(0) as i32 | 1], |me, fifth| {
            let (room, length) = (Argument::room(STAKE * 4), STAKE as i64 * 4);
            let arguments = [libc::KEYCTL_READ.into(), key.into(), room, length.into(), fifth.into()];
            me.call("keyctl", libc::SYS_keyctl, arguments)
        })?;
        let mut payload = returned.rooms.remove(0);
        payload.truncate(usize::try_from(returned.value).unwrap_or(0));
        self.taken.extend(&payload);
        Ok(payload)
    }
}
