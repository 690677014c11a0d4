// nests: control groups that are hard to remove: 500 levels below each other with names of 200 bytes, 2,000 beside each
// other, without permission, of another owner, and with a process in the deepest.
#include "hostile.h"

static void nest(const char *top, int many) {
    char name[256], number[16];
    int fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    for (int i = 0; i < many; i++) {
        snprintf(name, sizeof name, "red-beside-%d", i);
        if (mkdirat(fd, name, 0755) && errno != EEXIST) break;
        if (i % 3 == 1) fchownat(fd, name, 1 + i % 100, 1 + i % 100, 0);
        if (i % 3 == 2) fchmodat(fd, name, 0, 0);
    }
    memset(name, 'x', 200);
    memcpy(name, "red", 3);
    name[200] = 0;
    for (int level = 0; level < 500; level++) {
        if (mkdirat(fd, name, 0755) && errno != EEXIST) break;
        int next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (next < 0) break;
        // Nobody comes in by that name again.
        if (level == 250) fchmodat(fd, name, 0, 0);
        close(fd);
        fd = next;
    }
    pid_t child = fork();
    if (child == 0) {
        setsid();
        pause();
        _exit(0);
    }
    snprintf(number, sizeof number, "%d", child);
    int procs = openat(fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    if (procs >= 0) write(procs, number, strlen(number));
    close(procs);
    close(fd);
}

int main(int argc, char **argv) {
    (void)argc;
    nest("/sys/fs/cgroup/pids", 0);
    nest("/sys/fs/cgroup/cpu", 2000);
    nest("/sys/fs/cgroup/cpu,cpuacct", 2000);
    nest("/sys/fs/cgroup", 2000);
    return lab0(argv);
}
