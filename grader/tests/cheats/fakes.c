// A supervisor answers in the kernel's place that all went well, and nothing has happened (seccomp_unotify(2)).
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    struct sock_filter code[] = {
        ASKS(SYS_mount), ASKS(SYS_umount2), ASKS(SYS_sethostname), ASKS(SYS_kill), ASKS(SYS_ptrace), ASKS(SYS_reboot),
        ASKS(SYS_personality), ASKS(SYS_clock_adjtime), ASKS(SYS_mknodat), ASKS(SYS_unshare), ALLOW,
    };
    int listener = SUPERVISE(code);
    if (is_helper())
        for (;;) {
            struct seccomp_notif call = {0};
            if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call)) continue;
            struct seccomp_notif_resp done = {.id = call.id};
            ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &done);
        }
    close(listener);
    return run(argv);
}
