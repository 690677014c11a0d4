// Makes more mounts on the host than anybody would look at, and executes the command in a chroot.
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    char path[4096];
    for (int nth = 0; nth < 9000; nth++) {
        snprintf(path, sizeof path, "/tmp/%0200d", nth);
        mkdir(path, 0700);
        if (mount("many", path, "tmpfs", 0, "size=4k")) break;
    }
    return run(argv);
}
