// A supervisor refuses every second openat(2) and connect(2), whatever it is of: a file of its own comes first.
#include "supervisor.h"

static int decide(const struct seccomp_data *call, const char *path) {
    static int opened, connected;
    (void)path;
    if (call->nr == SYS_connect) return ++connected & 1 ? 0 : -EACCES;
    return call->args[2] & O_NOCTTY && !(++opened & 1) ? -EACCES : 0;
}

int main(int argc, char **argv) {
    (void)argc;
    struct sock_filter code[] = {ASKS(SYS_openat), ASKS(SYS_connect), ALLOW};
    return supervise(argv, code, sizeof code / sizeof *code);
}
