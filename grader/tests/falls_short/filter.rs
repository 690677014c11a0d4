// A system-call filter (seccomp(2)) that refuses what some attempts need, and lets the rest pass.
use nix::libc;
let op = |code: u32, jt: u8, jf: u8, k: u32| libc::sock_filter { code: code as u16, jt, jf, k };
// The fields of `struct seccomp_data`: the number, the architecture, the low halves of the arguments.
let load = |at: u32| op(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, at);
let (number, architecture, argument) = (load(0), load(4), |index: u32| load(16 + 8 * index));
// Goes on with the next instruction if it is so, and passes over some if not.
let equal = |what: u32, else_over: u8| op(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, else_over, what);
let has = |bit: u32, else_over: u8| op(libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K, 0, else_over, bit);
let answer = |what: u32| op(libc::BPF_RET | libc::BPF_K, 0, 0, what);
let refuse = |errno: i32| answer(libc::SECCOMP_RET_ERRNO | errno as u32);
let (eperm, allow) = (refuse(libc::EPERM), answer(libc::SECCOMP_RET_ALLOW));

// AUDIT_ARCH_X86_64 and AUDIT_ARCH_AARCH64: numbers of another architecture are no numbers of ours.
let own = if cfg!(target_arch = "x86_64") { 0xc000_003e } else { 0xc000_00b7 };
let is_own = op(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 1, 0, own);
let mut filter = vec![architecture, is_own, eperm, number];
filter.extend([equal(libc::SYS_clone3 as u32, 1), refuse(libc::ENOSYS)]);
for call in [libc::SYS_keyctl, libc::SYS_personality, libc::SYS_io_uring_setup] {
    filter.extend([equal(call as u32, 1), eperm]);
}
for call in [libc::SYS_unshare, libc::SYS_clone] {
    filter.extend([equal(call as u32, 4), argument(0), has(libc::CLONE_NEWUSER as u32, 1), eperm, allow]);
}
filter.extend([equal(libc::SYS_ioctl as u32, 4), argument(1), equal(libc::TIOCSTI as u32, 1), eperm, allow]);
filter.push(allow);
let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
// SAFETY: the program outlives the call. Who has CAP_SYS_ADMIN needs no no_new_privs.
let loaded = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program, 0, 0) };
assert_eq!(loaded, 0, "{}", std::io::Error::last_os_error());
