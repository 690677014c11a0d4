//! The user who called sudo. Files that the grader makes for a person belong to that person instead of root.

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::libc::{self, c_long};
use nix::unistd::{User, geteuid};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::{env, panic, ptr, thread};

/// Runs a closure with the rights of whoever called the grader: under sudo see [`Caller::does`].
///
/// # Errors
/// Those of the closure, of [`Caller::of_sudo`] and of [`Caller::does`].
pub fn as_caller<T: Send>(deed: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    match Caller::of_sudo()? {
        Some(caller) => caller.does(deed)?,
        None => deed(),
    }
}

/// The user who called sudo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    user: User,
    gid: u32,
}

impl Caller {
    /// The caller, if the grader was started by sudo.
    ///
    /// # Errors
    /// `SUDO_UID` is not a user of this machine.
    pub fn of_sudo() -> Result<Option<Caller>> {
        let id = |name| env::var(name).ok()?.parse::<u32>().ok();
        let (Some(uid), Some(gid)) = (id("SUDO_UID"), id("SUDO_GID")) else { return Ok(None) };
        if !geteuid().is_root() || uid == 0 {
            return Ok(None);
        }
        match User::from_uid(uid.into())? {
            Some(user) => Ok(Some(Caller { user, gid })),
            None => bail!("SUDO_UID is {uid}, which is no user of this machine"),
        }
    }

    /// The home directory.
    pub fn home(&self) -> &Path {
        &self.user.dir
    }

    /// Makes the command run as this person.
    pub fn runs(&self, command: &mut Command) {
        command.uid(self.user.uid.as_raw()).gid(self.gid);
        command.env("HOME", &self.user.dir).env("USER", &self.user.name);
    }

    /// Runs a closure with only the rights of this person: files that it makes belong to the person, and it can change
    /// only what the person may change.
    ///
    /// # Errors
    /// The system refuses to change the ids.
    pub fn does<T: Send>(&self, deed: impl FnOnce() -> T + Send) -> Result<T> {
        // In the kernel, ids belong to a thread; the C library's functions change those of all threads. So call the
        // kernel directly, in a thread of its own.
        let done = thread::scope(|scope| scope.spawn(|| self.take_ids().map(|()| deed())).join());
        done.unwrap_or_else(|panicked| panic::resume_unwind(panicked))
            .context("taking the ids of who called sudo")
    }

    /// Changes the ids of the calling thread to this person's, permanently.
    fn take_ids(&self) -> nix::Result<()> {
        let (uid, gid) = (c_long::from(self.user.uid.as_raw()), c_long::from(self.gid));
        // SAFETY: numbers, and an empty list.
        unsafe {
            Errno::result(libc::syscall(libc::SYS_setgroups, 0, ptr::null::<libc::gid_t>()))?;
            Errno::result(libc::syscall(libc::SYS_setresgid, gid, gid, gid))?;
            Errno::result(libc::syscall(libc::SYS_setresuid, uid, uid, uid)).map(drop)
        }
    }

    /// The uid and the gid.
    pub fn ids(&self) -> (u32, u32) {
        (self.user.uid.as_raw(), self.gid)
    }
}
