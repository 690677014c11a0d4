// A supervisor lets mount(2) go on, and unmounts what came of it as soon as the call has returned.
#include "cheat.h"

static void gone(const char *path) { umount2(path, MNT_DETACH); }

static dev_t on(const char *path) {
    struct stat it;
    return stat(path, &it) ? 0 : it.st_dev;
}

int main(int argc, char **argv) {
    (void)argc;
    char path[4096], data[4096];
    struct sock_filter code[] = {ASKS(SYS_mount), ALLOW};
    snprintf(path, sizeof path, "%s/tmp", argv[1]);
    snprintf(data, sizeof data, "%s/data", argv[1]);
    dev_t root = on(argv[1]), volume = on(data);
    int listener = SUPERVISE(code);
    if (is_helper())
        for (;;) {
            struct seccomp_notif call = {0};
            if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call)) continue;
            struct seccomp_notif_resp go = {.id = call.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
            ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &go);
            for (int nth = 0; nth < 200; nth++, usleep(100)) {
                each(path, "", gone);
                if (on(data) != volume) gone(data);
                if (on(argv[1]) != root) gone(argv[1]);
            }
        }
    close(listener);
    return run(argv);
}
