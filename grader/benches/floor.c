/*
 * floor <lab> <directory> <command> [args...]
 *
 * The system calls of lab 0, 1, 2 or 3, in their order, with nothing around them: what a lab costs at least.
 * The benchmark compares the labs with it. It is measured, never used: a step that fails ends it with a line.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* <sys/mount.h> and <linux/mount.h> can't be included together in older C libraries. */
int mount(const char *, const char *, const char *, unsigned long, const void *);
int umount2(const char *, int);
#ifndef MS_REC
#define MS_RDONLY 1
#define MS_NOSUID 2
#define MS_NODEV 4
#define MS_NOEXEC 8
#define MS_REMOUNT 32
#define MS_BIND 4096
#define MS_REC 16384
#define MS_PRIVATE (1 << 18)
#endif
#define MNT_DETACH 2
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static void need(int ok, const char *step)
{
	if (!ok) {
		fprintf(stderr, "floor: %s: %s\n", step, strerror(errno));
		exit(1);
	}
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	need(fd >= 0 && write(fd, text, strlen(text)) >= 0 && close(fd) == 0, path);
}

static int exists(const char *path, struct stat *file)
{
	return stat(path, file) == 0;
}

/* What common/src/user.rs does where nobody is root. */
static void map_ids(pid_t child)
{
	char path[64], text[64];

	snprintf(path, sizeof path, "/proc/%d/setgroups", child);
	put(path, "deny");
	snprintf(path, sizeof path, "/proc/%d/gid_map", child);
	snprintf(text, sizeof text, "0 %d 1", getegid());
	put(path, text);
	snprintf(path, sizeof path, "/proc/%d/uid_map", child);
	snprintf(text, sizeof text, "0 %d 1", geteuid());
	put(path, text);
}

static void become_root(void)
{
	char answer[16];
	int fd = open("/proc/self/setgroups", O_RDONLY | O_CLOEXEC);

	need(fd >= 0 && read(fd, answer, sizeof answer) > 0 && close(fd) == 0, "setgroups");
	need(setresgid(0, 0, 0) == 0 && setresuid(0, 0, 0) == 0, "ids");
	need(prctl(PR_SET_DUMPABLE, 1) == 0, "dumpable");
}

/* Lab 1. */
static void namespaces(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	struct timespec now;
	char offset[64];
	int fd;

	need(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private");
	need(sethostname("container", 9) == 0, "hostname");
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	need(fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &lo) == 0 && close(fd) == 0, "loopback");
	need(unshare(CLONE_NEWCGROUP) == 0, "cgroup");
	need(unshare(CLONE_NEWTIME) == 0, "time");
	clock_gettime(CLOCK_BOOTTIME, &now);
	snprintf(offset, sizeof offset, "boottime -%ld 0", (long)now.tv_sec);
	put("/proc/self/timens_offsets", offset);
	fd = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	need(fd >= 0 && setns(fd, CLONE_NEWTIME) == 0 && close(fd) == 0, "time");
}

static void fresh(const char *type, const char *path, unsigned long flags, const char *options)
{
	mkdir(path, 0777);
	need(mount(type, path, type, flags, options) == 0, path);
}

/* Lab 2. */
static void mounts(const char *rootfs)
{
	static const char *devices[] = { "null", "zero", "full", "random", "urandom", "tty" };
	static const char *read_only[] = { "proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger" };
	static const char *masked[] = {
		"proc/acpi", "proc/asound", "proc/kcore", "proc/keys", "proc/latency_stats", "proc/sched_debug",
		"proc/scsi", "proc/timer_list", "proc/timer_stats", "sys/devices/virtual/powercap", "sys/firmware",
	};
	const unsigned long strict = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	struct mount_attr change = { .attr_set = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID };
	struct stat file;
	char from[64], to[64];
	unsigned i;
	int fd;

	need(mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL) == 0, "bind");
	need(syscall(SYS_mount_setattr, AT_FDCWD, rootfs, 0x8000 /* AT_RECURSIVE */, &change, sizeof change) == 0, "flags");
	need(chdir(rootfs) == 0, "chdir");
	fresh("proc", "proc", strict, NULL);
	fresh("sysfs", "sys", strict | MS_RDONLY, NULL);

	fresh("tmpfs", "dev", strict, "mode=755");
	for (i = 0; i < LENGTH(devices); i++) {
		snprintf(from, sizeof from, "/dev/%s", devices[i]);
		snprintf(to, sizeof to, "dev/%s", devices[i]);
		if (!exists(from, &file))
			continue;
		fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		need(fd >= 0 && close(fd) == 0 && mount(from, to, NULL, MS_BIND, NULL) == 0, to);
	}
	fresh("devpts", "dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620");
	need(symlink("pts/ptmx", "dev/ptmx") == 0, "ptmx");
	fresh("tmpfs", "dev/shm", strict, "mode=1777");
	need(symlink("/proc/self/fd", "dev/fd") == 0 && symlink("/proc/self/fd/0", "dev/stdin") == 0 &&
	     symlink("/proc/self/fd/1", "dev/stdout") == 0 && symlink("/proc/self/fd/2", "dev/stderr") == 0, "links");
	isatty(0);

	fresh("tmpfs", "tmp", MS_NOSUID | MS_NODEV, "mode=1777");
	fresh("tmpfs", "run", MS_NOSUID | MS_NODEV, "mode=755");

	for (i = 0; i < LENGTH(read_only); i++) {
		const char *path = read_only[i];

		if (exists(path, &file))
			need(mount(path, path, NULL, MS_BIND | MS_REC, NULL) == 0 &&
			     mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | strict, NULL) == 0, path);
	}
	for (i = 0; i < LENGTH(masked); i++) {
		const char *path = masked[i];

		if (!exists(path, &file))
			continue;
		if (S_ISDIR(file.st_mode))
			need(mount("tmpfs", path, "tmpfs", MS_RDONLY, "size=0k") == 0, path);
		else
			need(mount("/dev/null", path, NULL, MS_BIND, NULL) == 0, path);
	}
}

/* Lab 3. */
static void pivot(const char *rootfs)
{
	need(chdir(rootfs) == 0, "chdir");
	need(syscall(SYS_pivot_root, ".", ".") == 0 && umount2(".", MNT_DETACH) == 0, "pivot");
	need(chroot(".") == 0 && chdir("/") == 0, "chroot");
	need(setsid() > 0, "session");
	need(syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */) == 0, "descriptors");
	clearenv();
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("HOME", "/root", 1);
	setenv("USER", "root", 1);
	setenv("LOGNAME", "root", 1);
	setenv("SHELL", "/bin/sh", 1);
	setenv("container", "container-labs", 1);
}

int main(int argc, char **argv)
{
	int lab, flags, fd, pair[2], status, new_user = geteuid() != 0;
	struct signalfd_siginfo info;
	sigset_t ours, old;
	char *rootfs, byte;
	pid_t child;

	need(argc > 3, "usage: floor <lab> <directory> <command> [args...]");
	lab = atoi(argv[1]);
	fd = open(argv[2], O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_DIRECTORY);
	need(fd >= 0 && close(fd) == 0, argv[2]);
	rootfs = realpath(argv[2], NULL);

	flags = lab ? CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET : 0;
	flags |= new_user ? CLONE_NEWUSER : 0;
	need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "socket");
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&ours);
	sigaddset(&ours, SIGCHLD);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGHUP);
	sigprocmask(SIG_BLOCK, &ours, &old);
	fd = signalfd(-1, &ours, SFD_CLOEXEC);

	child = syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
	need(child >= 0, "clone");
	if (child == 0) {
		close(pair[0]);
		signal(SIGPIPE, SIG_DFL);
		sigprocmask(SIG_SETMASK, &old, NULL);
		if (new_user) {
			need(read(pair[1], &byte, 1) == 1, "ids");
			become_root();
		}
		if (lab >= 1)
			namespaces();
		if (lab >= 2)
			mounts(rootfs);
		if (lab >= 3)
			pivot(rootfs);
		else
			need(chroot(rootfs) == 0 && chdir("/") == 0, "chroot");
		execvp(argv[3], argv + 3);
		need(0, argv[3]);
	}

	close(pair[1]);
	if (new_user) {
		map_ids(child);
		need(write(pair[0], "!", 1) == 1, "ids");
	}
	/* End of file: the command runs. */
	need(read(pair[0], &byte, 1) == 0, "child");
	close(pair[0]);
	do
		need(read(fd, &info, sizeof info) == sizeof info, "signals");
	while (waitpid(child, &status, WNOHANG) == 0);
	return WEXITSTATUS(status);
}
