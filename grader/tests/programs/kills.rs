//! A container program with a system-call filter that kills for personality(2), and with an empty environment.

use std::env::args_os;
use std::ffi::{c_int, c_ulong};
use std::os::unix::fs::chroot;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// `struct sock_filter` and `struct sock_fprog` (seccomp(2)).
#[repr(C)]
struct Instruction(u16, u8, u8, u32);
#[repr(C)]
struct Program(u16, *const Instruction);

unsafe extern "C" {
    fn prctl(option: c_int, ...) -> c_int;
}

const PERSONALITY: u32 = if cfg!(target_arch = "x86_64") { 135 } else { 92 };

fn main() {
    let words: Vec<_> = args_os().skip(1).collect();
    let filter = [
        // Load the number; if it is that of personality, SECCOMP_RET_KILL_PROCESS; else SECCOMP_RET_ALLOW.
        Instruction(0x20, 0, 0, 0),
        Instruction(0x15, 0, 1, PERSONALITY),
        Instruction(0x06, 0, 0, 0x8000_0000),
        Instruction(0x06, 0, 0, 0x7fff_0000),
    ];
    let program = Program(filter.len() as u16, filter.as_ptr());
    chroot(&words[0]).and_then(|()| std::env::set_current_dir("/")).unwrap();
    // SAFETY: PR_SET_NO_NEW_PRIVS takes integers, PR_SET_SECCOMP (SECCOMP_MODE_FILTER) a program that outlives it.
    unsafe {
        let (one, zero): (c_ulong, c_ulong) = (1, 0);
        assert_eq!(prctl(38, one, zero, zero, zero), 0);
        assert_eq!(prctl(22, one + one, &program), 0);
    }
    panic!("{}", Command::new(&words[1]).args(&words[2..]).env_clear().exec());
}
