// Connects itself, and claims the pid of a real probe with SCM_CREDENTIALS.
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv) {
    (void)argc;
    char program[4096], question[4096];
    snprintf(program, sizeof program, "%s%s", argv[1], argv[2]);
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path, sizeof to.sun_path, "%s%s", argv[1], argv[3]);
    int hold[2];
    if (pipe(hold)) return 1;
    pid_t probe = fork();
    if (probe == 0) {
        dup2(hold[0], 0);
        dup2(hold[1], 1);
        execl(program, argv[2], "/nowhere", NULL);
        return 1;
    }
    int sock = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(sock, (void *)&to, sizeof to)) return 1;
    struct ucred claim = {probe, 0, 0};
    char control[CMSG_SPACE(sizeof claim)] = {0};
    struct iovec text = {"\n", 1};
    struct msghdr message = {.msg_iov = &text, .msg_iovlen = 1, .msg_control = control,
                             .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){CMSG_LEN(sizeof claim), SOL_SOCKET, SCM_CREDENTIALS};
    memcpy(CMSG_DATA(header), &claim, sizeof claim);
    sendmsg(sock, &message, 0);
    if (read(sock, question, sizeof question) <= 0) return 1;
    dprintf(sock, "%.32s try it\n%.32s got 1 EPERM\n", question, question);
    return 0;
}
