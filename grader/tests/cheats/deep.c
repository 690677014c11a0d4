// Puts a directory of the host, eight below its root, in the place of the descriptor that its caller left open.
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    char path[64] = "/tmp";
    for (int depth = 0; depth < 8; depth++) {
        strcat(path, "/deep");
        mkdir(path, 0755);
    }
    dup2(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), 77);
    return run(argv);
}
