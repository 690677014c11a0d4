//! What a process inherits from the one that started it: descriptors, environment, session.

use common::prelude::*;

/// Marks every descriptor but the three standard streams to be closed when the command is executed.
///
/// A descriptor is a capability: one that is open on the host's `/` reaches the whole tree, whatever root the
/// process has (close_range(2)).
pub fn close_descriptors() -> Result<()> {
    // step: close-descriptors
    use nix::{errno::Errno, libc};
    let close_on_exec = libc::CLOSE_RANGE_CLOEXEC;
    // SAFETY: nothing is closed before the command is executed.
    let answer = unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, close_on_exec) };
    match Errno::result(answer) {
        // Before Linux 5.9 each had to be named.
        Err(Errno::ENOSYS | Errno::EPERM) => {
            for open in std::fs::read_dir("/proc/self/fd").step("close-descriptors")?.flatten() {
                let number: i32 = open.file_name().to_string_lossy().parse().unwrap_or(0);
                if number > 2 {
                    // SAFETY: as above.
                    unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) };
                }
            }
        }
        closed => closed.step("close-descriptors").map(drop)?,
    }
    // end step

    Ok(())
}

/// Reduces the environment to what a login sets (login(1)), the kind of terminal, and `container`, by which a
/// program learns where it is (systemd's Container Interface).
pub fn environment() -> Result<()> {
    // step: environment
    let term = std::env::var_os("TERM");
    // SAFETY: this process has one thread.
    unsafe {
        nix::env::clearenv().map_err(|_| nix::errno::Errno::ENOMEM).step("environment")?;
        std::env::set_var("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        for (name, value) in [("HOME", "/root"), ("USER", "root"), ("LOGNAME", "root"), ("SHELL", "/bin/sh")]
        {
            std::env::set_var(name, value);
        }
        std::env::set_var("container", "container-labs");
        term.inspect(|term| std::env::set_var("TERM", term));
    }
    // end step

    Ok(())
}

/// Leaves the caller's session and with it its controlling terminal, which could be typed into or taken over
/// (setsid(2), TIOCSTI and TIOCSPGRP in ioctl_tty(2)).
pub fn session() -> Result<()> {
    // step: session
    nix::unistd::setsid().step("session")?;
    // end step

    Ok(())
}
