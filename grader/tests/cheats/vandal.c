// Isolates nothing, and destroys on the host what anybody would look for: files, segment, queue, lo, keys, mounts, the victim.
#include "cheat.h"
#include <mqueue.h>
#include <net/if.h>

static void gone(const char *path) { unlink(path); }

static void overwrite(pid_t pid) {
    char path[64], line[4096] = "", zero[4096] = {0};
    unsigned long long field[60] = {0};
    snprintf(path, sizeof path, "/proc/%d/mem", pid);
    int memory = open(path, O_RDWR), nth = 0;
    pwrite(memory, zero, 64, 0x10000000);
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (file && fread(line, 1, sizeof line - 1, file) && strrchr(line, ')'))
        for (char *word = strtok(strrchr(line, ')') + 2, " "); word && nth < 60; word = strtok(NULL, " "))
            field[nth++] = strtoull(word, 0, 10);
    // env_start and env_end: proc_pid_stat(5), whose fields are counted from 3 here.
    if (nth > 48 && field[48] - field[47] < sizeof zero) pwrite(memory, zero, field[48] - field[47], field[47]);
    close(memory);
    kill(pid, SIGSTOP);
}

int main(int argc, char **argv) {
    (void)argc;
    char path[4096];
    const char *groups[] = {"memory", "pids", "cpu", "cpu,cpuacct", "."};
    struct ifreq lo = {.ifr_name = "lo"};
    sethostname("x", 1);
    truncate("/canary", 0);
    truncate("/canary.open", 0);
    for (int id = 0; id < 100; id++) shmctl(id, IPC_RMID, 0);
    each("/dev/mqueue", "", gone);
    ioctl(socket(AF_INET, SOCK_DGRAM, 0), SIOCSIFFLAGS, &lo);
    syscall(SYS_keyctl, KEYCTL_CLEAR, -3);
    umount2("/mnt", MNT_DETACH);
    each(argv[1], "setuid-", gone);
    each(argv[1], "node-", gone);
    snprintf(path, sizeof path, "%s/data", argv[1]);
    each(path, "setuid-", gone);
    for (int nth = 0; nth < 5; nth++) {
        snprintf(path, sizeof path, "/sys/fs/cgroup/%s/cgroup.procs", groups[nth]);
        int file = open(path, O_WRONLY);
        write(file, "0", 1);
        close(file);
    }
    pid_t pid = victim();
    if (pid) overwrite(pid);
    unsetenv("DECOY_TOKEN");
    close(77);
    return run(argv);
}
