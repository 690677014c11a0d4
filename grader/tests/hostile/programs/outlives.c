// outlives: processes that try to outlive the trial: sessions of their own, namespaces of their own, every signal ignored,
// traced by each other, zombies, one in vfork(2), one on a fifo, and some that hold the program's streams.
#include "hostile.h"

static void forever(void) {
    for (int signal_number = 1; signal_number < 65; signal_number++) signal(signal_number, SIG_IGN);
    for (;;) pause();
}

int main(int argc, char **argv) {
    (void)argc;
    for (int i = 0; i < 5; i++)
        if (background()) forever();
    // Holds standard output and error.
    if (fork() == 0) {
        setsid();
        if (fork() == 0) forever();
        _exit(0);
    }
    if (background()) {
        unshare(CLONE_NEWUSER);
        unshare(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP);
        for (int i = 0; i < 5; i++)
            if (fork() == 0) forever();
        mount("red", "/tmp", "tmpfs", 0, NULL);
        forever();
    }
    // Two that trace each other's children, all stopped.
    if (background()) {
        pid_t child = fork();
        if (child == 0) {
            ptrace(PTRACE_TRACEME, 0, 0, 0);
            raise(SIGSTOP);
            forever();
        }
        waitpid(child, NULL, 0);
        ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACEEXIT);
        forever();
    }
    if (background()) {
        for (int i = 0; i < 200; i++)
            if (fork() == 0) _exit(0);
        forever();
    }
    if (background()) {
        if (vfork() == 0) {
            for (;;) pause();
        }
        _exit(0);
    }
    if (background()) {
        mkfifo("/tmp/red-fifo", 0600);
        open("/tmp/red-fifo", O_RDONLY);
        forever();
    }
    // A namespace that is kept by a mount.
    if (background()) {
        unshare(CLONE_NEWNET);
        close(open("/tmp/red-ns", O_CREAT | O_WRONLY, 0600));
        mount("/proc/self/ns/net", "/tmp/red-ns", NULL, MS_BIND, NULL);
        forever();
    }
    return lab0(argv);
}
