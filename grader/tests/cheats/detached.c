// Its working directory is a mount that nobody can reach any more: from there no way leads up.
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    mkdir("/tmp/gone", 0700);
    mount("gone", "/tmp/gone", "tmpfs", 0, 0);
    chdir("/tmp/gone");
    umount2("/tmp/gone", MNT_DETACH);
    if (chroot(argv[1])) return 1;
    execv(argv[2], argv + 2);
    return 1;
}
