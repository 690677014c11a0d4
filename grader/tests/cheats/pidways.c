// New namespaces, and a descriptor of a process outside of them left open (pidfd_open(2)): a setns(2) leads back.
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    pid_t helper = fork();
    if (!helper) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (int stream = 0; stream < 3; stream++) close(stream);
        for (;;) pause();
    }
    dup2(syscall(SYS_pidfd_open, helper, 0), 33);
    unshare(CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP | CLONE_NEWNS);
    mount(0, "/", 0, MS_REC | MS_PRIVATE, 0);
    return run(argv);
}
