// Closes what its caller left open, and holds a socket in which a descriptor of the host's root directory is on its way.
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    int pair[2];
    char byte = 0;
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr first;
    } sent = {0};
    struct iovec bytes = {&byte, 1};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1, .msg_control = sent.room, .msg_controllen = sizeof sent.room};
    socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
    sent.first = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
    *(int *)CMSG_DATA(&sent.first) = open("/", O_RDONLY | O_DIRECTORY);
    sendmsg(pair[0], &message, 0);
    dup2(pair[1], 3);
    for (int number = 4; number < 1024; number++) close(number);
    return run(argv);
}
