// A supervisor lets mount(2) go on, and unmounts what came of it as soon as the call has returned.
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    struct sock_filter code[] = {ASKS(SYS_mount), ALLOW};
    note_mounts();
    int listener = SUPERVISE(code);
    if (is_helper())
        for (;;) {
            struct seccomp_notif call = {0};
            if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call)) continue;
            struct seccomp_notif_resp go = {.id = call.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
            ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &go);
            for (int nth = 0; nth < 200; nth++, usleep(100)) undo_mounts();
        }
    close(listener);
    return run(argv);
}
