//! Graders in small surroundings of their own: nothing of this is done to the machine.

use super::stage::Who;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_dumpable;
use nix::unistd::{getegid, geteuid};
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

const NONE: Option<&str> = None;

/// Runs the command in a mount namespace of its own in which every mount is shared, as systemd has it.
pub fn share_mounts(command: &mut Command, who: Who) {
    mount_namespace(command, who, || {
        mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_SHARED, NONE)?;
        Ok(())
    });
}

/// Gives the command a disk of `size` bytes at `directory`, which only it sees. Its directory belongs to the person.
pub fn small_disk(command: &mut Command, who: Who, directory: &Path, size: u32) {
    let directory = directory.to_owned();
    let data = format!("size={size},mode=755,uid={0},gid={0}", who.uid());
    mount_namespace(command, who, move || {
        mount(Some("small"), &directory, Some("tmpfs"), MsFlags::empty(), Some(data.as_str()))?;
        Ok(())
    });
}

/// Runs the command in a user namespace in which no other can be made.
pub fn no_user_namespaces(command: &mut Command, who: Who) {
    let enter = user_namespace(who.uid(), who.uid());
    let enter = move || {
        enter()?;
        // The limit of this namespace: each has its own (namespaces(7)).
        fs::write("/proc/sys/user/max_user_namespaces", "0")
    };
    // SAFETY: system calls alone, in a child that the program then replaces.
    unsafe { command.pre_exec(enter) };
}

/// Makes the command root, of a user namespace where it holds nothing of the machine.
pub fn root_of_nothing(command: &mut Command, who: Who) {
    let enter = user_namespace(who.uid(), 0);
    // SAFETY: system calls alone, in a child that the program then replaces.
    unsafe { command.pre_exec(enter) };
}

/// Runs the command in a mount namespace of its own, whose mounts are private before `prepare` is called.
fn mount_namespace(
    command: &mut Command,
    who: Who,
    prepare: impl Fn() -> io::Result<()> + Send + Sync + 'static,
) {
    let own_users = (who == Who::User).then(|| user_namespace(who.uid(), who.uid()));
    let enter = move || {
        // An ordinary user may mount in a user namespace only.
        if let Some(enter) = &own_users {
            enter()?;
        }
        unshare(CloneFlags::CLONE_NEWNS)?;
        // Else what is mounted would reach this machine.
        mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE)?;
        prepare()
    };
    // SAFETY: system calls alone, in a child that the program then replaces.
    unsafe { command.pre_exec(enter) };
}

/// Enters a user namespace in which the id `outside` is called `inside`.
fn user_namespace(outside: u32, inside: u32) -> impl Fn() -> io::Result<()> + Send + Sync + 'static {
    // Written down before fork(2): the child of a process with threads should allocate nothing.
    let map = format!("{inside} {outside} 1");
    move || {
        debug_assert!(geteuid().as_raw() == outside && getegid().as_raw() == outside);
        unshare(CloneFlags::CLONE_NEWUSER)?;
        // After a change of ids these files belong to root, until the process is dumpable again (proc(5)).
        set_dumpable(true)?;
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/gid_map", &map)?;
        fs::write("/proc/self/uid_map", &map)
    }
}
