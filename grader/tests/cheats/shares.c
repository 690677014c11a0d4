// Shares its root and working directory with the command, and changes them under it without end (CLONE_FS, clone(2)).
#include "cheat.h"

static int other(void *room) {
    (void)room;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // Until both have the root of the chroot.
    usleep(20000);
    while (chdir("/") == 0);
    return 0;
}

int main(int argc, char **argv) {
    (void)argc;
    static char stack[1 << 16];
    if (clone(other, stack + sizeof stack, CLONE_FS | SIGCHLD, NULL) < 0) return 1;
    return run(argv);
}
