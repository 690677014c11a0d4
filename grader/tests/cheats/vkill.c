// Kills the host's process that is there to be attacked.
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    pid_t pid = victim();
    if (pid) kill(pid, SIGKILL);
    return run(argv);
}
