// The directories of the root file system are links to its top: whatever the attack makes lies elsewhere.
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    const char *names[] = {"dev", "etc", "tmp", "run", "mnt", "srv", "proc", "sys"};
    for (int nth = 0; nth < 8; nth++) {
        char path[4096], old[4096];
        snprintf(path, sizeof path, "%s/%s", argv[1], names[nth]);
        snprintf(old, sizeof old, "%s/old-%s", argv[1], names[nth]);
        rename(path, old);
        if (symlink("/", path)) return 1;
    }
    return run(argv);
}
