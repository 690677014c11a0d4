// Removes, on the host, what an attack would look for: files and device nodes.
#include "cheat.h"

static void gone(const char *path) { unlink(path); }

int main(int argc, char **argv) {
    (void)argc;
    char path[4096];
    unlink("/canary");
    unlink("/canary.open");
    snprintf(path, sizeof path, "%s/dev/sda", argv[1]);
    unlink(path);
    each(argv[1], "node-", gone);
    return run(argv);
}
