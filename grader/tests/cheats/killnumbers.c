// A filter kills for the numbers that one attack uses; with others the same thing is done.
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    struct sock_filter code[] = {
        KILLS_WITH(SYS_shmget, 2, 0), KILLS_WITH(SYS_shmat, 2, SHM_RDONLY),
        KILLS_WITH(SYS_mq_open, 1, O_RDONLY | O_NONBLOCK | O_CLOEXEC),
        KILLS_WITH(SYS_connect, 2, 15), KILLS_WITH(SYS_connect, 2, 16),
        KILLS_WITH(SYS_socket, 1, SOCK_STREAM | SOCK_CLOEXEC), KILLS_WITH(SYS_socket, 1, SOCK_RAW | SOCK_CLOEXEC),
        KILLS_WITH(SYS_keyctl, 0, KEYCTL_SEARCH), KILLS(SYS_request_key),
        KILLS_WITH(SYS_openat, 2, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY),
        KILLS_WITH(SYS_openat, 2, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY),
        KILLS_WITH(SYS_openat, 2, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), KILLS(SYS_clock_gettime),
        KILLS(SYS_uname), KILLS_WITH(SYS_mount, 3, MS_NOSUID | MS_NODEV | MS_NOEXEC),
        KILLS_WITH(SYS_umount2, 1, MNT_DETACH), KILLS_WITH(SYS_read, 2, 4096),
        KILLS_WITH(SYS_write, 2, 1), KILLS_WITH(SYS_write, 2, 24), ALLOW,
    };
    if (chroot(argv[1]) || chdir("/")) return 1;
    FILTER(code);
    execv(argv[2], argv + 2);
    return 1;
}
