// Lets a supervisor crash the command at the hard calls, mount(2) and reboot(2), outside of any container.
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    struct sock_filter code[] = {ASKS(SYS_mount), ASKS(SYS_reboot), ALLOW};
    int listener = SUPERVISE(code);
    if (is_helper())
        for (;;) {
            struct seccomp_notif call = {0};
            if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call)) return 0;
            kill(call.pid, SIGSEGV);
        }
    close(listener);
    return run_outside(argv);
}
