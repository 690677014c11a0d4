//! `lab1-namespaces <directory> <command> [args...]`

use common::{Child, exec};
use std::process::ExitCode;

fn main() -> ExitCode {
    common::run("lab1-namespaces", lab1_namespaces::options::ALL, |args| {
        // Before the child: which namespaces it is cloned into.
        let namespaces = lab1_namespaces::namespaces(args);

        // The child: its namespaces set up, another root, then the command.
        let child = Child::start(namespaces, || {
            lab1_namespaces::set_up_namespaces(args, namespaces)?;
            lab0_chroot::chroot_to(&args.rootfs)?;
            exec(&args.command)
        })?;

        // The parent.
        child.wait()
    })
}
