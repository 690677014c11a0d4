//! A kernel that lacks something, or a container engine's filter: `lacks WORDS COMMAND...`. Each of the WORDS, with commas
//! between them, is a feature and how the kernel answers whoever asks for it: `mount_setattr=ENOSYS,time=EINVAL`. The
//! command and all that it starts are under the filter (seccomp(2)).

use std::ffi::{c_int, c_ulong};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

unsafe extern "C" {
    fn prctl(option: c_int, a: c_ulong, b: c_ulong, c: c_ulong, d: c_ulong) -> c_int;
}

// include/uapi/linux/prctl.h
const PR_SET_SECCOMP: c_int = 22;
const PR_SET_NO_NEW_PRIVS: c_int = 38;

// arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h
const X86_64: bool = cfg!(target_arch = "x86_64");
const CLONE: u32 = if X86_64 { 56 } else { 220 };
const UNSHARE: u32 = if X86_64 { 272 } else { 97 };
const PIVOT_ROOT: u32 = if X86_64 { 155 } else { 41 };

/// The system calls, by number.
const CALLS: [(&str, u32); 8] = [
    ("pivot_root", PIVOT_ROOT),
    ("pidfd_send_signal", 424),
    ("pidfd_open", 434),
    ("clone3", 435),
    ("close_range", 436),
    ("openat2", 437),
    ("pidfd_getfd", 438),
    ("mount_setattr", 442),
];

/// The namespaces, by their flag of unshare(2) and clone(2) (include/uapi/linux/sched.h). In clone(2) that of the time
/// namespace is part of the exit signal.
const NAMESPACES: [(&str, u32, &[u32]); 3] = [
    ("time", 0x80, &[UNSHARE]),
    ("cgroup", 0x0200_0000, &[UNSHARE, CLONE]),
    ("user", 0x1000_0000, &[UNSHARE, CLONE]),
];

/// include/uapi/asm-generic/errno-base.h
const ERRORS: [(&str, u32); 5] =
    [("EPERM", 1), ("EINVAL", 22), ("ENOSPC", 28), ("ENOSYS", 38), ("EACCES", 13)];

/// `struct sock_filter` and `struct sock_fprog` (include/uapi/linux/filter.h).
#[repr(C)]
struct Instruction(u16, u8, u8, u32);
#[repr(C)]
struct Program(u16, *const Instruction);

// Offsets in `struct seccomp_data`; the low word of an argument comes first.
const NUMBER: u32 = 0;
const FIRST_ARGUMENT: u32 = 16;

const ALLOW: u32 = 0x7fff_0000;
const ERRNO: u32 = 0x0005_0000;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let mut filter = Vec::new();
    for word in words[0].split(',') {
        let (feature, error) = word.split_once('=').expect("FEATURE=ERROR");
        add(&mut filter, feature, ERRNO | find(&ERRORS, error));
    }
    filter.push(Instruction(0x06, 0, 0, ALLOW));
    let program = Program(filter.len() as u16, filter.as_ptr());
    let ask = |option, a: c_ulong, b: c_ulong| {
        // SAFETY: both options take numbers, and the second a program that outlives the call.
        match unsafe { prctl(option, a, b, 0, 0) } {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    };
    // Root may load a filter as it is, and others under no_new_privs alone.
    let load = || ask(PR_SET_SECCOMP, 2, (&raw const program) as c_ulong);
    load().or_else(|_| ask(PR_SET_NO_NEW_PRIVS, 1, 0).and_then(|()| load())).unwrap();
    panic!("{}: {}", words[1], Command::new(&words[1]).args(&words[2..]).exec());
}

/// Adds what gives this answer where this feature is asked for.
fn add(filter: &mut Vec<Instruction>, feature: &str, answer: u32) {
    let load = |offset| Instruction(0x20, 0, 0, offset);
    let is = |number, skip| Instruction(0x15, 0, skip, number);
    let end = Instruction(0x06, 0, 0, answer);
    let Some((_, flag, calls)) = NAMESPACES.iter().find(|(name, ..)| *name == feature) else {
        filter.extend([load(NUMBER), is(find(&CALLS, feature), 1), end]);
        return;
    };
    for call in *calls {
        let has_flag = Instruction(0x45, 0, 1, *flag);
        let end = Instruction(0x06, 0, 0, answer);
        filter.extend([load(NUMBER), is(*call, 3), load(FIRST_ARGUMENT), has_flag, end]);
    }
}

fn find(table: &[(&str, u32)], name: &str) -> u32 {
    table.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("{name} is not known")).1
}
