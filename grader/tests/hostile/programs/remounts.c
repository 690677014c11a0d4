// remounts: the decoy shows directories of the machine read-only. Takes that off in every way that it finds, and writes to
// what the person owns below them.
#include "hostile.h"
#include <glob.h>

static void try_to_write(const char *below) {
    const char *patterns[] = {"%s/usr/local/owned-*/file", "%s/usr/local/owned-*/red", "%s/usr/red", "%s/bin/red", "%s/etc/alternatives/red", "%s/lib/red"};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, patterns[i], below);
        glob_t found;
        if (glob(path, GLOB_NOCHECK, NULL, &found)) continue;
        for (size_t k = 0; k < found.gl_pathc; k++) {
            int fd = open(found.gl_pathv[k], O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
            if (fd < 0) continue;
            dprintf(2, "remounts: writes to %s\n", found.gl_pathv[k]);
            dprintf(fd, "written by a submission\n");
            close(fd);
        }
        globfree(&found);
    }
}

// Only new files of a directory of the machine tell that it can be written to; others in it stay as they are.
static void every_way(const char *point) {
    char below[32] = "", clone[64];
    mount(NULL, point, NULL, MS_REMOUNT | MS_BIND, NULL);
    mount(NULL, point, NULL, MS_REMOUNT | MS_BIND | MS_NOSUID, NULL);
    try_to_write(below);
    struct mount_attr writable = {.attr_clr = MOUNT_ATTR_RDONLY};
    syscall(SYS_mount_setattr, AT_FDCWD, point, AT_RECURSIVE, &writable, sizeof writable);
    syscall(SYS_mount_setattr, AT_FDCWD, point, 0, &writable, sizeof writable);
    try_to_write(below);
    int tree = syscall(SYS_open_tree, AT_FDCWD, point, 1 /* OPEN_TREE_CLONE */ | O_CLOEXEC | AT_RECURSIVE);
    if (tree >= 0) {
        syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &writable, sizeof writable);
        snprintf(clone, sizeof clone, "/proc/self/fd/%d/..", tree);
        try_to_write(clone);
        mkdir("/tmp/red-clone", 0755);
        mkdir("/tmp/red-clone/usr", 0755);
        if (syscall(SYS_move_mount, tree, "", AT_FDCWD, "/tmp/red-clone/usr", 4 /* MOVE_MOUNT_F_EMPTY_PATH */) == 0) {
            mount(NULL, "/tmp/red-clone/usr", NULL, MS_REMOUNT | MS_BIND, NULL);
            try_to_write("/tmp/red-clone");
            umount2("/tmp/red-clone/usr", MNT_DETACH);
        }
        close(tree);
    }
    mkdir("/tmp/red-bind", 0755);
    mkdir("/tmp/red-bind/usr", 0755);
    if (mount(point, "/tmp/red-bind/usr", NULL, MS_BIND | MS_REC, NULL) == 0) {
        mount(NULL, "/tmp/red-bind/usr", NULL, MS_REMOUNT | MS_BIND, NULL);
        try_to_write("/tmp/red-bind");
        umount2("/tmp/red-bind/usr", MNT_DETACH);
    }
}

static void everything(void) {
    char line[4096];
    FILE *mounts = fopen("/proc/self/mountinfo", "re");
    while (mounts && fgets(line, sizeof line, mounts)) {
        char point[PATH_MAX], options[256];
        if (sscanf(line, "%*s %*s %*s %*s %4095s %255s", point, options) == 2 && !strncmp(options, "ro", 2)) every_way(point);
    }
    if (mounts) fclose(mounts);
    every_way("/usr");
    try_to_write("/proc/1/root");
    mount("red", "/", NULL, MS_REMOUNT, NULL);
    try_to_write("");
}

int main(int argc, char **argv) {
    (void)argc;
    everything();
    pid_t child = fork();
    if (child == 0) {
        unshare(CLONE_NEWUSER | CLONE_NEWNS);
        everything();
        // What is below a mount.
        umount2("/usr", MNT_DETACH);
        umount2("/", MNT_DETACH);
        try_to_write("");
        _exit(0);
    }
    waitpid(child, NULL, 0);
    mount("red", "/usr/local", "tmpfs", 0, NULL);
    umount2("/usr/local", MNT_DETACH);
    umount2("/usr", MNT_DETACH);
    try_to_write("");
    return lab0(argv);
}
