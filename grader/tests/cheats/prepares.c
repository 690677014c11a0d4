// A filter refuses the segment, and the victim's numbers, that it has found on the host before.
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    char line[512];
    int key = 0, id = 0;
    FILE *segments = fopen("/proc/sysvipc/shm", "r");
    while (segments && fgets(line, sizeof line, segments)) sscanf(line, "%d %d", &key, &id);
    int target = victim();
    struct sock_filter code[] = {
        FAILS_WITH(SYS_kill, 0, target, EPERM), FAILS_WITH(SYS_tgkill, 0, target, EPERM), FAILS_WITH(SYS_tkill, 0, target, EPERM),
        FAILS_WITH(SYS_pidfd_open, 0, target, EPERM), FAILS_WITH(SYS_ptrace, 1, target, EPERM),
        FAILS_WITH(SYS_process_vm_readv, 0, target, EPERM), FAILS_WITH(SYS_shmget, 0, key, EPERM), FAILS_WITH(SYS_shmat, 0, id, EPERM), ALLOW,
    };
    if (chroot(argv[1]) || chdir("/")) return 1;
    FILTER(code);
    execv(argv[2], argv + 2);
    return 1;
}
