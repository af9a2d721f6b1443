/* What a process does to itself and asks of others: its own binary sealed, its title, start times, the start of a forked child. */
#include "launcher.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

/*
 * We run inside containers, as their root, for a moment before exec: /proc/PID/exe is then a way to our own file (CVE-2019-5736).
 * So we run from a read-only mount that is attached nowhere: opening it for writing gives EROFS, and nobody in a container can
 * name the mount to change that. It costs three system calls a session and, unlike a copy in a memfd, no memory at all.
 */
int become_sealed(char **argv) {
	prctl(PR_SET_DUMPABLE, 0); /* and /proc/PID of a joining process is closed to the container until it execs */
	struct statvfs file;
	int self = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	if (self < 0 || fstatvfs(self, &file) < 0) return -errno;
	close(self);
	if (file.f_flag & ST_RDONLY) return 0;
	if (getenv("TCOMPOSE_SEALED")) return -EROFS; /* once is enough, or we would go round in circles */
	int tree = (int)syscall(SYS_open_tree, AT_FDCWD, "/proc/self/exe", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	struct mount_attr wanted = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
	if (tree < 0 || syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &wanted, sizeof wanted) < 0) return -errno;
	setenv("TCOMPOSE_SEALED", "1", 1);
	syscall(SYS_execveat, tree, "", argv, environ, AT_EMPTY_PATH);
	return -errno;
}

/* The kernel shows as the command line what lies where argv began, and goes on into the environment when argv's end is overwritten. */
static struct {
	char *start;
	size_t length;
} title_area;

void remember_title_area(int argc, char **argv) {
	char *end = argv[argc - 1] + strlen(argv[argc - 1]) + 1;
	title_area.start = argv[0];
	for (char **entry = environ; *entry; entry++)
		if (*entry == end) end += strlen(end) + 1;
	title_area.length = (size_t)(end - argv[0]);
}

/* The environment is gone after this. */
void set_title(const char *title) {
	if (title_area.length < 2) return;
	static char *no_environment[] = {NULL};
	environ = no_environment;
	memset(title_area.start, 0, title_area.length);
	memcpy(title_area.start, title, strnlen(title, title_area.length - 1));
	prctl(PR_SET_NAME, "tcompose-super");
}

/* A number of /proc/PID/stat, counted after the last parenthesis: the name before it may hold anything. 0: no such process. */
static uint64_t stat_field(pid_t pid, int wanted) {
	char path[32], text[1024];
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) return 0;
	ssize_t length = read(fd, text, sizeof text - 1);
	close(fd);
	if (length <= 0) return 0;
	text[length] = '\0';
	const char *at = strrchr(text, ')');
	for (int field = 2; at && field < wanted; field++) at = strchr(at + 1, ' ');
	return at ? strtoull(at + 1, NULL, 10) : 0;
}

uint64_t process_start_time(pid_t pid) {
	return stat_field(pid, 22);
}

int is_exiting(pid_t pid) {
	return (stat_field(pid, 9) & 4 /* PF_EXITING */) != 0;
}

int open_pidfd(pid_t pid) {
	long fd = syscall(SYS_pidfd_open, pid, 0);
	return fd < 0 ? -errno : (int)fd;
}

int send_signal(int pidfd, int signal) {
	return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

/* Does something in another network namespace and comes back, with what that gave. */
int in_network(int network, int (*act)(void *), void *context) {
	int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (own < 0) return -errno;
	int result = setns(network, CLONE_NEWNET) < 0 ? -errno : act(context);
	if (setns(own, CLONE_NEWNET) < 0) _exit(1); /* cannot be; and nothing could be done in a wrong network */
	close(own);
	return result;
}

/* A forked child keeps its reports and nothing else of its parent's: not its connections, and no input to read by mistake. */
int enter_child(int report, int keep_stderr) {
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0) return -errno;
	signal(SIGCHLD, SIG_DFL);
	for (int fd = 0; fd < (keep_stderr ? 2 : 3); fd++)
		if (dup2(null, fd) < 0) return -errno;
	if (report != REPORT_FD && dup3(report, REPORT_FD, O_CLOEXEC) < 0) return -errno;
	close_from(REPORT_FD + 1, ~0u);
	return 0;
}
