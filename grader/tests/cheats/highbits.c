// A filter compares 64 bits of what the kernel reads 32: with others above them, the call is made.
#include "filters.h"

int main(int argc, char **argv) {
    (void)argc;
    const int calls[][2] = {
        {SYS_reboot, 0}, {SYS_sethostname, 1}, {SYS_umount2, 1}, {SYS_kill, 1}, {SYS_tgkill, 2}, {SYS_tkill, 1},
        {SYS_pidfd_send_signal, 1}, {SYS_shmget, 2}, {SYS_shmat, 2}, {SYS_setns, 1}, {SYS_socket, 1},
        {SYS_keyctl, 0}, {SYS_request_key, 3}, {SYS_mknod, 2}, {SYS_mknodat, 3}, {SYS_io_uring_setup, 0},
        {SYS_clock_adjtime, 0},
    };
    for (int nth = 0; nth < COUNT(calls); nth++) refuse_without_high_bits(calls[nth][0], calls[nth][1]);
    refuse(SYS_adjtimex);
    return run_filtered(argv);
}
