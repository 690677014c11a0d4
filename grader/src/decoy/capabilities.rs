//! The capabilities of the calling process (capset(2)).

use nix::errno::Errno;
use nix::libc;

/// Half of the three sets: capabilities 0 to 31, or the rest.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Sets {
    /// Those that are checked.
    pub effective: u32,
    /// Those that may be made effective.
    pub permitted: u32,
    /// Those that a file may pass on at execve(2).
    pub inheritable: u32,
}

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

/// `_LINUX_CAPABILITY_VERSION_3` in include/uapi/linux/capability.h.
const VERSION: u32 = 0x2008_0522;

/// Changes the sets of the calling process.
///
/// # Errors
/// EPERM: a capability is not permitted.
pub fn change(half: impl Fn(&mut Sets)) -> nix::Result<()> {
    let mut header = Header { version: VERSION, pid: 0 };
    let mut sets = [Sets::default(); 2];
    // SAFETY: the structures have the layout that version 3 asks for, and outlive both calls.
    unsafe {
        Errno::result(libc::syscall(libc::SYS_capget, &mut header, sets.as_mut_ptr()))?;
        sets.iter_mut().for_each(half);
        Errno::result(libc::syscall(libc::SYS_capset, &header, sets.as_ptr())).map(drop)
    }
}
