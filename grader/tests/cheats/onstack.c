// A filter refuses calls whose bytes lie on the stack; the constants of a program lie elsewhere.
#include "filters.h"

int main(int argc, char **argv) {
    (void)argc;
    const int calls[][2] = {
        {SYS_mount, 1}, {SYS_fsopen, 0}, {SYS_open_tree, 1}, {SYS_move_mount, 1}, {SYS_sethostname, 0},
        {SYS_chroot, 0}, {SYS_umount2, 0}, {SYS_mq_open, 0}, {SYS_mknod, 0}, {SYS_mknodat, 1}, {SYS_reboot, 3},
        {SYS_request_key, 1}, {SYS_uname, 0}, {SYS_process_vm_readv, 1}, {SYS_adjtimex, 0}, {SYS_clock_adjtime, 1},
        {SYS_io_uring_setup, 1}, {SYS_ioctl, 2}, {SYS_fchmodat, 1},
    };
    for (int nth = 0; nth < COUNT(calls); nth++) refuse_on_stack(calls[nth][0], calls[nth][1]);
    return run_filtered(argv);
}
