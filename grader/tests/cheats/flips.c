// Takes the disk's nodes in the root file system away and puts them back, over and over, while the command runs.
#include "cheat.h"

static void away(const char *path) {
    char other[8300];
    snprintf(other, sizeof other, "%s.away", path);
    if (strstr(path, ".away")) return;
    rename(path, other);
    usleep(300);
    rename(other, path);
}

int main(int argc, char **argv) {
    (void)argc;
    if (is_helper())
        for (;; usleep(300)) each(argv[1], "node-", away);
    return run(argv);
}
