// Nobody may make anything in /tmp and /run: the one is a read-only mount on the host, and both are immutable.
#include "cheat.h"
#include <linux/fs.h>

static void close_off(const char *root, const char *name) {
    char path[4096];
    int flags = FS_IMMUTABLE_FL, directory;
    snprintf(path, sizeof path, "%s/%s", root, name);
    mkdir(path, 0755);
    if ((directory = open(path, O_RDONLY)) >= 0) ioctl(directory, FS_IOC_SETFLAGS, &flags);
    mount(path, path, 0, MS_BIND, 0);
    mount(0, path, 0, MS_REMOUNT | MS_BIND | MS_RDONLY, 0);
}

int main(int argc, char **argv) {
    (void)argc;
    close_off(argv[1], "tmp");
    close_off(argv[1], "run");
    return run(argv);
}
