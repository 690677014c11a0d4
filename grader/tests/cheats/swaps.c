// Swaps the probe's socket for its own at the first read(2), and asks it for something else than the host did.
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int listener;

static void relay(pid_t pid, int theirs) {
    int process = syscall(SYS_pidfd_open, pid, 0), pair[2];
    int host = syscall(SYS_pidfd_getfd, process, theirs, 0);
    struct seccomp_notif call = {0};
    (void)call;
    if (host < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) return;
    struct seccomp_notif_addfd swap = {.flags = SECCOMP_ADDFD_FLAG_SETFD, .srcfd = pair[1], .newfd = theirs};
    extern unsigned long long held;
    swap.id = held;
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &swap) < 0) return;
    if (fork() != 0) return;
    close(listener);
    char text[8192], key[128], check[128], given[4096] = "";
    for (;;) {
        ssize_t length = read(host, text, sizeof text - 1);
        if (length <= 0) _exit(0);
        text[length] = 0;
        sscanf(text, "%127s %127s %*s %4095[^\n]", key, check, given);
        dprintf(pair[0], "%s %s another %s\n", key, strcmp(check, "raw-disk") ? check : "host-tree", given);
        do {
            length = read(pair[0], text, sizeof text - 1);
            if (length <= 0) _exit(0);
            text[length] = 0;
            if (write(host, text, length) < 0) _exit(0);
        } while (!strstr(text, " got ") && !strstr(text, " not "));
    }
}

unsigned long long held;

int main(int argc, char **argv) {
    (void)argc;
    char program[4096], sock[4096];
    snprintf(program, sizeof program, "%s%s", argv[1], argv[2]);
    snprintf(sock, sizeof sock, "%s%s", argv[1], argv[3]);
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_read, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 8192, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {6, code};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter);
    if (listener < 0) return 1;
    if (fork() == 0) {
        pid_t done = 0;
        for (;;) {
            struct seccomp_notif call = {0};
            if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call)) return 0;
            held = call.id;
            if (done != (pid_t)call.pid) relay(call.pid, call.data.args[0]);
            done = call.pid;
            struct seccomp_notif_resp go = {.id = call.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
            ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &go);
        }
    }
    close(listener);
    execl(program, argv[2], sock, NULL);
    return 1;
}
