// What the hostile programs share.
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mqueue.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

// No container at all: chroot(2), and the command.
static inline int lab0(char **argv) {
    pid_t child = fork();
    if (child == 0) {
        if (chroot(argv[1]) || chdir("/")) _exit(1);
        execv(argv[2], argv + 2);
        _exit(255);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// 1 in a process of its own session that is nobody's child and holds no descriptor; 0 in the caller.
static inline int background(void) {
    pid_t child = fork();
    if (child) {
        waitpid(child, NULL, 0);
        return 0;
    }
    setsid();
    if (fork()) _exit(0);
    for (int fd = 0; fd < 1024; fd++) close(fd);
    return 1;
}

// Writes text to a file that is there. 0, or an errno.
static inline int put(const char *directory, const char *file, const char *text) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", directory, file);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return errno;
    int failed = write(fd, text, strlen(text)) < 0 ? errno : 0;
    close(fd);
    return failed;
}

// The words that are only the caller's: `SECRET_OF_THE_CALLER=`, and random digits. Prints the first one in a piece of
// memory, and says whether there was one. The needle is put together here, so that it is in no memory of ours.
static inline int tell(int out, const char *where, const char *text, size_t length) {
    char needle[32];
    snprintf(needle, sizeof needle, "%s%s", "_OF_THE", "_CALLER=");
    size_t whole = strlen(needle);
    const char *at = text, *end = text + length;
    while (at < end && (at = memmem(at, end - at, needle, whole))) {
        const char *word = at + whole;
        int digits = 0;
        while (word + digits < end && digits < 24 && isxdigit((unsigned char)word[digits])) digits++;
        if (digits == 24) {
            dprintf(out, "%s: %.8s%s%.24s\n", where, at >= text + 8 ? at - 8 : "", needle, word);
            return 1;
        }
        at = word;
    }
    return 0;
}

// Reads a file, at most `size` bytes, without waiting.
static inline ssize_t slurp(const char *path, char *text, size_t size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return -1;
    ssize_t all = 0, n;
    while ((size_t)all < size && (n = read(fd, text + all, size - all)) > 0) all += n;
    close(fd);
    return all;
}
