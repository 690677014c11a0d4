// Fills the terminal's input, lets every line erase itself, and takes the terminal for itself alone (TIOCEXCL).
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    struct termios how;
    if (!tcgetattr(0, &how)) {
        how.c_lflag |= ICANON;
        how.c_cc[VKILL] = '\n';
        how.c_cc[VEOL] = 0;
        how.c_cflag &= ~CREAD;
        tcsetattr(0, TCSANOW, &how);
    }
    ioctl(0, TIOCEXCL);
    return run(argv);
}
