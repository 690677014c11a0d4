// Its streams are the caller's terminal, opened by the name of /dev/tty, which the container lacks.
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    char path[4096];
    snprintf(path, sizeof path, "%s/dev/tty", argv[1]);
    int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC);
    if (terminal < 0) terminal = open(path, O_RDWR | O_CLOEXEC);
    if (terminal < 0 && !mknod("/tmp/tty", S_IFCHR | 0666, 0x500)) terminal = open("/tmp/tty", O_RDWR | O_CLOEXEC);
    for (int stream = 0; stream < 3; stream++)
        if (terminal >= 0 && isatty(stream)) dup2(terminal, stream);
    umount2(path, MNT_DETACH);
    unlink(path);
    return run(argv);
}
