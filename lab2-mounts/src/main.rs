//! `lab2-mounts <directory> <command> [args...]`

use common::{Child, exec};
use std::process::ExitCode;

fn main() -> ExitCode {
    common::run("lab2-mounts", lab1_namespaces::options::ALL, |args| {
        // Before the child: which namespaces it is cloned into.
        let namespaces = lab1_namespaces::namespaces(args);

        // The child: its namespaces set up, its file systems mounted, another root, then the command.
        let child = Child::start(namespaces, || {
            lab1_namespaces::set_up_namespaces(args, namespaces)?;
            lab2_mounts::mount_file_systems(&args.rootfs, namespaces)?;
            lab0_chroot::chroot_to(&args.rootfs)?;
            exec(&args.command)
        })?;

        // The parent.
        child.wait()
    })
}
