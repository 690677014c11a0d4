// A filter opens nothing without opening it, O_PATH, and knows no openat2(2).
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    struct sock_filter code[] = {
        FAILS(SYS_openat2, EPERM), LOAD(0), IS(SYS_openat, 0, 3), LOAD(32),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_PATH, 0, 1), RETURN(SECCOMP_RET_ERRNO | EACCES), ALLOW,
    };
    if (chroot(argv[1]) || chdir("/")) return 1;
    FILTER(code);
    execv(argv[2], argv + 2);
    return 1;
}
