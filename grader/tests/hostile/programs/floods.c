// floods: prints without end, on both streams, and never runs its command.
#include "hostile.h"

int main(int argc, char **argv) {
    (void)argc, (void)argv;
    static char text[1 << 16];
    memset(text, 'x', sizeof text);
    for (size_t i = 99; i < sizeof text; i += 100) text[i] = '\n';
    if (fork() == 0)
        for (;;) write(2, text, sizeof text);
    for (;;) write(1, text, sizeof text);
}
