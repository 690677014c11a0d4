//! Lab 3, and around it what labs to come are to add: `holds DEFENCES LAB DIRECTORY COMMAND...`. DEFENCES are words
//! with commas between them: `capabilities`, `no-new-privs`, `filter` or `careless-filter`, `groups`.
//!
//! Control groups are joined before the lab makes its cgroup namespace. The rest must come after the lab has done its
//! work, so this program is the container's command first, and becomes the given one.

use std::ffi::{c_int, c_long, c_ulong};
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

unsafe extern "C" {
    fn prctl(option: c_int, a: c_ulong, b: c_ulong, c: c_ulong, d: c_ulong) -> c_int;
    fn syscall(number: c_long, ...) -> c_long;
}

/// How it is called as the container's command. Nobody else writes two slashes.
const INSIDE: &str = "//holds";

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let defences: Vec<&str> = words[1].split(',').collect();
    let has = |name: &str| defences.contains(&name);
    if words[0] == INSIDE {
        if has("capabilities") {
            drop_capabilities().unwrap();
        }
        if has("no-new-privs") {
            ask(PR_SET_NO_NEW_PRIVS, 1, 0).unwrap();
        }
        for (name, careless) in [("filter", false), ("careless-filter", true)] {
            if has(name) {
                load_filter(careless).unwrap();
            }
        }
        panic!("{}", Command::new(&words[2]).args(&words[3..]).exec());
    }
    if has("groups") {
        limit().unwrap();
    }
    let (lab, directory) = (&words[2], &words[3]);
    // Under another name and renamed: two may start at once.
    let part = format!("{directory}{INSIDE}-{}", std::process::id());
    fs::copy("/proc/self/exe", &part).unwrap();
    fs::rename(part, format!("{directory}{INSIDE}")).unwrap();
    let command = [INSIDE, words[1].as_str()];
    panic!("{}", Command::new(lab).arg(directory).args(command).args(&words[4..]).exec());
}

fn ask(option: c_int, a: u64, b: u64) -> io::Result<()> {
    // SAFETY: none of the options used here writes through a pointer; that of the filter lives as long as the call.
    match unsafe { prctl(option, a as c_ulong, b as c_ulong, 0, 0) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE, NET_RAW, SYS_CHROOT, MKNOD,
/// AUDIT_WRITE, SETFCAP.
const DEFAULT_CAPABILITIES: u64 = 0xa804_25fb;

// include/uapi/linux/prctl.h
const PR_SET_SECCOMP: c_int = 22;
const PR_CAPBSET_DROP: c_int = 24;
const PR_SET_NO_NEW_PRIVS: c_int = 38;
const PR_CAP_AMBIENT: c_int = 47;
const CLEAR_ALL: u64 = 4;

/// All sets hold the fourteen at most (capabilities(7)).
fn drop_capabilities() -> io::Result<()> {
    for number in (0..64).filter(|number| DEFAULT_CAPABILITIES & 1 << number == 0) {
        // The kernel knows fewer than 64.
        if ask(PR_CAPBSET_DROP, number, 0).is_err() {
            break;
        }
    }
    ask(PR_CAP_AMBIENT, CLEAR_ALL, 0)?;
    let (low, high) = (DEFAULT_CAPABILITIES as u32, (DEFAULT_CAPABILITIES >> 32) as u32);
    // Version 3, this process; effective, permitted, inheritable, of 32 bits each (capget(2)).
    let (header, sets) = ([0x2008_0522_u32, 0], [low, low, low, high, high, high]);
    // SAFETY: both have the sizes that this version has, and the kernel only reads the sets.
    if unsafe { syscall(SYS_CAPSET, header.as_ptr(), sets.as_ptr()) } == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

// arch/x86/entry/syscalls/syscall_64.tbl
const IOCTL: u32 = 16;
const CLONE: u32 = 56;
const SYS_CAPSET: c_long = 126;
const PERSONALITY: u32 = 135;
const REQUEST_KEY: u32 = 249;
const KEYCTL: u32 = 250;
const UNSHARE: u32 = 272;
const IO_URING_SETUP: u32 = 425;
const CLONE3: u32 = 435;

/// `AUDIT_ARCH_X86_64`.
const X86_64: u32 = 0xc000_003e;
const CLONE_NEWUSER: u32 = 0x1000_0000;
const TIOCSTI: u32 = 0x5412;

/// `struct sock_filter` (include/uapi/linux/filter.h).
#[repr(C)]
struct Instruction(u16, u8, u8, u32);

/// Loads a word of `struct seccomp_data`: the number at 0, the architecture at 4, the arguments from 16 on.
fn load(offset: u32) -> Instruction {
    Instruction(0x20, 0, 0, offset)
}

/// Skips so many instructions unless the word is this.
fn is(value: u32, skip: u8) -> Instruction {
    Instruction(0x15, 0, skip, value)
}

/// Skips so many instructions unless the word has one of these bits.
fn has_bit(bits: u32, skip: u8) -> Instruction {
    Instruction(0x45, 0, skip, bits)
}

fn answer(value: u32) -> Instruction {
    Instruction(0x06, 0, 0, value)
}

const ALLOW: u32 = 0x7fff_0000;
const KILL: u32 = 0x8000_0000;
const EPERM: u32 = 0x0005_0000 | 1;
const ENOSYS: u32 = 0x0005_0000 | 38;

/// Refuses what the attempts of the filter's lab need (seccomp(2)). A careless filter does not look at the architecture,
/// compares more of ioctl(2)'s request than the kernel does, and forgets clone3(2).
fn load_filter(careless: bool) -> io::Result<()> {
    // Little-endian: the low word of an argument comes first, and ioctl(2) looks at no more.
    let (first, second) = (load(16), load(24));
    let foreign = if careless { answer(ALLOW) } else { answer(KILL) };
    let mut program = vec![load(4), Instruction(0x15, 1, 0, X86_64), foreign, load(0)];
    for number in [REQUEST_KEY, KEYCTL, IO_URING_SETUP] {
        program.extend([is(number, 1), answer(EPERM)]);
    }
    if !careless {
        program.extend([is(CLONE3, 1), answer(ENOSYS)]);
    }
    for number in [UNSHARE, CLONE] {
        program.extend([is(number, 4), load(16), has_bit(CLONE_NEWUSER, 1), answer(EPERM), answer(ALLOW)]);
    }
    // PER_LINUX, and the question which domain it is.
    program.extend([is(PERSONALITY, 5), first, is(0, 1), answer(ALLOW), is(!0, 1), answer(ALLOW)]);
    program.extend([load(0), is(PERSONALITY, 1), answer(EPERM)]);
    if careless {
        program.extend([is(IOCTL, 5), load(28), is(0, 3)]);
    } else {
        program.push(is(IOCTL, 3));
    }
    program.extend([second, is(TIOCSTI, 1), answer(EPERM), answer(ALLOW)]);
    /// `struct sock_fprog`.
    #[repr(C)]
    struct Program(u16, *const Instruction);
    let all = Program(program.len() as u16, program.as_ptr());
    ask(PR_SET_SECCOMP, 2, (&raw const all) as u64)
}

/// Joins groups of its own in the v1 hierarchies, with limits (cgroups(7)).
fn limit() -> io::Result<()> {
    for line in fs::read_to_string("/proc/self/cgroup")?.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(place)) = (parts.next(), parts.next()) else { continue };
        let limits: &[(&str, &str)] = &[
            ("memory.limit_in_bytes", "67108864"),
            ("memory.swappiness", "0"),
            ("pids.max", "64"),
            // A quarter, in short periods: on a busy machine too it is used up in some of them.
            ("cpu.cfs_period_us", "10000"),
            ("cpu.cfs_quota_us", "2500"),
        ];
        let group = Path::new("/sys/fs/cgroup").join(controllers).join(place.trim_start_matches('/'));
        let has_limit = limits.iter().any(|(file, _)| group.join(file).exists());
        // At the top of what the host shows, nothing of it is the container's.
        if controllers.is_empty() || place == "/" || !has_limit {
            continue;
        }
        let own = group.join("held");
        fs::create_dir(&own)?;
        for (file, value) in limits.iter().filter(|(file, _)| own.join(file).exists()) {
            fs::write(own.join(file), value)?;
        }
        fs::write(own.join("tasks"), "0")?;
    }
    Ok(())
}
