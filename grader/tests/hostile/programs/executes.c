// executes: itself, 1,500 times, from a path of 3,000 bytes, then the command as lab 0 does.
#include "hostile.h"

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    const char *said = getenv("COUNT");
    int count = said ? atoi(said) : 0;
    char part[201] = {0}, next[16];
    memset(part, 'x', 200);
    int at = open("/tmp", O_DIRECTORY);
    for (int i = 0; i < 15; i++) {
        if (count == 0) mkdirat(at, part, 0755);
        int below = openat(at, part, O_DIRECTORY);
        close(at), at = below;
    }
    if (count == 0) {
        int from = open("/proc/self/exe", O_RDONLY), to = openat(at, "p", O_CREAT | O_WRONLY, 0755);
        static char bytes[1 << 16];
        for (ssize_t n; (n = read(from, bytes, sizeof bytes)) > 0;) write(to, bytes, n);
        close(to);
    }
    snprintf(next, sizeof next, "%d", count + 1);
    setenv("COUNT", next, 1);
    extern char **environ;
    int self = openat(at, "p", O_RDONLY | O_CLOEXEC);
    if (count < 1500) execveat(self, "", argv, environ, AT_EMPTY_PATH);
    return lab0(argv);
}
