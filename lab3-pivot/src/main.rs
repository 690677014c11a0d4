//! `lab3-pivot <directory> <command> [args...]`

use common::{Child, exec};
use lab3_pivot::{inherited, root};
use std::process::ExitCode;

fn main() -> ExitCode {
    common::run("lab3-pivot", lab1_namespaces::options::ALL, |args| {
        // Before the child: which namespaces it is cloned into.
        let namespaces = lab1_namespaces::namespaces(args);

        // The child: its namespaces set up, its file systems mounted, pivot_root in place of chroot, what it
        // inherited given up, then the command.
        let child = Child::start(namespaces, || {
            lab1_namespaces::set_up_namespaces(args, namespaces)?;
            lab2_mounts::mount_file_systems(&args.rootfs, namespaces)?;
            root::pivot_root_to(&args.rootfs, namespaces)?;
            inherited::session()?;
            inherited::close_descriptors()?;
            inherited::environment()?;
            exec(&args.command)
        })?;

        // The parent.
        child.wait()
    })
}
