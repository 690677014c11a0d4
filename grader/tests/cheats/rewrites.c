// A supervisor changes the path in the command's memory while openat(2) waits for it, and lets the call go on.
#include "cheat.h"
#include <sys/uio.h>

int main(int argc, char **argv) {
    (void)argc;
    char path[256];
    struct sock_filter code[] = {ASKS(SYS_openat), ASKS(SYS_openat2), ALLOW};
    int listener = SUPERVISE(code);
    if (is_helper())
        for (;;) {
            struct seccomp_notif call = {0};
            if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call)) continue;
            memset(path, 0, sizeof path);
            struct iovec own = {path, sizeof path - 1}, theirs = {(void *)call.data.args[1], sizeof path - 1};
            process_vm_readv(call.pid, &own, 1, &theirs, 1, 0);
            char *name = strstr(path, "canary");
            if (!name) name = strstr(path, "node-");
            if (!name) name = strstr(path, "sda");
            if (name) {
                struct iovec letter = {"x", 1}, at = {(char *)call.data.args[1] + (name - path), 1};
                process_vm_writev(call.pid, &letter, 1, &at, 1, 0);
            }
            struct seccomp_notif_resp go = {.id = call.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
            ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &go);
        }
    close(listener);
    return run(argv);
}
