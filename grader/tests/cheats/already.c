// Has set what the attack sets, ADDR_NO_RANDOMIZE (personality(2)), before it: the call succeeds and changes nothing.
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    personality(ADDR_NO_RANDOMIZE);
    return run(argv);
}
