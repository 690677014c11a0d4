//! Reading and writing by the attacker's own hand. Every program does: a refusal counts only if just before, the same call
//! with the same numbers, the descriptor's too, did it with something of the attacker's own. A system-call filter can't
//! tell the two apart.

use super::{Argument, Attacker, Failed};
use crate::rules::Rule;
use nix::libc::{self, c_int};

/// As much is read of a stake.
const LENGTH: usize = 4096;

impl Attacker<'_> {
    /// Takes what a file begins with, by read(2) alone: some files show each reader something else, so that the host can't
    /// read in the attacker's place.
    ///
    /// # Errors
    /// See [`Hand::call`](super::Hand::call); or it gives up, since it can't read what is its own.
    pub fn read_stake(&mut self, stake: c_int) -> Result<(), Failed> {
        let [reads, writes] = self.pipe()?;
        self.write(writes, b"own")?;
        self.in_its_place(stake, reads, |me| me.read(stake).map(drop))?;
        let bytes = self.read(stake)?;
        self.taken.extend(bytes);
        Ok(())
    }

    /// Writes to a file that is a stake.
    ///
    /// # Errors
    /// As for [`Attacker::read_stake`].
    pub fn write_stake(&mut self, stake: c_int, bytes: &[u8]) -> Result<(), Failed> {
        let [_, writes] = self.pipe()?;
        self.in_its_place(stake, writes, |me| me.write(stake, bytes))?;
        self.write(stake, bytes)
    }

    /// read(2).
    fn read(&mut self, descriptor: c_int) -> Result<Vec<u8>, Failed> {
        let arguments = [descriptor.into(), Argument::room(LENGTH), (LENGTH as i64).into()];
        let mut returned = self.call("read", libc::SYS_read, arguments)?;
        let length = usize::try_from(returned.value).unwrap_or(0);
        Ok(returned.rooms.remove(0).into_iter().take(length).collect())
    }

    /// write(2).
    pub(super) fn write(&mut self, descriptor: c_int, bytes: &[u8]) -> Result<(), Failed> {
        let arguments = [descriptor.into(), Argument::Bytes(bytes.to_vec()), (bytes.len() as i64).into()];
        self.call("write", libc::SYS_write, arguments).map(drop)
    }

    /// pipe2(2): the end to read, and the end to write.
    pub(super) fn pipe(&mut self) -> Result<[c_int; 2], Failed> {
        let flags = libc::O_CLOEXEC | libc::O_NONBLOCK;
        let returned = self.call("pipe2", libc::SYS_pipe2, [Argument::room(8), flags.into()])?;
        let end = |at: usize| returned.rooms[0][at..at + 4].try_into().map_or(-1, c_int::from_ne_bytes);
        Ok([end(0), end(4)])
    }

    /// Does something while the descriptor of a stake is that of something of its own. What is refused then makes it give up.
    fn in_its_place(
        &mut self,
        stake: c_int,
        own: c_int,
        act: impl FnOnce(&mut Self) -> Result<(), Failed>,
    ) -> Result<(), Failed> {
        if !self.rules.holds(Rule::OwnFirst) {
            return Ok(());
        }
        let arguments = [stake.into(), libc::F_DUPFD_CLOEXEC.into(), 0.into()];
        let kept = self.call("fcntl", libc::SYS_fcntl, arguments)?.value as c_int;
        self.replace(stake, own)?;
        let done = act(self);
        self.replace(stake, kept)?;
        self.close(kept)?;
        match done {
            Err(Failed::Refused(errno)) => {
                self.gives_up(&format!("what it may not do with the stake it can't do with its own: {errno}"))
            }
            done => done,
        }
    }

    /// dup3(2).
    fn replace(&mut self, descriptor: c_int, with: c_int) -> Result<(), Failed> {
        let arguments = [with.into(), descriptor.into(), libc::O_CLOEXEC.into()];
        self.call("dup3", libc::SYS_dup3, arguments).map(drop)
    }
}
