// Few descriptors, although it could have more, as soon as the command has started: whatever opens something gets EMFILE.
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    char path[64], call[16] = "";
    struct rlimit few = {3, 4096};
    pid_t command = getpid();
    snprintf(path, sizeof path, "/proc/%d/syscall", command);
    if (is_helper())
        for (;; usleep(200)) {
            int file = open(path, O_RDONLY);
            // It reads its input: read(2) is 0 on x86_64, and 63 on aarch64.
            if (read(file, call, 7) > 0 && (!strncmp(call, "0 0x0 ", 6) || !strncmp(call, "63 0x0 ", 7)))
                prlimit(command, RLIMIT_NOFILE, &few, NULL);
            close(file);
        }
    return run(argv);
}
