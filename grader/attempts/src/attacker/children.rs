//! Children of the attacker. They are seized as it is, and stand where they begin until the trial ends.

use super::{Argument, Attacker, Failed};
use nix::libc;

impl Attacker<'_> {
    /// clone(2) without a stack of its own: a copy, as of fork(2), with these flags.
    ///
    /// # Errors
    /// Here and below: see [`Hand::call`](super::Hand::call).
    pub fn clone(&mut self, flags: i64) -> Result<(), Failed> {
        let flags = flags | i64::from(libc::SIGCHLD);
        let none = || Argument::Number(0);
        self.call("clone", libc::SYS_clone, [flags.into(), none(), none(), none(), none()]).map(drop)
    }

    /// The same by clone3(2), with the first version of its structure: flags, pidfd, child_tid, parent_tid, exit_signal,
    /// stack, stack_size, tls.
    pub fn clone3(&mut self, flags: i64) -> Result<(), Failed> {
        let structure = [flags, 0, 0, 0, i64::from(libc::SIGCHLD), 0, 0, 0].map(i64::to_ne_bytes).concat();
        let length = structure.len() as i64;
        self.call("clone3", libc::SYS_clone3, [Argument::Bytes(structure), length.into()]).map(drop)
    }

    /// unshare(2).
    pub fn unshare(&mut self, flags: i32) -> Result<(), Failed> {
        self.call("unshare", libc::SYS_unshare, [flags.into()]).map(drop)
    }
}
