//! `lab2-mounts <directory> <command> [args...]`

use common::{Child, exec};
use std::process::ExitCode;

fn main() -> ExitCode {
    common::run("lab2-mounts", lab1_namespaces::options::ALL, |args| {
        // Before the child: which namespaces it is cloned into.
        let flags = lab1_namespaces::namespaces(args);

        // The child: its namespaces set up, its file systems mounted, another root, then the command.
        let child = Child::start(flags, || {
            lab1_namespaces::inside(args, flags)?;
            lab2_mounts::mounts(&args.rootfs, flags)?;
            lab0_chroot::enter(&args.rootfs)?;
            exec(&args.command)
        })?;

        // The parent.
        child.wait()
    })
}
