// The command leads a session with another terminal; the caller's is still on its streams.
#include "cheat.h"
#include <pty.h>

int main(int argc, char **argv) {
    (void)argc;
    int master, slave, status;
    if (openpty(&master, &slave, 0, 0, 0)) return 9;
    pid_t command = fork();
    if (!command) {
        close(master);
        setsid();
        if (ioctl(slave, TIOCSCTTY, 0)) return 8;
        close(slave);
        return run(argv);
    }
    waitpid(command, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
