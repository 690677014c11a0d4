// A filter refuses only how an attacker calls, and hardly anybody else: with O_CLOEXEC, without a size.
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    struct sock_filter code[] = {
        FAILS_WITH(SYS_openat, 2, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, EACCES),
        FAILS_WITH(SYS_shmget, 2, 0, EACCES),
        FAILS_WITH(SYS_mq_open, 1, O_RDONLY | O_CLOEXEC | O_NONBLOCK, EACCES),
        FAILS_WITH(SYS_socket, 1, SOCK_STREAM | SOCK_CLOEXEC, EACCES),
        FAILS_WITH(SYS_socket, 1, SOCK_RAW | SOCK_CLOEXEC, EACCES), ALLOW,
    };
    if (chroot(argv[1]) || chdir("/")) return 1;
    FILTER(code);
    execv(argv[2], argv + 2);
    return 1;
}
