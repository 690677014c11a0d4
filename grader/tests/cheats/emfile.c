// Few descriptors, although it could have more: open(2), socket(2), mq_open(2) answer EMFILE.
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    struct rlimit few = {3, 4096};
    pid_t command = getpid();
    if (is_helper())
        // The loader needs one: the limit comes when the command has started.
        for (usleep(15000);; usleep(500)) prlimit(command, RLIMIT_NOFILE, &few, NULL);
    return run(argv);
}
