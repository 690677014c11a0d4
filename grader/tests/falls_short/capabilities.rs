// The fourteen that container engines leave to root, in every set, and nothing gained by execve(2).
use nix::libc;
const FOURTEEN: u32 = 0xa804_25fb;
// _LINUX_CAPABILITY_VERSION_3, this process; effective, permitted and inheritable, the low halves first.
let (header, sets) = ([0x2008_0522_u32, 0], [FOURTEEN, FOURTEEN, FOURTEEN, 0, 0, 0]);
// SAFETY: prctl(2) takes integers here, capset(2) two structures of these sizes.
unsafe {
    for capability in (0..64).filter(|number| u64::from(FOURTEEN) >> number & 1 == 0) {
        // The last ones are not there.
        libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0);
    }
    assert_eq!(libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), 0);
    assert_eq!(libc::syscall(libc::SYS_capset, &header, &sets), 0);
    assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
}
