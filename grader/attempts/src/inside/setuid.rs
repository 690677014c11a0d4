//! Executing a set-user-ID program as somebody who has no rights.

use super::Inside;
use nix::errno::Errno;
use nix::unistd::{Gid, Uid, getuid, setresgid, setresuid};

/// The uid of somebody: any but root's.
const SOMEBODY: u32 = 1000;

/// Executes the set-user-ID copy of the probe in this directory of the container.
pub fn execute(me: &mut Inside, directory: &str) -> Result<(), Errno> {
    let name = me.given("setuid");
    let program = format!("{}{directory}/{name}", me.given("rootfs"));
    match become_somebody() {
        // A user namespace with one id has nobody else.
        Ok(()) | Err(Errno::EINVAL) => {}
        Err(other) => return Err(other),
    }
    me.decisive(&format!("execve(\"{directory}/{name}\") as uid {}", getuid()));
    me.become_program(&[&program])
}

fn become_somebody() -> Result<(), Errno> {
    if !getuid().is_root() {
        return Ok(());
    }
    let (uid, gid) = (Uid::from_raw(SOMEBODY), Gid::from_raw(SOMEBODY));
    setresgid(gid, gid, gid)?;
    setresuid(uid, uid, uid)
}
