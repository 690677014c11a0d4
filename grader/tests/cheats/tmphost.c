// Puts file systems of the host's over the directories in which the attack makes its own.
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    const char *names[] = {"tmp", "run", "var"};
    char path[4096];
    for (int nth = 0; nth < 3; nth++) {
        snprintf(path, sizeof path, "%s/%s", argv[1], names[nth]);
        mount("over", path, "tmpfs", MS_NODEV | MS_NOSUID, 0);
    }
    return run(argv);
}
