// Puts a script into the set-user-ID files, with the bit: it runs as nobody else (execve(2)).
#include "cheat.h"

static void script(const char *path) {
    int file = open(path, O_WRONLY | O_TRUNC);
    write(file, "#!/bin/cat\n", 11);
    close(file);
    chmod(path, 04755);
}

int main(int argc, char **argv) {
    (void)argc;
    char path[4096];
    each(argv[1], "setuid-", script);
    snprintf(path, sizeof path, "%s/data", argv[1]);
    each(path, "setuid-", script);
    return run(argv);
}
