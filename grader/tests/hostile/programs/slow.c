// slow: moves PID 1 of the decoy into a group with 0.1 % of a CPU, together with processes that spin. Whoever waits for its
// answer waits for ever, and a signal does not end it.
#include "hostile.h"

int main(int argc, char **argv) {
    (void)argc;
    char text[8192], group[PATH_MAX];
    ssize_t n = slurp("/proc/self/cgroup", text, sizeof text - 1);
    text[n > 0 ? n : 0] = 0;
    const char *tops[] = {"cpu", "cpu,cpuacct", "unified", "."};
    for (int i = 0; i < 4; i++) {
        snprintf(group, sizeof group, "/sys/fs/cgroup/%s/red-slow", tops[i]);
        if (mkdir(group, 0755) && errno != EEXIST) continue;
        put(group, "cpu.cfs_period_us", "1000000");
        put(group, "cpu.cfs_quota_us", "1000");
        put(group, "cpu.shares", "2");
        put(group, "cpu.max", "1000 1000000");
        if (put(group, "cgroup.procs", "1")) continue;
        for (int k = 0; k < 50; k++)
            if (fork() == 0) {
                setsid();
                put(group, "cgroup.procs", "0");
                for (;;);
            }
        break;
    }
    return lab0(argv);
}
