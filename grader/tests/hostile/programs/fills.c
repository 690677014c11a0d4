// fills: takes 3 GiB of the machine's memory, in a tmpfs of its own and in files without a name.
#include "hostile.h"

enum { PIECE = 32 << 20, PIECES = 96 };

int main(int argc, char **argv) {
    (void)argc;
    char *piece = mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(piece, 'x', PIECE);
    mkdir("/tmp/red-fill", 0755);
    mount("red", "/tmp/red-fill", "tmpfs", 0, "size=3g");
    int whole = 0;
    for (; whole < PIECES; whole++) {
        char name[64];
        snprintf(name, sizeof name, "/tmp/red-fill/%d", whole);
        int fd = open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        if (write(fd, piece, PIECE) != PIECE) break;
        close(fd);
    }
    for (; whole < PIECES; whole++) {
        int fd = memfd_create("red", 0);
        if (write(fd, piece, PIECE) != PIECE) break;
    }
    fprintf(stderr, "fills: %d MiB\n", whole * (PIECE >> 20));
    sleep(1);
    return lab0(argv);
}
