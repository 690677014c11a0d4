//! `/dev`: the devices that a program may expect, and no other (OCI runtime spec, "Default Devices").
//!
//! The nodes are bound from the host, not made: mknod(2) of a device is refused in a user namespace, and so
//! root and an ordinary user take one path.

use common::Result;
use nix::errno::Errno;
use std::fs;

/// Everything below `/dev`.
pub fn devices() -> Result<()> {
    tmpfs()?;
    for name in ["null", "zero", "full", "random", "urandom", "tty"] {
        bind(name, &format!("/dev/{name}"))?;
    }
    terminals()?;
    shared_memory()?;
    links()?;
    console()
}

/// An empty `/dev` in place of the rootfs's own, whose nodes may be anything. `nodev`, since a container's
/// root may have mknod(2): a node that it makes can't be opened; a bound one keeps the flags of its own mount.
fn tmpfs() -> Result<()> {
    // step: dev
    use crate::target;
    use common::Step;
    use nix::mount::{MsFlags, mount};
    let dev = target::directory("dev").step("dev")?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("tmpfs"), dev.path(), Some("tmpfs"), flags, Some("mode=755")).step("dev")?;
    // end step

    Ok(())
}

/// Binds the host's node at `source` to `/dev/<name>`. A host that lacks the device has none to give.
fn bind(name: &str, source: &str) -> Result<()> {
    if !fs::exists(source).unwrap_or(false) {
        return Ok(());
    }
    // step: devices
    use crate::target;
    use common::{NONE, Step};
    use nix::mount::{MsFlags, mount};
    // Something must be there to mount on.
    let node = target::file(&format!("dev/{name}")).step("devices")?;
    mount(Some(source), node.path(), NONE, MsFlags::MS_BIND, NONE).step("devices")?;
    // end step

    let _ = name;
    Ok(())
}

/// Terminals of the container's own: a new instance of devpts (pts(4)).
fn terminals() -> Result<()> {
    // step: pts
    use crate::target;
    use common::Step;
    use nix::mount::{MsFlags, mount};
    let pts = target::directory("dev/pts").step("pts")?;
    let options = Some("newinstance,ptmxmode=0666,mode=0620");
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    mount(Some("devpts"), pts.path(), Some("devpts"), flags, options).step("pts")?;
    link("pts/ptmx", "ptmx").step("pts")?;
    // end step

    Ok(())
}

/// `/dev/shm`, where the C library keeps POSIX shared memory (shm_overview(7)).
fn shared_memory() -> Result<()> {
    // step: shm
    use crate::target;
    use common::Step;
    use nix::mount::{MsFlags, mount};
    let shm = target::directory("dev/shm").step("shm")?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("tmpfs"), shm.path(), Some("tmpfs"), flags, Some("mode=1777")).step("shm")?;
    // end step

    Ok(())
}

/// The names of a process's own descriptors, which lead into `/proc`.
fn links() -> Result<()> {
    // step: dev-links
    use common::Step;
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        link(target, name).step("dev-links")?;
    }
    // end step

    Ok(())
}

/// A symbolic link in `/dev`. One that is there already, in a `/dev` that came with the rootfs, will do.
pub fn link(target: &str, name: &str) -> nix::Result<()> {
    match nix::unistd::symlinkat(target, crate::target::open("dev")?, name) {
        Err(Errno::EEXIST) => Ok(()),
        made => made,
    }
}

/// `/dev/console`: the terminal on standard input, where there is one.
fn console() -> Result<()> {
    // step: console
    use common::Step;
    use nix::{sys::stat, unistd};
    use std::io::{IsTerminal, stdin};
    if stdin().is_terminal() {
        let terminal = unistd::ttyname(stdin()).step("console")?;
        // The name may be another terminal's here, if this one came from another devpts instance.
        if stat::stat(&terminal).is_ok_and(|named| Ok(named.st_ino) == stat::fstat(stdin()).map(|s| s.st_ino))
        {
            bind("console", &terminal.to_string_lossy())?;
        }
    }
    // end step

    Ok(())
}
