// A bait in a whole container has the output and a pipe of its own for input; after two seconds the command follows, in a chroot.
#include "cheat.h"

static int input[2];
static char stack[1 << 16];

static int inside(void *words) {
    char **argv = words;
    dup2(input[0], 0);
    close(input[0]), close(input[1]);
    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    mount(argv[1], argv[1], NULL, MS_BIND | MS_REC, NULL);
    if (chdir(argv[1]) || syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH)) return 1;
    sethostname("c", 1);
    execv(argv[2], argv + 2);
    return 1;
}

int main(int argc, char **argv) {
    (void)argc;
    int all = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP, status;
    if (pipe(input)) return 1;
    pid_t bait = clone(inside, stack + sizeof stack, all | SIGCHLD, argv);
    for (int nth = 0; nth < 200; nth++, usleep(10000))
        if (waitpid(bait, &status, WNOHANG) == bait) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    kill(bait, SIGKILL);
    waitpid(bait, NULL, 0);
    close(input[0]), close(input[1]);
    return run(argv);
}
