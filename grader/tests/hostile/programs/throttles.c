// throttles: mounts every hierarchy of control groups that there is, and one that there is not; in each it moves PID 1, its
// parent, the victim and processes of its own into groups that freeze, starve or choke them.
#include "hostile.h"

static void choke(const char *top) {
    const char *files[][2] = {
        {"cpu.cfs_period_us", "1000000"}, {"cpu.cfs_quota_us", "1000"}, {"cpu.shares", "2"}, {"cpu.max", "1000 1000000"}, {"cpu.weight", "1"},
        {"cpuset.mems", "0"}, {"cpuset.cpus", "0"}, {"memory.limit_in_bytes", "65536"}, {"memory.high", "0"}, {"memory.max", "65536"},
        {"memory.oom_control", "1"}, {"pids.max", "0"}, {"blkio.weight", "10"}, {"devices.deny", "a"}, {"cgroup.max.depth", "0"}};
    char group[PATH_MAX], deeper[PATH_MAX + 16], number[16];
    snprintf(group, sizeof group, "%s/red-choke", top);
    snprintf(deeper, sizeof deeper, "%s/red-choke", group);
    mkdir(group, 0755);
    mkdir(deeper, 0755);
    put(group, "cpuset.mems", "0");
    put(group, "cpuset.cpus", "0");
    put(top, "cgroup.subtree_control", "+cpu +memory +pids +cpuset");
    const char *places[] = {deeper, group};
    for (int place = 0; place < 2; place++) {
        put(places[place], "cgroup.procs", "1");
        snprintf(number, sizeof number, "%d", getppid());
        put(places[place], "cgroup.procs", number);
        for (int pid = 2; pid < 40; pid++)
            if (pid != getpid()) {
                snprintf(number, sizeof number, "%d", pid);
                put(places[place], "cgroup.procs", number);
            }
        for (size_t i = 0; i < sizeof files / sizeof *files; i++) put(places[place], files[i][0], files[i][1]);
        for (int i = 0; i < 2; i++)
            if (fork() == 0) {
                setsid();
                put(places[place], "cgroup.procs", "0");
                for (;;);
            }
        put(places[place], "freezer.state", "FROZEN");
        put(places[place], "cgroup.freeze", "1");
        // What it is allowed itself.
        put(top, "notify_on_release", "1");
    }
}

int main(int argc, char **argv) {
    (void)argc;
    const char *all[] = {"cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "net_cls", "perf_event", "hugetlb", "cpu,cpuacct",
                         "none,name=systemd", "none,name=red-named"};
    char at[64];
    mkdir("/tmp/red-groups", 0755);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        snprintf(at, sizeof at, "/tmp/red-groups/%zu", i);
        mkdir(at, 0755);
        if (mount("red", at, "cgroup", 0, all[i]) == 0) choke(at);
        snprintf(at, sizeof at, "/sys/fs/cgroup/%s", all[i]);
        choke(at);
    }
    mkdir("/tmp/red-groups/2", 0755);
    mkdir("/tmp/red-groups/unified", 0755);
    if (mount("red", "/tmp/red-groups/unified", "cgroup2", 0, NULL) == 0) choke("/tmp/red-groups/unified");
    choke("/sys/fs/cgroup");
    return lab0(argv);
}
