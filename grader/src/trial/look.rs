//! The host looks: what a witness may read, as far as the decoy still lives. What is dear to look at is looked at
//! only for attempts that need it.

use super::observe;
use super::session::Session;
use crate::decoy::{Decoy, ending};
use attempts::Host;
use attempts::attempts::Need;
use attempts::host::Ending;
use nix::libc;
use nix::unistd::Pid;
use std::fs;
use std::os::fd::AsRawFd;

/// Fills in what the host sees now.
pub fn look(decoy: &Decoy, session: &Session, needs: &[Need], attacker: Option<Pid>, host: &mut Host) {
    let first = &decoy.ready.first;
    host.mountinfo = (first.mountinfo.clone(), first.mountinfo.clone());
    host.hostname = (first.hostname.clone(), first.hostname.clone());
    if decoy.ending() == Ending::None
        && let Some(now) = decoy.snapshot(needs.contains(&Need::SetuidFiles))
    {
        host.mountinfo.1 = now.mountinfo;
        host.hostname.1 = now.hostname;
        host.boottime = now.boottime;
        host.processes = now.processes.len();
        host.victim = now.victim.map_or(Ending::None, ending);
        host.setuid_files = now.setuid.into_iter().filter(|file| !first.setuid.contains(file)).collect();
    }
    host.pid1 = decoy.ending();
    host.program = decoy.program();
    host.stdout = session.stdout().to_vec();
    if let Some(terminal) = session.terminal() {
        // SAFETY: an ioctl that writes one int.
        let foreground = unsafe {
            let mut group = 0;
            let answer = libc::ioctl(session.master().as_raw_fd(), libc::TIOCGPGRP, &mut group);
            (answer == 0).then_some(group)
        };
        let own = nix::unistd::getpgid(Some(session.pid())).ok();
        host.foreground = foreground.zip(own.map(Pid::as_raw));
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
}

fn kernel_text() -> Option<String> {
    let symbols = fs::read_to_string("/proc/kallsyms").ok()?;
    let line = symbols.lines().find(|line| line.ends_with(" _text") || line.ends_with(" _stext"))?;
    line.split(' ').next().map(str::to_owned)
}
