//! Children of the attacker. They are seized as it is, and stand where they begin until the trial ends.

use super::{Argument, Attacker, Call, Failed};
use nix::libc::{self, c_int, pid_t};

/// The calls that make a child.
pub const FORKS: &[libc::c_long] = &[
    libc::SYS_clone,
    libc::SYS_clone3,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_fork,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_vfork,
];

impl Call {
    /// clone(2) without a stack of its own.
    pub fn child(flags: i64) -> Call {
        // As C libraries fork: no filter can refuse these registers, and let programs fork.
        let flags = flags | i64::from(libc::CLONE_CHILD_SETTID | libc::CLONE_CHILD_CLEARTID | libc::SIGCHLD);
        let (none, child) = (|| Argument::Number(0), Argument::room(size_of::<libc::pid_t>()));
        let arguments = match cfg!(target_arch = "x86_64") {
            true => [flags.into(), none(), none(), child, none()],
            // The last two change places: clone(2), "C library/kernel differences".
            false => [flags.into(), none(), none(), none(), child],
        };
        Call { name: "clone", number: libc::SYS_clone, arguments: arguments.into() }
    }
}

impl Attacker<'_> {
    /// clone(2) without a stack of its own: a copy, as of fork(2), with these flags.
    ///
    /// # Errors
    /// Here and below: see [`Hand::call`](super::Hand::call).
    pub fn clone(&mut self, flags: i64) -> Result<(), Failed> {
        let Call { name, number, arguments } = Call::child(flags);
        self.call(name, number, arguments).map(drop)
    }

    /// A child, of which it gets a descriptor (CLONE_PIDFD, Linux 5.2).
    pub fn child_by_descriptor(&mut self) -> Result<c_int, Failed> {
        let flags = i64::from(libc::CLONE_PIDFD | libc::SIGCHLD);
        let arguments = [flags.into(), 0.into(), Argument::room(size_of::<c_int>()), 0.into(), 0.into()];
        let made = self.call("clone", libc::SYS_clone, arguments)?;
        let descriptor = made.rooms.first().and_then(|room| Some(c_int::from_ne_bytes(*room.first_chunk()?)));
        descriptor.map_or_else(|| self.gives_up("clone(2) left no descriptor"), Ok)
    }

    /// A child by clone3(2), with these flags. Its structure: flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
    /// set_tid_size, cgroup.
    pub fn clone3(&mut self, flags: i64) -> Result<pid_t, Failed> {
        let structure =
            [flags, 0, 0, 0, i64::from(libc::SIGCHLD), 0, 0, 0, 0, 0, 0].map(i64::to_ne_bytes).concat();
        let length = structure.len() as i64;
        Ok(self.call("clone3", libc::SYS_clone3, [Argument::Bytes(structure), length.into()])?.value as pid_t)
    }

    /// A child by any other call than clone(2): fork(2), where that is one, and clone3(2).
    pub fn fork(&mut self) -> Result<pid_t, Failed> {
        #[cfg(target_arch = "x86_64")]
        match self.call("fork", libc::SYS_fork, []) {
            Err(Failed::Refused(_)) => {}
            done => return Ok(done?.value as pid_t),
        }
        self.clone3(0)
    }

    /// Tries vfork(2), where that is a call. Where it is let through, the call does not return before the child ends, which
    /// stands: then it gives up.
    pub fn vfork(&mut self) -> Result<(), Failed> {
        #[cfg(target_arch = "x86_64")]
        return match self.call("vfork", libc::SYS_vfork, []) {
            Ok(_) | Err(Failed::GaveUp(_)) => self.gives_up("it makes children by vfork(2), one in another"),
            Err(other) => Err(other),
        };
        #[cfg(not(target_arch = "x86_64"))]
        self.gives_up("there is no vfork(2)")
    }

    /// unshare(2).
    pub fn unshare(&mut self, flags: i32) -> Result<(), Failed> {
        self.call("unshare", libc::SYS_unshare, [flags.into()]).map(drop)
    }
}
