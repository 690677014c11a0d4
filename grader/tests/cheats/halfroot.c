// Its real uid stays 0 and its effective one is 1000: the command holds every capability and uses none (capabilities(7)).
#include "cheat.h"

int main(int argc, char **argv) {
    if (chroot(argv[1]) || chdir("/")) return argc;
    if (setresgid(0, 1000, 1000) || setresuid(0, 1000, 1000)) return 1;
    execv(argv[2], argv + 2);
    return 1;
}
