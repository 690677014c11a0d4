// connects: from a path of 3,000 bytes, to the probe's socket, over and over, then runs the command as lab 0 does. Why
// the host refuses each connection has that path in it.
#include "hostile.h"
#include <sys/un.h>

static void again(char **argv) {
    char part[201] = {0};
    memset(part, 'x', 200);
    int from = open("/proc/self/exe", O_RDONLY), at = open("/tmp", O_DIRECTORY);
    for (int i = 0; i < 15; i++) mkdirat(at, part, 0755), at = openat(at, part, O_DIRECTORY);
    int to = openat(at, "p", O_CREAT | O_WRONLY, 0755);
    static char bytes[1 << 16];
    for (ssize_t n; (n = read(from, bytes, sizeof bytes)) > 0;) write(to, bytes, n);
    close(to);
    setenv("AGAIN", "1", 1);
    extern char **environ;
    execveat(openat(at, "p", O_RDONLY), "", argv, environ, AT_EMPTY_PATH);
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    if (!getenv("AGAIN")) again(argv);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s%s", argv[1], argv[3]);
    time_t end = time(NULL) + 2;
    while (time(NULL) < end) {
        int s = socket(AF_UNIX, SOCK_STREAM, 0);
        connect(s, (struct sockaddr *)&address, sizeof address);
        // Long enough for the host to see who it is.
        usleep(300);
        close(s);
    }
    return lab0(argv);
}
