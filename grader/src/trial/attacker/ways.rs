//! Ways back into the host's namespaces, which a command may hold: descriptors of them, or of a process in them, and files on
//! which they are mounted. Who has one is confined by none.

use super::hand::Hand;
use crate::decoy::Decoy;
use crate::proc::{self, field};
use crate::trial::observe;
use attempts::attacker::{Argument, Call, Failed, Hand as _, unless_refused};
use nix::libc;
use nix::unistd::Pid;
use std::fs;

/// The kinds of namespaces, by their names in `/proc/<pid>/ns`. Who enters a mount namespace has another root from then on: so it
/// is the last.
const KINDS: [(&str, i32); 8] = [
    ("cgroup", libc::CLONE_NEWCGROUP),
    ("ipc", libc::CLONE_NEWIPC),
    ("net", libc::CLONE_NEWNET),
    ("pid", libc::CLONE_NEWPID),
    ("time", libc::CLONE_NEWTIME),
    ("user", libc::CLONE_NEWUSER),
    ("uts", libc::CLONE_NEWUTS),
    ("mnt", libc::CLONE_NEWNS),
];

/// More files than these with a namespace on them are not opened.
const MAX_FILES: usize = 64;

/// Lets the attacker enter each namespace of the host's that it is not in, and to which it has a way.
///
/// # Errors
/// It could not be moved, or a filter kills it. That it may not enter is none.
pub fn go_back(hand: &mut Hand, decoy: &Decoy) -> Result<(), Failed> {
    let pid = hand.pid();
    let left: Vec<(&str, i32, u64)> = KINDS
        .iter()
        .filter_map(|(name, kind)| Some((*name, *kind, *decoy.ready.namespaces.get(*name)?)))
        .filter(|(name, _, inode)| observe::namespace(pid, name) != Some(*inode))
        .collect();
    if left.is_empty() {
        return Ok(());
    }
    let mut held: Vec<(i32, String)> = descriptors(pid);
    let mut opened = Vec::new();
    for (path, namespace) in files(pid) {
        let is_left = |(name, _, inode): &(&str, i32, u64)| namespace == format!("{name}:[{inode}]");
        if !left.iter().any(is_left) || opened.len() == MAX_FILES {
            continue;
        }
        let arguments = [libc::AT_FDCWD.into(), Argument::text(path), libc::O_CLOEXEC.into(), 0.into()];
        if let Some(descriptor) = unless_refused(call(hand, "openat", libc::SYS_openat, arguments))? {
            opened.push(descriptor);
            held.push((descriptor, namespace));
        }
    }
    for (name, kind, inode) in left {
        for (descriptor, what) in &held {
            let target: Option<i32> = what.strip_prefix("process ").and_then(|number| number.parse().ok());
            let leads_there = match target {
                Some(number) => observe::namespace(Pid::from_raw(number), name) == Some(inode),
                None => *what == format!("{name}:[{inode}]"),
            };
            // Of a namespace it need not be said which kind it is.
            for kind in [kind, 0].into_iter().take(if target.is_some() { 1 } else { 2 }) {
                let arguments = [(*descriptor).into(), kind.into()];
                if leads_there && observe::namespace(pid, name) != Some(inode) {
                    unless_refused(call(hand, "setns", libc::SYS_setns, arguments))?;
                }
            }
        }
    }
    for descriptor in opened {
        unless_refused(call(hand, "close", libc::SYS_close, [descriptor.into()]))?;
    }
    Ok(())
}

/// Its descriptors of namespaces, each with the namespace's name, and of processes, each with the process's number.
fn descriptors(pid: Pid) -> Vec<(i32, String)> {
    let what = |descriptor: i32| {
        let link = fs::read_link(format!("/proc/{pid}/fd/{descriptor}")).ok()?;
        let link = link.to_string_lossy();
        if link != "anon_inode:[pidfd]" {
            return Some((descriptor, link.into_owned()));
        }
        let about = proc::read(pid, &format!("fdinfo/{descriptor}"));
        Some((descriptor, format!("process {}", field(&about, "Pid")?)))
    };
    proc::numbers(format!("/proc/{pid}/fd")).into_iter().filter_map(what).collect()
}

/// The files of its tree on which namespaces are mounted, each with the namespace's name.
fn files(pid: Pid) -> Vec<(String, String)> {
    let table = proc::read(pid, "mountinfo");
    let is_namespace = |line: &&str| line.split_once(" - ").is_some_and(|(_, of)| of.starts_with("nsfs "));
    let all = attempts::host::mounts::mounts;
    let lines = table.lines().filter(is_namespace).flat_map(all);
    lines.filter_map(|it| Some((it.point.to_str()?.to_owned(), it.root.to_str()?.to_owned()))).collect()
}

fn call<const N: usize>(
    hand: &mut Hand,
    name: &'static str,
    number: libc::c_long,
    arguments: [Argument; N],
) -> Result<i32, Failed> {
    Ok(hand.call(&Call { name, number, arguments: arguments.into() })?.value as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_of_namespaces_and_processes_are_told() {
        let own = std::process::id();
        // SAFETY: the call takes integers, and the descriptor is ours.
        let process = unsafe { libc::syscall(libc::SYS_pidfd_open, own, 0) } as i32;
        let namespace = fs::File::open("/proc/self/ns/uts").unwrap();
        let all = descriptors(Pid::this());
        assert!(process < 0 || all.contains(&(process, format!("process {own}"))));
        let name = fs::read_link("/proc/self/ns/uts").unwrap().to_string_lossy().into_owned();
        let number = std::os::fd::AsRawFd::as_raw_fd(&namespace);
        assert!(all.contains(&(number, name)));
    }
}
