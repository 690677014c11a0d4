// A filter refuses the calls that are known for a thing, and forgets others that do the same: chmod, sigqueue, vfork, SOCK_PACKET, clock_settime.
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    struct sock_filter code[] = {
        FAILS(SYS_fchmod, EPERM), FAILS(SYS_fchmodat, EPERM), FAILS(SYS_kill, EPERM), FAILS(SYS_tgkill, EPERM),
        FAILS(SYS_tkill, EPERM), FAILS(SYS_pidfd_send_signal, EPERM), FAILS(SYS_clone, EPERM), FAILS(SYS_clone3, EPERM),
        FAILS(SYS_fork, EPERM), FAILS_WITH(SYS_socket, 0, AF_PACKET, EPERM), FAILS_WITH(SYS_socket, 2, 17, EPERM),
        FAILS(SYS_clock_adjtime, EPERM), FAILS(SYS_adjtimex, EPERM), FAILS(SYS_settimeofday, EPERM),
        FAILS(SYS_ptrace, EPERM), FAILS(SYS_process_vm_readv, EPERM), ALLOW,
    };
    if (chroot(argv[1]) || chdir("/")) return 1;
    FILTER(code);
    execv(argv[2], argv + 2);
    return 1;
}
