// mounts: on the host, 3,000 times at paths of 3,000 bytes and once at a name that is no UTF-8, and takes nothing away;
// then runs the command as lab 0 does. The mount table has 9 MB.
#include "hostile.h"

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    char part[201] = {0}, number[16];
    memset(part, 'm', 200);
    mkdir("/mnt/\xff\xfe", 0755);
    mount("odd", "/mnt/\xff\xfe", "tmpfs", 0, "size=4k");
    chdir("/mnt");
    for (int i = 0; i < 15; i++) mkdir(part, 0755), chdir(part);
    mkdir("a", 0755);
    mount("first", "a", "tmpfs", 0, "size=4k");
    mount(NULL, "a", NULL, MS_PRIVATE, NULL);
    for (int i = 0; i < 3000; i++) {
        snprintf(number, sizeof number, "%d", i);
        mkdir(number, 0755);
        if (mount("a", number, NULL, MS_BIND, NULL) != 0) break;
    }
    return lab0(argv);
}
