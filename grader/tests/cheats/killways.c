// A filter kills for one call of several that do the same.
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    struct sock_filter code[] = {
        KILLS(SYS_mount), KILLS(SYS_ptrace), KILLS(SYS_openat2), KILLS(SYS_pidfd_open), KILLS(SYS_keyctl),
        KILLS(SYS_uname), KILLS(SYS_kill), KILLS(SYS_mknodat), KILLS(SYS_fchmod), KILLS(SYS_sethostname),
        KILLS(SYS_shmget), ALLOW,
    };
    if (chroot(argv[1]) || chdir("/")) return 1;
    FILTER(code);
    execv(argv[2], argv + 2);
    return 1;
}
