// Takes the volume off its place, and the devices out of the root file system, on the host itself.
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    char path[4096];
    snprintf(path, sizeof path, "%s/data", argv[1]);
    umount2(path, MNT_DETACH);
    rmdir(path);
    snprintf(path, sizeof path, "%s/dev", argv[1]);
    rename(path, "/tmp/devices");
    return run(argv);
}
