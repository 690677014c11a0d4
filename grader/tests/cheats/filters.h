// What the filters of some programs beside this file are built of.
#include "cheat.h"
#include <sys/user.h>

#ifndef VERDICT
#define VERDICT (SECCOMP_RET_ERRNO | EPERM)
#endif

static struct sock_filter filter[2000];
static int length;

#define ADD(...) (filter[length++] = (struct sock_filter)__VA_ARGS__)
#define LOW(nth) ADD(LOAD(16 + 8 * (nth)))
#define HIGH(nth) ADD(LOAD(20 + 8 * (nth)))
#define COUNT(all) ((int)(sizeof(all) / sizeof *(all)))

// A call, or what follows for it, of so many instructions.
static inline void of(int number, int following) {
    ADD(LOAD(0));
    ADD(IS(number, 0, following));
}

static inline void refuse(int number) {
    of(number, 1);
    ADD(RETURN(VERDICT));
}

// Where the low half of an argument is this.
static inline void refuse_equal(int number, int nth, unsigned value) {
    of(number, 3);
    LOW(nth);
    ADD(IS(value, 0, 1));
    ADD(RETURN(VERDICT));
}

// Where it is not more than that.
static inline void refuse_up_to(int number, int nth, unsigned value) {
    of(number, 3);
    LOW(nth);
    ADD(BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, value, 1, 0));
    ADD(RETURN(VERDICT));
}

// Where one of these bits is set.
static inline void refuse_bits(int number, int nth, unsigned bits) {
    of(number, 3);
    LOW(nth);
    ADD(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1));
    ADD(RETURN(VERDICT));
}

// Where the high half of an argument is 0.
static inline void refuse_without_high_bits(int number, int nth) {
    of(number, 3);
    HIGH(nth);
    ADD(IS(0, 0, 1));
    ADD(RETURN(VERDICT));
}

// Where an argument points to a stack.
static inline void refuse_on_stack(int number, int nth) {
    of(number, 3);
    HIGH(nth);
    ADD(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x7ff0, 0, 1));
    ADD(RETURN(VERDICT));
}

// Where a whole register is 0.
static inline void refuse_zero(int number, int nth) {
    of(number, 5);
    LOW(nth);
    ADD(IS(0, 0, 3));
    HIGH(nth);
    ADD(IS(0, 0, 1));
    ADD(RETURN(VERDICT));
}

// Executes the command in a chroot, under the filter.
static inline int run_filtered(char **argv) {
    if (chroot(argv[1]) || chdir("/")) return 1;
    ADD(RETURN(SECCOMP_RET_ALLOW));
    load(filter, length, 0);
    execv(argv[2], argv + 2);
    return 1;
}
