// Mounts a file of its own over what tells the kernel's secrets, in a mount namespace of its own. The attacker may unmount it.
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    const char *files[] = {"kallsyms", "keys", "sys/kernel/core_pattern"};
    char own[4096], path[4096];
    unshare(CLONE_NEWNS);
    mount(0, "/", 0, MS_REC | MS_PRIVATE, 0);
    snprintf(path, sizeof path, "%s/proc", argv[1]);
    mount("proc", path, "proc", 0, 0);
    snprintf(own, sizeof own, "%s/own", argv[1]);
    int file = open(own, O_CREAT | O_RDWR, 0666);
    dprintf(file, "0000000000000000 T _text\n");
    close(file);
    for (int nth = 0; nth < 3; nth++) {
        snprintf(path, sizeof path, "%s/proc/%s", argv[1], files[nth]);
        mount(own, path, 0, MS_BIND, 0);
    }
    return run(argv);
}
