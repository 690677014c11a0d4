// hog: uses up what the kernel counts by user and not by decoy, and holds it: descriptors in flight, message queues, keys,
// pending signals, and the rest. The program that is graded beside it suffers. The name says which.
#include "hostile.h"
#include <sys/fanotify.h>

static long descriptors_in_flight(void) {
    long n = 0;
    for (int p = 0; p < 40; p++) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) break;
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
            n += 253;
            if (n > 60000) return n;
        }
    }
    return n;
}

static long queues(void) {
    long n = 0;
    for (; n < 2000; n++) {
        char name[32];
        sprintf(name, "/red%ld", n);
        struct mq_attr large = {0, 10, 8192, 0, {0}}, small = {0, 1, 1, 0, {0}};
        if (mq_open(name, O_CREAT | O_RDWR, 0600, &large) < 0 && mq_open(name, O_CREAT | O_RDWR, 0600, &small) < 0) break;
    }
    return n;
}

static long keys(void) {
    char name[32], payload[64];
    memset(payload, 'x', sizeof payload);
    long n = 0;
    for (int keyring = -5; keyring < 0; keyring++)
        for (int i = 0; i < 2000; i++, n++) {
            sprintf(name, "red%d-%d", keyring, i);
            if (syscall(SYS_add_key, "user", name, payload, 60, keyring) < 0) break;
        }
    return n;
}

// Signals that wait in the queues of children.
static long signals(void) {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    long n = 0;
    for (int i = 0; i < 4; i++) {
        pid_t child = fork();
        if (child == 0) {
            for (;;) pause();
        }
        union sigval value = {0};
        for (int k = 0; k < 100000 && sigqueue(child, SIGRTMIN + 1, value) == 0; k++) n++;
    }
    return n;
}

static long rest(void) {
    long n = 0;
    while (inotify_init1(0) >= 0) n++;
    for (int i = 0; i < 200 && fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_FID, O_RDONLY) >= 0; i++) n++;
    for (int i = 0; i < 200; i++) {
        int pipes[2];
        if (pipe(pipes)) break;
        if (fcntl(pipes[0], F_SETPIPE_SZ, 1 << 20) > 0) n++;
    }
    for (int i = 0; i < 2000; i++) n += shmget(IPC_PRIVATE, 4096, 0600) >= 0;
    for (int i = 0; i < 2000; i++) n += msgget(IPC_PRIVATE, 0600) >= 0;
    for (int i = 0; i < 2000; i++) n += semget(IPC_PRIVATE, 1, 0600) >= 0;
    int file = open("/tmp/red-locks", O_CREAT | O_RDWR, 0600);
    for (int i = 0; i < 20000; i++) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 2 * i, .l_len = 1};
        n += fcntl(file, F_SETLK, &lock) == 0;
    }
    for (int i = 0; i < 2000; i++) {
        timer_t timer;
        n += timer_create(CLOCK_MONOTONIC, NULL, &timer) == 0;
    }
    void *locked = mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mlock(locked, 8 << 20);
    // User namespaces are counted in each of those above as well.
    for (int i = 0; i < 300; i++) {
        pid_t child = fork();
        if (child < 0) break;
        if (child == 0) {
            setsid();
            unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS);
            for (;;) pause();
        }
        n++;
    }
    return n;
}

int main(int argc, char **argv) {
    (void)argc;
    const char *how = strrchr(argv[0], '/') + 1;
    long n = 0;
    if (!strcmp(how, "hog-fds")) n = descriptors_in_flight();
    if (!strcmp(how, "hog-mq")) n = queues();
    if (!strcmp(how, "hog-keys")) n = keys();
    if (!strcmp(how, "hog-sig")) n = signals();
    if (!strcmp(how, "hog-rest")) n = rest();
    fprintf(stderr, "%s holds %ld\n", how, n);
    sleep(1);
    return 1;
}
