// swells: its command gets an environment and arguments of more than a megabyte, a title of its own, and all descriptors.
#include "hostile.h"

int main(int argc, char **argv) {
    static char value[100000], *environment[14], *arguments[64];
    memset(value, 'B', sizeof value - 1);
    memcpy(value, "RED=", 4);
    for (int i = 0; i < 13; i++) environment[i] = value;
    int words = 0;
    for (int i = 2; i < argc && words < 40; i++) arguments[words++] = argv[i];
    struct rlimit all;
    getrlimit(RLIMIT_NOFILE, &all);
    all.rlim_cur = all.rlim_max;
    setrlimit(RLIMIT_NOFILE, &all);
    for (int i = 0; i < 5000 && dup(2) >= 0; i++);
    prctl(PR_SET_NAME, "\033[2J\n) R 1");
    pid_t child = fork();
    if (child == 0) {
        if (chroot(argv[1]) || chdir("/")) _exit(1);
        execve(argv[2], arguments, environment);
        _exit(255);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
