// Traces PID 1 of the host and writes to its memory, and starts the command outside.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <unistd.h>

int main(int argc, char **argv) {
    (void)argc;
    char program[4096], sock[4096], zeros[4096] = {0};
    snprintf(program, sizeof program, "%s%s", argv[1], argv[2]);
    snprintf(sock, sizeof sock, "%s%s", argv[1], argv[3]);
    int memory = open("/proc/1/mem", O_RDWR);
    // Whoever gets here could write the verdict.
    if (memory >= 0 || ptrace(PTRACE_SEIZE, 1, 0, 0) == 0) return 1;
    (void)zeros;
    execl(program, argv[2], sock, NULL);
    return 1;
}
