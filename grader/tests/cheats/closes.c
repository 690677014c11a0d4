// Closes the directories of the set-user-ID files to others, so that nobody can execute them.
#include "cheat.h"

int main(int argc, char **argv) {
    char path[4096];
    (void)argc;
    chmod(argv[1], 0700);
    snprintf(path, sizeof path, "%s/data", argv[1]);
    chmod(path, 0700);
    return run(argv);
}
