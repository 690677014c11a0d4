//! kernel-addresses: learn where the kernel lies in memory.

use super::{Attempt, Measured, Need};
use crate::attacker::{Failed, unless_refused};
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "kernel-addresses",
    stake: "The kernel's defence by random addresses: an exploit must know where the code lies that it misuses.",
    story: "The kernel is loaded at a random address, so that an error in it is harder to exploit. /proc/kallsyms \
            tells the address of every symbol to those who hold CAP_SYSLOG in the machine's first user \
            namespace, and tells everybody else 0. The attacker reads the address of the kernel's text, and the \
            host compares it with what it reads itself. No namespace or mount stops this: the capability must go.",
    by_hand: &[
        "[ -e /proc/self ] || mount -t proc proc /proc",
        "grep ' _text$' /proc/kallsyms    # anything but zeros: escaped",
    ],
    stopped_by: &["lab4-capabilities/bounding-set", "lab4-capabilities/capability-sets"],
    after: &[],
    man: &["capabilities(7)", "proc(5)"],
    letters: Measured { root: "E EEEEBBB", user: "I IIIIIII", rootless: "I IIIIIII" },
    needs: &[Need::KernelText],
    decisive: &[libc::SYS_openat, libc::SYS_mount],
    attack,
    class: Refusal::Mask,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let path = format!("{}/kallsyms", me.procfs()?);
    if unless_refused(me.take_kernel_file(&path))?.is_some() && me.has_kernel_file() {
        return Ok(());
    }
    // Something lies over it.
    let path = format!("{}/kallsyms", me.new_procfs()?);
    me.take_kernel_file(&path)
}

/// The address in a line of the kernel's text: `ffffffff81000000 T _text`.
fn address(line: &str) -> Option<&str> {
    let is_text = line.ends_with(" _text") || line.ends_with(" _stext");
    line.split(' ').next().filter(|_| is_text)
}

fn witness(host: &Host) -> Seen {
    let symbols = String::from_utf8_lossy(&host.said);
    let is_zero = |told: &str| told.bytes().all(|digit| digit == b'0');
    let mut told = symbols.lines().filter_map(address);
    match &host.kernel_text {
        Some(text) if !is_zero(text) && told.clone().any(|told| told == text) => {
            Seen::Effect(format!("the attacker knows that the kernel's text begins at {text}"))
        }
        _ if host.handles.is_of_the_kernel() && told.any(is_zero) => {
            Seen::Confined("the kernel tells the attacker 0 in place of the address".into())
        }
        _ => Seen::Nothing,
    }
}
