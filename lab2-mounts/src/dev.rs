//! `/dev`: the devices that a program may expect, and no other (OCI runtime spec, "Default Devices").
//!
//! The nodes are bound from the host, not made: mknod(2) of a device is refused in a user namespace, and so
//! root and an ordinary user take one path.

use crate::target;
use common::prelude::*;
use nix::errno::Errno;

/// Everything below `/dev`.
pub fn devices() -> Result<()> {
    tmpfs()?;
    nodes()?;
    terminals()?;
    shared_memory()?;
    links()?;
    console()
}

/// An empty `/dev` in place of the rootfs's own, whose nodes may be anything. `nodev`, since a container's
/// root may have mknod(2): a node that it makes can't be opened; a bound one keeps the flags of its own mount.
fn tmpfs() -> Result<()> {
    // step: dev
    let dev = target::directory("dev").step("dev")?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("tmpfs"), dev.path(), Some("tmpfs"), flags, Some("mode=755")).step("dev")?;
    // end step

    Ok(())
}

/// The harmless devices. A host that lacks one has none to give.
fn nodes() -> Result<()> {
    // step: devices
    for name in ["null", "zero", "full", "random", "urandom", "tty"] {
        let host = format!("/dev/{name}");
        if std::fs::exists(&host).unwrap_or(false) {
            // Something must be there to mount on.
            let node = target::file(&format!("dev/{name}")).step("devices")?;
            mount(Some(host.as_str()), node.path(), NONE, MsFlags::MS_BIND, NONE).step("devices")?;
        }
    }
    // end step

    Ok(())
}

/// Terminals of the container's own: a new instance of devpts (pts(4)).
fn terminals() -> Result<()> {
    // step: pts
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
    let shm = target::directory("dev/shm").step("shm")?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("tmpfs"), shm.path(), Some("tmpfs"), flags, Some("mode=1777")).step("shm")?;
    // end step

    Ok(())
}

/// The names of a process's own descriptors, which lead into `/proc`.
fn links() -> Result<()> {
    // step: dev-links
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
pub fn link(to: &str, name: &str) -> nix::Result<()> {
    match nix::unistd::symlinkat(to, target::open("dev")?, name) {
        Err(Errno::EEXIST) => Ok(()),
        made => made,
    }
}

/// `/dev/console`: the terminal on standard input, where there is one.
fn console() -> Result<()> {
    // step: console
    use nix::{sys::stat, unistd};
    let id = |file: stat::FileStat| (file.st_dev, file.st_ino);
    let stdin = std::io::stdin();
    // What has no name in this mount namespace can't be bound: a terminal of another one (nsenter(1)), or of another devpts
    // instance, in which case the name may be another terminal's. Then the container has no console.
    if let Ok(terminal) = unistd::ttyname(&stdin)
        && stat::stat(&terminal).map(id) == stat::fstat(&stdin).map(id)
    {
        let console = target::file("dev/console").step("console")?;
        mount(Some(&terminal), console.path(), NONE, MsFlags::MS_BIND, NONE).step("console")?;
    }
    // end step

    Ok(())
}
