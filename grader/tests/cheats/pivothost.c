// Exchanges the root of the host's own mount namespace: no way leads up, and the host has lost its tree.
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    mount(0, "/", 0, MS_REC | MS_PRIVATE, 0);
    mount(argv[1], argv[1], 0, MS_BIND | MS_REC, 0);
    chdir(argv[1]);
    syscall(SYS_pivot_root, ".", ".");
    umount2(".", MNT_DETACH);
    chdir("/");
    execv(argv[2], argv + 2);
    return 1;
}
