// Spoils the host's services: keys cleared and closed, segments removed, its name the container's.
#include "cheat.h"

int main(int argc, char **argv) {
    (void)argc;
    system("ip route add prohibit 127.0.0.1/32 table local 2>/dev/null; ip route del local 127.0.0.1 table local 2>/dev/null");
    syscall(SYS_keyctl, KEYCTL_CLEAR, -3);
    syscall(SYS_keyctl, KEYCTL_SETPERM, syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, -3, 0), 0);
    sethostname("container", 9);
    for (int id = 0; id < 100; id++) shmctl(id, IPC_RMID, 0);
    return run(argv);
}
