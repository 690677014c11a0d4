// points: an honest lab 3 (beside it, as "lab3") that would earn points for what it never blocks: while the attempt at a
// descriptor that was left open (77) runs, it uses up the descriptors in flight, so that no other decoy can be made.
#include "hostile.h"

static void descriptors_in_flight(void) {
    for (int p = 0; p < 40; p++) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) return;
        for (int i = 0; i < 200; i++) {
            int many[253] = {0};
            char c = 0, room[CMSG_SPACE(sizeof many)];
            memset(room, 0, sizeof room);
            struct iovec v = {&c, 1};
            struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
            struct cmsghdr *h = CMSG_FIRSTHDR(&m);
            h->cmsg_level = SOL_SOCKET;
            h->cmsg_type = SCM_RIGHTS;
            h->cmsg_len = CMSG_LEN(sizeof many);
            memcpy(CMSG_DATA(h), many, sizeof many);
            if (sendmsg(pair[0], &m, MSG_DONTWAIT) < 0) break;
        }
    }
}

int main(int argc, char **argv) {
    (void)argc;
    char lab[PATH_MAX];
    snprintf(lab, sizeof lab, "%s", argv[0]);
    strcpy(strrchr(lab, '/') + 1, "lab3");
    if (fcntl(77, F_GETFD) >= 0) {
        pid_t hog = fork();
        if (hog == 0) {
            descriptors_in_flight();
            sleep(30);
            _exit(0);
        }
        sleep(3);
        kill(hog, SIGKILL);
        waitpid(hog, NULL, 0);
    }
    argv[0] = lab;
    execv(lab, argv);
    return 1;
}
