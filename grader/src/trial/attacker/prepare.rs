//! The attacker first takes what it may take. A command that holds a right and does not use it, or is short of something
//! that it could have by one call, fails for a reason that is none.

use super::hand::Hand;
use crate::proc::{self, field};
use anyhow::{Result, bail};
use attempts::attacker::{Argument, Call, Failed, Hand as _};
use attempts::rules::Rule;
use nix::libc;
use nix::unistd::Pid;

/// `PTRACE_SETSIGMASK`: include/uapi/linux/ptrace.h.
const PTRACE_SETSIGMASK: libc::c_uint = 0x420b;

/// So many kinds of limits there are: `RLIM_NLIMITS` in include/uapi/asm-generic/resource.h.
const LIMITS: libc::__rlimit_resource_t = 16;

/// The kinds of kcmp(2): include/uapi/linux/kcmp.h.
const KCMP_VM: i32 = 1;
const KCMP_FILES: i32 = 2;
const KCMP_FS: i32 = 3;

/// `_LINUX_CAPABILITY_VERSION_3`: include/uapi/linux/capability.h.
const CAPABILITY_VERSION: u32 = 0x2008_0522;

/// Gives to the attacker, or lets it take: soft limits up to the hard ones, an empty signal mask, ids that are 0, its
/// permitted capabilities, a file mode mask that leaves the owner's rights, and a working directory and descriptors of its own.
///
/// # Errors
/// It shares its memory with another process, or could not be moved; why, in words.
pub fn prepare(hand: &mut Hand, others: &[Pid]) -> Result<()> {
    let pid = hand.pid();
    let rules = hand.session.rules;
    if rules.holds(Rule::Limits) {
        raise_limits(pid);
        unblock_signals(pid);
    }
    let shares = |kind| others.iter().any(|other| *other != pid && is_same(pid, *other, kind));
    if rules.holds(Rule::OwnMemory) && shares(KCMP_VM) {
        bail!("the command shares its memory with another process");
    }
    let mut own = 0;
    let alone = rules.holds(Rule::OwnDirectory);
    for (kind, flag) in [(KCMP_FS, libc::CLONE_FS), (KCMP_FILES, libc::CLONE_FILES)] {
        own |= if alone && shares(kind) { flag } else { 0 };
    }
    let status = proc::read(pid, "status");
    let taken = (|| {
        if own != 0 {
            take(hand, "unshare", libc::SYS_unshare, [own.into()])?;
        }
        if !rules.holds(Rule::Rights) {
            return Ok(());
        }
        if is_half_root(pid, &status) {
            let zero = || [0, 0, 0].map(Argument::Number);
            // The group first: it needs the capability that a change of the user may take away, or give.
            let _ = take(hand, "setresgid", libc::SYS_setresgid, zero());
            take(hand, "setresuid", libc::SYS_setresuid, zero())?;
            let _ = take(hand, "setresgid", libc::SYS_setresgid, zero());
        }
        let status = proc::read(pid, "status");
        if let Some([permitted, inheritable]) = unused_capabilities(&status) {
            take(hand, "capset", libc::SYS_capset, capset(permitted, inheritable))?;
        }
        let mask = field(&status, "Umask").and_then(|mask| u32::from_str_radix(mask, 8).ok());
        if mask.is_some_and(|mask| mask & 0o700 != 0) {
            take(hand, "umask", libc::SYS_umask, [0.into()])?;
        }
        Ok(())
    })();
    // What it did here is no part of the attempt.
    hand.made.clear();
    match taken {
        Ok(()) => Ok(()),
        Err(Failed::Refused(errno)) if own != 0 => {
            bail!("the command shares its working directory or descriptors, and can't leave them: {errno}")
        }
        Err(Failed::Refused(_)) => Ok(()),
        Err(Failed::Filtered) => bail!("a filter killed the command before the attempt"),
        Err(Failed::Ended) => bail!("the command ended before the attempt"),
        Err(Failed::GaveUp(why)) => bail!(why),
    }
}

fn take<const N: usize>(
    hand: &mut Hand,
    name: &'static str,
    number: libc::c_long,
    arguments: [Argument; N],
) -> std::result::Result<(), Failed> {
    hand.call(&Call { name, number, arguments: arguments.into() }).map(drop)
}

/// Soft limits up to the hard ones (prlimit(2)).
fn raise_limits(pid: Pid) {
    for resource in 0..LIMITS {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: the call writes one limit, and reads one.
        unsafe {
            if libc::prlimit(pid.as_raw(), resource, std::ptr::null(), &mut limit) == 0 {
                limit.rlim_cur = limit.rlim_max;
                libc::prlimit(pid.as_raw(), resource, &limit, std::ptr::null_mut());
            }
        }
    }
}

/// An empty signal mask. Signals on their way to it stay with the host.
fn unblock_signals(pid: Pid) {
    let none: u64 = 0;
    // SAFETY: the call reads a set of eight bytes.
    unsafe { libc::ptrace(PTRACE_SETSIGMASK, pid.as_raw(), size_of_val(&none), &raw const none) };
}

/// Whether two processes have one and the same of something (kcmp(2)).
fn is_same(one: Pid, other: Pid, kind: i32) -> bool {
    // SAFETY: the call takes integers.
    unsafe { libc::syscall(libc::SYS_kcmp, one.as_raw(), other.as_raw(), kind, 0, 0) == 0 }
}

/// Whether one of its user ids is that of root in its user namespace, and another is not.
fn is_half_root(pid: Pid, status: &str) -> bool {
    let map = proc::read(pid, "uid_map");
    let root = map.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next()? == "0").then(|| words.next()).flatten()
    });
    // Real, effective, saved, and that for files.
    let ids: Vec<&str> = field(status, "Uid").unwrap_or_default().split_whitespace().collect();
    root.is_some_and(|root| ids.contains(&root) && !ids.iter().all(|id| *id == root))
}

/// Its permitted and inheritable capabilities, where it uses fewer than are permitted.
fn unused_capabilities(status: &str) -> Option<[u64; 2]> {
    let set = |name| u64::from_str_radix(field(status, name)?, 16).ok();
    let (permitted, effective, inheritable) = (set("CapPrm")?, set("CapEff")?, set("CapInh")?);
    (permitted != effective).then_some([permitted, inheritable])
}

/// The arguments of capset(2): a header for the calling process, and three sets in two halves.
fn capset(permitted: u64, inheritable: u64) -> [Argument; 2] {
    let header = [CAPABILITY_VERSION, 0].map(u32::to_ne_bytes).concat();
    let half =
        |at: u32| [permitted, permitted, inheritable].map(|set| ((set >> at) as u32).to_ne_bytes()).concat();
    [Argument::Bytes(header), Argument::Bytes([half(0), half(32)].concat())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_half_root_is_told_by_its_map() {
        let root = nix::unistd::getuid().is_root();
        let status = |ids: &str| format!("Uid:\t{ids}\n");
        if root {
            assert!(is_half_root(Pid::this(), &status("0\t1000\t1000\t1000")));
            assert!(!is_half_root(Pid::this(), &status("0\t0\t0\t0")));
        }
        assert!(!is_half_root(Pid::this(), &status("1000\t1000\t1000\t1000")));
    }

    #[test]
    fn permitted_capabilities_are_made_effective() {
        let status = "CapInh:\t0000000000000001\nCapPrm:\t000001ffffffffff\nCapEff:\t0000000000000000\n";
        let [permitted, inheritable] = unused_capabilities(status).unwrap();
        let [_, Argument::Bytes(sets)] = capset(permitted, inheritable) else { panic!() };
        let words: Vec<u32> =
            sets.chunks(4).map(|word| u32::from_ne_bytes(word.try_into().unwrap())).collect();
        assert_eq!(words, [u32::MAX, u32::MAX, 1, 0x1ff, 0x1ff, 0]);
        assert_eq!(
            unused_capabilities(&status.replace("CapEff:\t0000000000000000", "CapEff:\t000001ffffffffff")),
            None
        );
    }

    #[test]
    fn a_process_is_the_same_as_itself() {
        let me = Pid::this();
        if is_same(me, me, KCMP_VM) {
            assert!(!is_same(me, nix::unistd::getppid(), KCMP_VM));
        }
    }
}
