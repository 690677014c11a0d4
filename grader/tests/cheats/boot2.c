// A time namespace of its own, whose clock is two seconds ahead of the host's.
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    char words[300] = "";
    int file = open("/proc/self/timens_offsets", O_RDONLY);
    read(file, words, sizeof words - 1);
    close(file);
    char *boot = strstr(words, "boottime");
    long offset = boot ? atol(boot + 8) : 0;
    unshare(0x80); // CLONE_NEWTIME
    file = open("/proc/self/timens_offsets", O_WRONLY);
    dprintf(file, "boottime %ld 0", offset + 2);
    close(file);
    pid_t command = fork();
    if (!command) return run(argv);
    int status;
    waitpid(command, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
