// A process beside the command undoes whatever the attack does, as soon as it is done.
#include "cheat.h"

static char name[256];

static void bit(const char *path) {
    struct stat file;
    // A directory of the kernel's would be the machine's.
    if (!lstat(path, &file) && S_ISREG(file.st_mode)) chmod(path, 0644);
}

int main(int argc, char **argv) {
    (void)argc;
    char path[4096], typed[4096];
    pid_t front = tcgetpgrp(0);
    int terminal = isatty(0) ? open("/dev/tty", O_RDWR | O_NONBLOCK) : -1;
    note_mounts();
    gethostname(name, 255);
    snprintf(path, sizeof path, "%s/tmp", argv[1]);
    if (is_helper()) {
        signal(SIGTTOU, SIG_IGN);
        for (;; usleep(100)) {
            undo_mounts();
            sethostname(name, strlen(name));
            each(path, "", bit);
            if (terminal >= 0) ioctl(terminal, TIOCSPGRP, &front), read(terminal, typed, sizeof typed);
        }
    }
    return run(argv);
}
