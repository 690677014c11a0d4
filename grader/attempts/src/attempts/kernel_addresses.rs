//! kernel-addresses: learn where the kernel lies in memory.

use super::{Attack, Attempt, Measured, Need};
use crate::inside::procfs::procfs;
use crate::inside::read::read_on;
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
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
    decisive: &[libc::SYS_openat, libc::SYS_pread64],
    attack: Attack::Inside(inside),
    witness,
};

fn inside(me: &mut Inside) -> Result<(), Errno> {
    let path = format!("{}/kallsyms", procfs()?);
    me.decisive(&format!("open(\"{path}\", O_RDONLY), pread() as far as _text"));
    let mut text = String::new();
    let mut found = None;
    read_on(&path, |piece| {
        text.push_str(&String::from_utf8_lossy(piece));
        found = address(&text);
        // The last line may not be whole yet.
        text.drain(..text.rfind('\n').map_or(0, |end| end + 1));
        found.is_none()
    })?;
    me.bring_out(found.unwrap_or_default().as_bytes());
    Ok(())
}

/// The address in the first line of the kernel's text: `ffffffff81000000 T _text`.
fn address(symbols: &str) -> Option<String> {
    let whole = &symbols[..symbols.rfind('\n')?];
    let line = whole.lines().find(|line| line.ends_with(" _text") || line.ends_with(" _stext"))?;
    line.split(' ').next().map(str::to_owned)
}

fn witness(host: &Host) -> Seen {
    match &host.kernel_text {
        Some(address) if address.bytes().any(|digit| digit != b'0') && host.heard(address.as_bytes()) => {
            Seen::Effect(format!("the attacker knows that the kernel's text begins at {address}"))
        }
        _ if !host.said.is_empty() && host.said.iter().all(|digit| *digit == b'0') => {
            Seen::Confined("the kernel tells the attacker 0 in place of the address".into())
        }
        _ => Seen::Nothing,
    }
}
