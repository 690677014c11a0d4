// In a mount namespace of its own it unmounts one of the host's mounts, /mnt, and leaves the rest.
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    unshare(CLONE_NEWNS);
    mount(0, "/", 0, MS_REC | MS_PRIVATE, 0);
    umount2("/mnt", MNT_DETACH);
    return run(argv);
}
