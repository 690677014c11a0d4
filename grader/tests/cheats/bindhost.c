// The root of its mount namespace is a new tmpfs, in which the host's tree is mounted in a directory; the chroot is beside it.
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    unshare(CLONE_NEWNS);
    mount(0, "/", 0, MS_REC | MS_PRIVATE, 0);
    mkdir("/tmp/new", 0755);
    mount("new", "/tmp/new", "tmpfs", 0, 0);
    mkdir("/tmp/new/host", 0755);
    mkdir("/tmp/new/chroot", 0755);
    mkdir("/tmp/new/old", 0755);
    mount("/", "/tmp/new/host", 0, MS_BIND | MS_REC, 0);
    mount(argv[1], "/tmp/new/chroot", 0, MS_BIND | MS_REC, 0);
    chdir("/tmp/new");
    syscall(SYS_pivot_root, ".", "old");
    umount2("/old", MNT_DETACH);
    umount2("/host/mnt", MNT_DETACH);
    argv[1] = "/chroot";
    return run(argv);
}
