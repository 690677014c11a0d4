// Puts a detached copy of the host's /etc in the place of the descriptor that its caller left open: `..` leads nowhere.
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    unshare(CLONE_NEWNS);
    dup2(syscall(SYS_open_tree, AT_FDCWD, "/etc", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC), 77);
    return run(argv);
}
