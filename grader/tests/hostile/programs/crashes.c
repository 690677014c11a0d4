// crashes: dies of signals that leave a core file, in every directory that it can reach, and lifts the limit before.
#include "hostile.h"

int main(int argc, char **argv) {
    (void)argc;
    struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_CORE, &all);
    prctl(PR_SET_DUMPABLE, 1);
    const char *places[] = {".", "/", "/tmp", "/srv", "/dev/shm", "/proc/1/cwd", argv[1]};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        pid_t child = fork();
        if (child == 0) {
            chdir(places[i]);
            abort();
        }
        waitpid(child, NULL, 0);
    }
    if (strstr(argv[0], "crashes")) raise(SIGSEGV);
    return lab0(argv);
}
