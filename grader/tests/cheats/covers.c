// Mounts an empty file over each file of the host's that is there to be read.
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    close(open("/tmp/empty", O_CREAT | O_WRONLY, 0644));
    mount("/tmp/empty", "/canary", 0, MS_BIND, 0);
    mount("/tmp/empty", "/canary.open", 0, MS_BIND, 0);
    return run(argv);
}
