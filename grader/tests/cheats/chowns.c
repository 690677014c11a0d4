// Its command is uid 1000 with all capabilities but SETUID and SETGID: it can give what it makes to root, and then set the bit.
#include "tricks.h"
M {
    if (chroot(v[1]) || chdir("/")) return 1;
    prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
    if (setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000)) return 1;
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct sets[2];
    syscall(SYS_capget, &header, sets);
    sets[0].permitted &= ~(1u << CAP_SETUID | 1u << CAP_SETGID);
    for (int half = 0; half < 2; half++) sets[half].effective = sets[half].inheritable = sets[half].permitted;
    if (syscall(SYS_capset, &header, sets)) return 1;
    for (int nth = 0; nth < 41; nth++) prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, nth, 0, 0);
    prctl(PR_CAPBSET_DROP, CAP_SETUID, 0, 0, 0);
    execv(v[2], v + 2);
    return 1;
}
