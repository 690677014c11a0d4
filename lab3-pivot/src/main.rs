//! `lab3-pivot <directory> <command> [args...]`

use common::{Child, exec};
use lab3_pivot::{inherited, root};
use std::process::ExitCode;

fn main() -> ExitCode {
    common::run("lab3-pivot", lab1_namespaces::options::ALL, |args| {
        // Before the child: which namespaces it is cloned into.
        let flags = lab1_namespaces::namespaces(args);

        // The child: its namespaces set up, its file systems mounted, the host's tree exchanged for its own,
        // what it inherited given up, then the command.
        let child = Child::start(flags, || {
            lab1_namespaces::inside(args, flags)?;
            lab2_mounts::mounts(&args.rootfs, flags)?;
            root::enter(&args.rootfs, flags)?;
            inherited::session()?;
            inherited::close_descriptors()?;
            inherited::environment()?;
            exec(&args.command)
        })?;

        // The parent.
        child.wait()
    })
}
