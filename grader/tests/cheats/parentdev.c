// The root directory is no mount point: it lies on a read-only bind mount, without devices, of the directory above it.
#include "cheat.h"
#include <libgen.h>

int main(int argc, char **argv) {
    (void)argc;
    char above[4096];
    snprintf(above, sizeof above, "%s", argv[1]);
    dirname(above);
    unshare(CLONE_NEWNS);
    mount(0, "/", 0, MS_REC | MS_PRIVATE, 0);
    mount(above, above, 0, MS_BIND | MS_REC, 0);
    mount(0, above, 0, MS_BIND | MS_REMOUNT | MS_NODEV | MS_RDONLY, 0);
    return run(argv);
}
