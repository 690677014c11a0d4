// Eight commands in whole containers share its streams, and a ninth, in a chroot, is the one whose end it waits for.
#include "cheat.h"

static char stacks[8][1 << 16];

static int inside(void *words) {
    char **argv = words;
    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    mount(argv[1], argv[1], NULL, MS_BIND | MS_REC, NULL);
    if (chdir(argv[1]) || syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH)) return 1;
    sethostname("c", 1);
    execv(argv[2], argv + 2);
    return 1;
}

int main(int argc, char **argv) {
    (void)argc;
    int all = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP;
    for (int nth = 0; nth < 8; nth++)
        if (clone(inside, stacks[nth] + sizeof stacks[nth], all | SIGCHLD, argv) < 0) return 1;
    pid_t command = fork();
    if (!command) return run(argv);
    int status;
    waitpid(command, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
