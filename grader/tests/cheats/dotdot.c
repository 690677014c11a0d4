// A supervisor refuses `..` to openat(2) and openat2(2); chdir(2) goes there all the same.
#include "supervisor.h"

static int decide(const struct seccomp_data *call, const char *path) {
    size_t length = strlen(path);
    (void)call;
    return strstr(path, "../") || (length >= 2 && !strcmp(path + length - 2, "..")) ? -EACCES : 0;
}

int main(int argc, char **argv) {
    (void)argc;
    struct sock_filter code[] = {ASKS(SYS_openat), ASKS(SYS_openat2), ALLOW};
    return supervise(argv, code, sizeof code / sizeof *code);
}
