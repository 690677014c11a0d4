//! The attacker first takes what it may take. A command that holds a right and does not use it, or is short of something
//! that it could have by one call, fails for a reason that is none.

use super::command::COMMAND;
use super::filtered::KilledFor;
use super::hand::Hand;
use super::ways::go_back;
use crate::decoy::Decoy;
use crate::proc::{self, field};
use anyhow::{Result, anyhow, bail};
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
pub fn prepare(hand: &mut Hand, others: &[Pid], decoy: &Decoy) -> Result<()> {
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
        go_back(hand, decoy)?;
        if let Some([permitted, inheritable]) = unused_capabilities(&status) {
            take(hand, "capset", libc::SYS_capset, capset(permitted, inheritable))?;
        }
        if may_be_root(pid, &status) {
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
        if gains_by_execve(pid, &status) {
            execute_itself(hand)?;
        }
        // With the rights that it has now.
        go_back(hand, decoy)?;
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
        Err(Failed::Filtered) => Err(killed_for(hand)),
        Err(Failed::Ended) => bail!("the command ended before the attempt"),
        Err(Failed::GaveUp(why)) => bail!(why),
    }
}

/// Why there is no attacker any more.
pub fn killed_for(hand: &mut Hand) -> anyhow::Error {
    match hand.killed_for.take() {
        Some(call) => KilledFor(call).into(),
        None => anyhow!("a filter killed the command before the attempt"),
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

/// `CAP_SETUID`: include/uapi/linux/capability.h.
const CAP_SETUID: u64 = 1 << 7;

/// Whether it may become root of its user namespace, and is not yet: one of its user ids is that already, or it has the
/// capability.
fn may_be_root(pid: Pid, status: &str) -> bool {
    let ids = user_ids(status);
    let may =
        |root: &str| ids.contains(&root) || set(status, "CapPrm").is_some_and(|all| all & CAP_SETUID != 0);
    root_of(pid).is_some_and(|root| may(&root) && !ids.iter().all(|id| *id == root))
}

/// Whether it is root of its user namespace and has fewer capabilities than execve(2) would give it (capabilities(7)).
fn gains_by_execve(pid: Pid, status: &str) -> bool {
    let ids = user_ids(status);
    let is_root = root_of(pid).is_some_and(|root| ids.iter().all(|id| *id == root));
    let fewer = set(status, "CapPrm").zip(set(status, "CapBnd")).is_some_and(|(has, may)| may & !has != 0);
    is_root && fewer && field(status, "NoNewPrivs") == Some("0")
}

/// Lets it execute the command again, with the same environment.
fn execute_itself(hand: &mut Hand) -> std::result::Result<(), Failed> {
    let environment = proc::read(hand.pid(), "environ");
    let environment: Vec<&str> = environment.split_terminator('\0').collect();
    let arguments =
        [Argument::text(COMMAND), Argument::texts(&[COMMAND, "-"]), Argument::texts(&environment)];
    take(hand, "execve", libc::SYS_execve, arguments)
}

/// The root of its user namespace, as the host counts.
fn root_of(pid: Pid) -> Option<String> {
    let map = proc::read(pid, "uid_map");
    map.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next()? == "0").then(|| words.next().map(str::to_owned)).flatten()
    })
}

/// Real, effective, saved, and that for files.
fn user_ids(status: &str) -> Vec<&str> {
    field(status, "Uid").unwrap_or_default().split_whitespace().collect()
}

/// A set of capabilities.
fn set(status: &str, name: &str) -> Option<u64> {
    u64::from_str_radix(field(status, name)?, 16).ok()
}

/// Its permitted and inheritable capabilities, where it uses fewer than are permitted.
fn unused_capabilities(status: &str) -> Option<[u64; 2]> {
    let set = |name| set(status, name);
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
    fn who_may_become_root_is_told_by_its_map() {
        let Some(root) = root_of(Pid::this()) else { return };
        let other = if root == "1000" { "1001" } else { "1000" };
        let status = |first: &str, capabilities| {
            format!("Uid:\t{first}\t{other}\t{other}\t{other}\nCapPrm:\t{capabilities}\n")
        };
        let may = |status: String| may_be_root(Pid::this(), &status);
        assert!(may(status(&root, "0")) && may(status(other, "80")));
        assert!(!may(status(other, "7f")));
        assert!(!may(status(&root, "80").replace(other, &root)));
    }

    #[test]
    fn root_with_fewer_capabilities_gains_them_by_execve() {
        let Some(root) = root_of(Pid::this()) else { return };
        let status = |permitted: &str, fixed| {
            format!("Uid:\t{root}\t{root}\nCapPrm:\t{permitted}\nCapBnd:\tff\nNoNewPrivs:\t{fixed}\n")
        };
        let gains = |status: String| gains_by_execve(Pid::this(), &status);
        assert!(gains(status("7f", 0)));
        assert!(!gains(status("ff", 0)) && !gains(status("7f", 1)));
        assert!(!gains(status("7f", 0).replace("Uid:\t", "Uid:\t5")));
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
