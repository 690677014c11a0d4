//! `lab0-chroot <directory> <command> [args...]`

use common::{Child, exec};
use nix::sched::CloneFlags;
use std::process::ExitCode;

fn main() -> ExitCode {
    common::run("lab0-chroot", &[], |args| {
        // The child: another root, then the command.
        let child = Child::start(CloneFlags::empty(), || {
            lab0_chroot::chroot_to(&args.rootfs)?;
            exec(&args.command)
        })?;

        // The parent.
        child.wait()
    })
}
