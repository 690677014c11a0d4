//! Set-user-ID programs, executed by somebody who has no rights.

use super::{Argument, Attacker, Failed, unless_refused};
use crate::host::{Host, Process, Seen};
use crate::refusals::Refusal;
use nix::libc;

/// The uid and gid of somebody: any but root's.
const SOMEBODY: i64 = 1000;

impl Attacker<'_> {
    /// Becomes somebody, and executes the set-user-ID file of this directory of the container.
    ///
    /// # Errors
    /// See [`Hand::call`](super::Hand::call).
    pub fn execute_setuid(&mut self, directory: &str) -> Result<(), Failed> {
        let program = format!("{}{directory}/{}", self.given("rootfs"), self.given("setuid"));
        // What lies over it may be taken away.
        unless_refused(self.unmask(&program))?;
        // Root can enter a directory that is closed to others, and hold the file.
        let held = match self.look(&program) {
            Ok(descriptor) => Some(descriptor),
            Err(Failed::Refused(_)) => None,
            Err(other) => return Err(other),
        };
        self.become_somebody()?;
        let words = || Argument::texts(&["program"]);
        let arguments = [Argument::text(&program), words(), Argument::texts(&[])];
        let refused = match (self.call("execve", libc::SYS_execve, arguments), held) {
            (Err(Failed::Refused(_)), Some(held)) => held,
            (done, _) => return done.map(drop),
        };
        let flags = libc::AT_EMPTY_PATH.into();
        let arguments = [refused.into(), Argument::text(""), words(), Argument::texts(&[]), flags];
        self.call("execveat", libc::SYS_execveat, arguments).map(drop)
    }

    /// Where it is refused, the attacker stays who it is; that it has gained nothing then, the host must explain otherwise.
    fn become_somebody(&mut self) -> Result<(), Failed> {
        let somebody = || [SOMEBODY; 3].map(Argument::Number);
        for (name, number) in [("setresgid", libc::SYS_setresgid), ("setresuid", libc::SYS_setresuid)] {
            unless_refused(self.call(name, number, somebody()))?;
        }
        Ok(())
    }
}

/// Whether the attacker, who is not root, got the effective uid of the host's root; or what made the bit count for nothing.
pub fn gained_root(host: &Host) -> Seen {
    match host.attacker {
        Process { uid: Some(uid), euid: Some(euid), .. } if euid == host.root_uid && uid != euid => {
            Seen::Effect("the host's root is the effective user of the attacker's process".into())
        }
        _ if host.call_succeeded() => {
            Refusal::SetUserId.explain_success(host).map_or(Seen::Nothing, Seen::Confined)
        }
        _ => Seen::Nothing,
    }
}
