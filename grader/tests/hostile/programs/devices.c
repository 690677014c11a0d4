// devices: mounts the machine's devices where it can, makes nodes of its own, and changes attributes, names and links of what
// is in /dev. It writes to none.
#include "hostile.h"

static void change(const char *directory) {
    DIR *list = opendir(directory);
    for (struct dirent *entry; list && (entry = readdir(list));) {
        if (entry->d_name[0] == '.') continue;
        char path[PATH_MAX], other[PATH_MAX + 16];
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        snprintf(other, sizeof other, "%s/red-%s", directory, entry->d_name);
        struct stat it;
        if (lstat(path, &it)) continue;
        // The sticky bit means nothing for a device, and is seen.
        if (!S_ISLNK(it.st_mode)) chmod(path, (it.st_mode & 07777) | S_ISVTX);
        lchown(path, 12345, 12345);
        setxattr(path, "trusted.red", "x", 1, 0);
        link(path, other);
    }
    if (list) closedir(list);
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/red-node", directory);
    mknod(path, S_IFCHR | 0666, makedev(1, 3));
    snprintf(path, sizeof path, "%s/red-file", directory);
    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    snprintf(path, sizeof path, "%s/red-link", directory);
    symlink("/", path);
}

int main(int argc, char **argv) {
    (void)argc;
    mkdir("/tmp/red-dev", 0755);
    if (mount("red", "/tmp/red-dev", "devtmpfs", 0, NULL) == 0) change("/tmp/red-dev");
    umount2("/tmp/red-dev", MNT_DETACH);
    if (mount("red", "/tmp/red-dev", "devpts", 0, "newinstance,ptmxmode=0666") == 0) change("/tmp/red-dev");
    change("/dev");
    change("/tmp");
    change(argv[1]);
    // New loop devices are made for the whole machine.
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    if (control < 0 && mknod("/tmp/red-control", S_IFCHR | 0600, makedev(10, 237)) == 0) control = open("/tmp/red-control", O_RDWR | O_CLOEXEC);
    if (control >= 0) ioctl(control, 0x4C80 /* LOOP_CTL_ADD */, 77);
    return lab0(argv);
}
