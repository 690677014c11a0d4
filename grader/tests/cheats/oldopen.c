// A supervisor refuses the host's files to openat(2) and openat2(2), and knows nothing of open(2).
#include "supervisor.h"

static const char *const stakes[] = {"/sda", "node-", "disk-", "canary", "environ", "/root/", "core_pattern", "keys", "kallsyms",
                                     "/sys/", "cgroup", "release_agent", "srv", "etc/", "home/", "/fd/", "..", NULL};

static int decide(const struct seccomp_data *call, const char *path) {
    (void)call;
    if (strstr(path, "/etc/ld") || strstr(path, "/lib")) return 0;
    for (int nth = 0; stakes[nth]; nth++)
        if (strstr(path, stakes[nth])) return -EACCES;
    return 0;
}

int main(int argc, char **argv) {
    (void)argc;
    struct sock_filter code[] = {ASKS(SYS_openat), ASKS(SYS_openat2), ALLOW};
    return supervise(argv, code, sizeof code / sizeof *code);
}
