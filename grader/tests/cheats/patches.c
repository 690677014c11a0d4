// Changes a word in the memory of the probe, outside of any container: it then looks for another disk.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    (void)argc;
    char program[4096], sock[4096], name[64], line[4096];
    snprintf(program, sizeof program, "%s%s", argv[1], argv[2]);
    snprintf(sock, sizeof sock, "%s%s", argv[1], argv[3]);
    pid_t child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        execl(program, argv[2], sock, NULL);
        return 1;
    }
    waitpid(child, NULL, 0);
    snprintf(name, sizeof name, "/proc/%d/mem", child);
    int memory = open(name, O_RDWR);
    snprintf(name, sizeof name, "/proc/%d/maps", child);
    FILE *maps = fopen(name, "r");
    unsigned long from, to;
    char *bytes = malloc(64 << 20);
    while (fgets(line, sizeof line, maps))
        if (strstr(line, "/probe-") && sscanf(line, "%lx-%lx", &from, &to) == 2) {
            ssize_t length = pread(memory, bytes, to - from, from);
            for (ssize_t at = 0; at + 8 <= length; at++)
                if (!memcmp(bytes + at, "/dev/sda", 8)) pwrite(memory, "X", 1, from + at + 7);
        }
    ptrace(PTRACE_DETACH, child, 0, 0);
    waitpid(child, NULL, 0);
    return 0;
}
