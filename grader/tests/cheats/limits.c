// Limits so low, and hard, that whatever the attack makes runs out: queues, files, memory, processes.
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    struct rlimit none = {0, 0}, few = {8, 8}, small = {100 << 20, 100 << 20}, some = {20, 20};
    setrlimit(RLIMIT_MSGQUEUE, &none);
    setrlimit(RLIMIT_MEMLOCK, &none);
    setrlimit(RLIMIT_FSIZE, &none);
    setrlimit(RLIMIT_SIGPENDING, &none);
    setrlimit(RLIMIT_NOFILE, &few);
    setrlimit(RLIMIT_AS, &small);
    setrlimit(RLIMIT_NPROC, &some);
    return run(argv);
}
