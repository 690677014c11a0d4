// New namespaces, and the host's mounted on files of the root file system: a setns(2) leads back.
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    const char *kinds[] = {"uts", "ipc", "net", "cgroup"};
    for (int nth = 0; nth < 4; nth++) {
        char namespace[64], file[4096];
        snprintf(namespace, sizeof namespace, "/proc/self/ns/%s", kinds[nth]);
        snprintf(file, sizeof file, "%s/ns-%s", argv[1], kinds[nth]);
        close(open(file, O_CREAT | O_WRONLY, 0600));
        mount(namespace, file, 0, MS_BIND, 0);
    }
    unshare(CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP);
    return run(argv);
}
