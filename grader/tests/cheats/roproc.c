// A filter forbids sethostname(2), and procfs, where the name can be written as well, is mounted read-only: it can be remounted.
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    char path[4096];
    struct sock_filter code[] = {FAILS(SYS_sethostname, EPERM), ALLOW};
    int is_another_way = !access("/proc/sys/kernel/hostname", W_OK);
    snprintf(path, sizeof path, "%s/proc", argv[1]);
    mkdir(path, 0755);
    if (mount("proc", path, "proc", 0, 0)) mount("/proc", path, 0, MS_BIND | MS_REC, 0);
    mount(0, path, 0, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, 0);
    if (chroot(argv[1]) || chdir("/")) return 1;
    if (is_another_way) FILTER(code);
    execv(argv[2], argv + 2);
    return 1;
}
