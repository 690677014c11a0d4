// A filter refuses flags, modes, sizes and signals by a list of the usual ones; with others the same thing is done.
#include "cheat.h"

#define UPTO(number, nth, value) \
    LOAD(0), IS(number, 0, 3), LOAD(16 + 8 * (nth)), BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, value, 1, 0), RETURN(SECCOMP_RET_ERRNO | EPERM)
#define WITH_ANY(number, nth, bits) \
    LOAD(0), IS(number, 0, 3), LOAD(16 + 8 * (nth)), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1), RETURN(SECCOMP_RET_ERRNO | EPERM)
#define USUAL(number, nth, value) FAILS_WITH(number, nth, value, EPERM)
#define SIGNAL(signal) \
    USUAL(SYS_kill, 1, signal), USUAL(SYS_tgkill, 2, signal), USUAL(SYS_tkill, 1, signal), USUAL(SYS_pidfd_send_signal, 1, signal)
#define KIND(flags) USUAL(SYS_socket, 1, SOCK_RAW | (flags)), USUAL(SYS_socket, 1, SOCK_DGRAM | (flags))
#define CAREFUL (MS_NOSUID | MS_NODEV | MS_NOEXEC)

int main(int argc, char **argv) {
    (void)argc;
    struct sock_filter code[] = {
        USUAL(SYS_umount2, 1, MNT_DETACH), USUAL(SYS_umount2, 1, MNT_DETACH | UMOUNT_NOFOLLOW),
        USUAL(SYS_umount2, 1, MNT_DETACH | MNT_FORCE), USUAL(SYS_umount2, 1, 0),
        USUAL(SYS_shmat, 2, SHM_RDONLY), USUAL(SYS_shmat, 2, 0), USUAL(SYS_shmat, 2, SHM_RND),
        WITH_ANY(SYS_mq_open, 1, O_NONBLOCK), USUAL(SYS_mount, 3, CAREFUL), USUAL(SYS_mount, 3, CAREFUL | MS_RELATIME),
        USUAL(SYS_mount, 3, 0), USUAL(SYS_mount, 3, MS_BIND), USUAL(SYS_mount, 3, MS_BIND | MS_REMOUNT),
        USUAL(SYS_fsopen, 1, 0), USUAL(SYS_open_tree, 2, OPEN_TREE_CLONE), FAILS(SYS_mount_setattr, EPERM),
        USUAL(SYS_mknodat, 2, S_IFBLK | 0400), USUAL(SYS_mknod, 1, S_IFBLK | 0400), SIGNAL(SIGTERM), SIGNAL(SIGINT),
        SIGNAL(SIGUSR1), UPTO(SYS_io_uring_setup, 0, 32), USUAL(SYS_setns, 1, CLONE_NEWNS), USUAL(SYS_setns, 1, 0),
        USUAL(SYS_setns, 1, CLONE_NEWNS | CLONE_NEWUTS), USUAL(SYS_request_key, 3, 0), USUAL(SYS_keyctl, 4, 0),
        USUAL(SYS_open_by_handle_at, 2, O_RDONLY | O_DIRECTORY | O_CLOEXEC), KIND(SOCK_CLOEXEC), KIND(0), KIND(SOCK_NONBLOCK),
        ALLOW,
    };
    if (chroot(argv[1]) || chdir("/")) return 1;
    FILTER(code);
    execv(argv[2], argv + 2);
    return 1;
}
