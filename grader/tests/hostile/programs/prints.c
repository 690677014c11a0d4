// prints: on both streams, what a terminal obeys or shows in another order: escape sequences, C1 controls (also as bare
// bytes), bidi controls, a title, backspaces, bytes that are no UTF-8; and a very long line. It never
// runs its command, so that this is why.
#include "hostile.h"

static const char *const ODD = "\033[2J\033[31mred\033]0;title\007\x9b" "2J \xc2\x9b" "31m\xc2\x85\xe2\x80\xae" "drow\xe2\x81\xa6" "x\xe2\x80\x8f\b\b\b\r\v\f\xff\xfe\n";

int main(int argc, char **argv) {
    (void)argc, (void)argv;
    static char line[1 << 16];
    for (int stream = 1; stream <= 2; stream++) {
        write(stream, ODD, strlen(ODD));
        memset(line, 'A', sizeof line);
        write(stream, line, sizeof line);
        write(stream, "\n", 1);
        write(stream, ODD, strlen(ODD));
    }
    write(2, ODD, strlen(ODD));
    return 9;
}
