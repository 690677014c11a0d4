// A filter answers with the errnos of a container: no such file, segment, queue or key; nobody listens; read-only.
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    struct sock_filter code[] = {
        FAILS(SYS_shmget, ENOENT), FAILS(SYS_shmat, EINVAL), FAILS(SYS_mq_open, ENOENT), FAILS(SYS_connect, ECONNREFUSED),
        FAILS(SYS_keyctl, ENOKEY), FAILS(SYS_request_key, ENOKEY), FAILS(SYS_kill, ESRCH), FAILS(SYS_ptrace, ESRCH),
        FAILS(SYS_pidfd_open, ESRCH), FAILS(SYS_umount2, EINVAL), FAILS(SYS_setns, EINVAL), FAILS(SYS_sethostname, EINVAL),
        FAILS(SYS_clock_adjtime, EINVAL), FAILS(SYS_io_uring_setup, ENOMEM), FAILS(SYS_personality, EINVAL), FAILS(SYS_tkill, ESRCH),
        FAILS(SYS_tgkill, ESRCH), FAILS(SYS_rt_sigqueueinfo, ESRCH), FAILS(SYS_rt_tgsigqueueinfo, ESRCH), ALLOW,
    };
    if (chroot(argv[1]) || chdir("/")) return 1;
    FILTER(code);
    execv(argv[2], argv + 2);
    return 1;
}
