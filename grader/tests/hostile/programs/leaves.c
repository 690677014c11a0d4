// leaves: 20,000 files with long names, a tree that is deeper than a process may have descriptors, 2,000 set-user-ID
// files, and names that are no UTF-8; then runs the command as lab 0 does.
#include "hostile.h"

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    char name[256];
    mkdir("/left", 0755);
    int top = open("/left", O_DIRECTORY), at = top;
    for (int i = 0; i < 20000; i++) {
        memset(name, i % 2 ? 'x' : '\xff', 240), name[240] = 0;
        memcpy(name, "0123456789" + i % 10, 1);
        snprintf(name + 240, sizeof name - 240, "%d", i);
        int f = openat(top, name, O_CREAT | O_WRONLY, i % 10 ? 0644 : 04755);
        // Not all is asked of the umask.
        if (i % 10 == 0) fchmod(f, 04755);
        close(f);
    }
    memset(name, 'd', 200), name[200] = 0;
    for (int i = 0; i < 3000; i++) {
        if (mkdirat(at, name, 0755) != 0) break;
        int below = openat(at, name, O_DIRECTORY);
        if (at != top) close(at);
        at = below;
    }
    return lab0(argv);
}
