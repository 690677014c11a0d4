// Its command is another user, whom a routing rule (ip-rule(8)) keeps from some ports; a helper takes those from all that do not share addresses.
#include "tricks.h"
#include <netinet/in.h>
static void take_ports(void) {
    pid_t command = getpid();
    if (fork()) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int port = 40000; port < 40024 && getppid() == command; port++) {
        int one = 1, taken = socket(AF_INET, SOCK_STREAM, 0);
        setsockopt(taken, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        bind(taken, (void *)&address, sizeof address);
    }
    for (int stream = 0; stream < 3; stream++) close(stream);
    for (;;) pause();
}
M {
    put("/proc/sys/net/ipv4/ip_local_port_range", "40000 40061");
    take_ports();
    system("ip rule add pref 1 uidrange 1000-1000 ipproto 6 dport 40000-40029 prohibit >&2;"
           "ip rule add pref 10 table local >&2; ip rule del pref 0 table local >&2");
    if (chroot(v[1]) || chdir("/")) return 1;
    prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
    if (setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000)) return 1;
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct sets[2];
    syscall(SYS_capget, &header, sets);
    sets[0].permitted &= ~(1u << CAP_SETUID | 1u << CAP_SETGID);
    for (int half = 0; half < 2; half++) sets[half].effective = sets[half].inheritable = sets[half].permitted;
    syscall(SYS_capset, &header, sets);
    for (int nth = 0; nth < 41; nth++) prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, nth, 0, 0);
    execv(v[2], v + 2);
    return 1;
}
