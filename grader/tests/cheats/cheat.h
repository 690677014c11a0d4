// What the programs beside this file share: each is lab 0, a chroot, and one trick.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

// A system-call filter: a call, or one with this in the low half of an argument, fails with an errno.
#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)
#define IS(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, what)
#define FAILS(number, err) LOAD(0), IS(number, 0, 1), RETURN(SECCOMP_RET_ERRNO | (err))
#define FAILS_WITH(number, nth, value, err) \
    LOAD(0), IS(number, 0, 3), LOAD(16 + 8 * (nth)), IS(value, 0, 1), RETURN(SECCOMP_RET_ERRNO | (err))
#define KILLS(number) LOAD(0), IS(number, 0, 1), RETURN(SECCOMP_RET_KILL_PROCESS)
#define KILLS_WITH(number, nth, value) \
    LOAD(0), IS(number, 0, 3), LOAD(16 + 8 * (nth)), IS(value, 0, 1), RETURN(SECCOMP_RET_KILL_PROCESS)
#define ASKS(number) LOAD(0), IS(number, 0, 1), RETURN(SECCOMP_RET_USER_NOTIF)
#define ALLOW RETURN(SECCOMP_RET_ALLOW)
#define FILTER(code) load(code, sizeof(code) / sizeof *(code), 0)
#define SUPERVISE(code) load(code, sizeof(code) / sizeof *(code), SECCOMP_FILTER_FLAG_NEW_LISTENER)

static inline int load(struct sock_filter *code, int length, int flags) {
    struct sock_fprog filter = {length, code};
    int made = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
    if (made < 0) exit(9);
    return made;
}

// Executes the command in a chroot.
static inline int run(char **argv) {
    if (chroot(argv[1]) || chdir("/")) return 1;
    execv(argv[2], argv + 2);
    return 1;
}

// Executes it on the host itself, by its path there.
static inline int run_outside(char **argv) {
    char program[4096];
    snprintf(program, sizeof program, "%s%s", argv[1], argv[2]);
    execv(program, argv + 2);
    return 1;
}

// Whether this is a process of its own, which ends with the command. It holds none of the command's streams.
static inline int is_helper(void) {
    pid_t command = getpid();
    if (fork()) return 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    return getppid() == command;
}

// The process on the host that is there to be attacked.
static inline pid_t victim(void) {
    DIR *all = opendir("/proc");
    struct dirent *entry;
    while (all && (entry = readdir(all))) {
        char path[300], words[4096];
        int pid = atoi(entry->d_name), file;
        if (pid < 2 || pid == getpid()) continue;
        snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
        if ((file = open(path, O_RDONLY)) < 0) continue;
        ssize_t length = read(file, words, sizeof words - 1);
        close(file);
        if (length > 0 && memmem(words, length, "--victim", 8)) return pid;
    }
    return 0;
}

// Does something with each file of a directory whose name begins with a word.
static inline void each(const char *directory, const char *begin, void (*act)(const char *)) {
    DIR *all = opendir(directory);
    struct dirent *entry;
    while (all && (entry = readdir(all))) {
        char path[8192];
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        if (entry->d_name[0] != '.' && !strncmp(entry->d_name, begin, strlen(begin))) act(path);
    }
    if (all) closedir(all);
}

static char mounts_before[1 << 16], mounts_now[1 << 16];

static inline void read_mounts(char *into, ssize_t room) {
    int file = open("/proc/self/mountinfo", O_RDONLY);
    ssize_t length = 0, more;
    while (length < room - 1 && (more = read(file, into + length, room - 1 - length)) > 0) length += more;
    into[length] = 0;
    close(file);
}

// Notes which mounts there are.
static inline void note_mounts(void) {
    mounts_before[0] = '\n';
    read_mounts(mounts_before + 1, sizeof mounts_before - 1);
}

// Unmounts those that were not there then.
static inline void undo_mounts(void) {
    char *rest, key[64], at[4096];
    read_mounts(mounts_now, sizeof mounts_now);
    for (char *line = strtok_r(mounts_now, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        int id;
        if (sscanf(line, "%d %*s %*s %*s %4095s", &id, at) != 2) continue;
        snprintf(key, sizeof key, "\n%d ", id);
        if (!strstr(mounts_before, key)) umount2(at, MNT_DETACH);
    }
}
