//! The host looks: what a witness may read, as far as the decoy still lives. What is dear to look at is looked at
//! only for attempts that need it.

use super::observe;
use super::session::Session;
use crate::decoy::{Decoy, ending};
use anyhow::Result;
use attempts::Host;
use attempts::attempts::Need;
use attempts::host::Ending;
use nix::libc;
use nix::unistd::Pid;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::fd::AsRawFd;

/// Fills in what the host sees now. False where there is more than it could look at: so many mounts, or so many files.
///
/// # Errors
/// The host lives and can't see.
pub fn look(
    decoy: &Decoy,
    session: &Session,
    needs: &[Need],
    attacker: Option<Pid>,
    host: &mut Host,
) -> Result<bool> {
    let first = &decoy.ready.first;
    let table = first.mountinfo.clone().unwrap_or_default();
    host.mountinfo = (table.clone(), table);
    host.hostname = (first.hostname.clone(), first.hostname.clone());
    let (mut blind, mut whole) = (None, true);
    if decoy.ending() == Ending::None {
        match decoy.snapshot(needs.contains(&Need::SetuidFiles)) {
            Ok(now) => {
                whole = now.mountinfo.is_some() && now.setuid.is_some();
                if let Some(table) = now.mountinfo {
                    host.mountinfo.1 = table;
                }
                host.hostname.1 = now.hostname;
                host.boottime = now.boottime;
                host.processes = now.processes.len();
                host.victim = now.victim.map_or(Ending::None, ending);
                host.setuid_files = now.setuid.unwrap_or_default();
            }
            Err(error) => blind = Some(error),
        }
    }
    host.boot_offset = observe::boot_offset(decoy.pid1());
    host.pid1 = decoy.ending();
    host.program = session.program();
    host.stdout = session.stdout().to_vec();
    if let Some(terminal) = session.terminal() {
        host.foreground.1 = foreground(session);
        let mut typed = [0; 4096];
        // SAFETY: read(2) into a buffer of that length; the descriptor does not block.
        let length = unsafe { libc::read(terminal.as_raw_fd(), typed.as_mut_ptr().cast(), typed.len()) };
        host.typed = typed[..usize::try_from(length).unwrap_or(0)].to_vec();
    }
    if needs.contains(&Need::KernelText) {
        host.kernel_text = kernel_text();
    }
    if needs.contains(&Need::MountNamespace) {
        host.namespace_mounts = attacker.and_then(observe::mounts_of_namespace);
    }
    match blind {
        Some(error) => Err(error.context("the host could not look at itself")),
        None => Ok(whole),
    }
}

/// The foreground process group of the program's terminal, as the grader counts processes.
pub fn foreground(session: &Session) -> Option<i32> {
    session.terminal()?;
    // SAFETY: an ioctl that writes one int.
    unsafe {
        let mut group = 0;
        let answer = libc::ioctl(session.master().as_raw_fd(), libc::TIOCGPGRP, &mut group);
        (answer == 0).then_some(group)
    }
}

/// The line in `/proc/kallsyms`: one of the first of some hundred thousand.
fn kernel_text() -> Option<String> {
    let symbols = BufReader::new(File::open("/proc/kallsyms").ok()?);
    let is_text = |line: &String| line.ends_with(" _text") || line.ends_with(" _stext");
    let line = symbols.lines().map_while(Result::ok).find(is_text)?;
    line.split(' ').next().map(str::to_owned)
}
