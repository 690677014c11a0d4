// Traces the host's process that is there to be attacked: nobody else can (ptrace(2)).
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    pid_t pid = victim();
    if (pid) ptrace(PTRACE_SEIZE, pid, 0, 0);
    return run(argv);
}
