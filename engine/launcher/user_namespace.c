/*
 * User namespaces for somebody else: whoever enters one gives up its privileges over the host, for good. So a helper enters it, makes
 * what is wanted, waits until that has been taken over by its descriptor, and ends.
 */
#include "launcher.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct helper {
	pid_t pid;
	int pidfd, line; /* it ends when `line` is closed */
};

/* In the helper: enters `user` if there is one, and unshares there; its errno goes down the line. */
static void __attribute__((noreturn)) help(int line, int user, uint64_t flags) {
	int error = user >= 0 && setns(user, CLONE_NEWUSER) < 0 ? errno : 0;
	if (!error && flags && unshare((int)flags) < 0) error = errno;
	if (write_all(line, &error, sizeof error) == 0)
		while (read(line, &error, sizeof error) < 0 && errno == EINTR) continue;
	_exit(0);
}

/* Its exit tells nobody: a supervisor does not take it for its container. */
static int start_helper(struct helper *helper, uint64_t clone_flags, int user, uint64_t flags) {
	int ends[2];
	*helper = (struct helper){.pid = -1, .pidfd = -1, .line = -1};
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) return -errno;
	struct clone_args args = {.flags = clone_flags | CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)&helper->pidfd};
	long pid = syscall(SYS_clone3, &args, sizeof args);
	int error = pid < 0 ? errno : 0;
	if (pid == 0) {
		close(ends[0]);
		help(ends[1], user, flags);
	}
	close(ends[1]);
	helper->pid = (pid_t)pid;
	helper->line = ends[0];
	if (pid > 0 && read(helper->line, &error, sizeof error) != sizeof error) error = ECHILD;
	return -error;
}

static void end_helper(const struct helper *helper) {
	if (helper->line >= 0) close(helper->line);
	if (helper->pid <= 0) return;
	while (waitpid(helper->pid, NULL, __WALL) < 0 && errno == EINTR) continue;
	close(helper->pidfd);
}

/* Makes namespaces that belong to the user namespace, and enters them with the privileges that one has. */
int unshare_as(int user, uint64_t flags) {
	struct helper helper;
	if (user < 0) return user;
	int error = start_helper(&helper, 0, user, flags);
	if (error == 0 && setns(helper.pidfd, (int)flags) < 0) error = -errno;
	end_helper(&helper);
	return error;
}

static int write_map(pid_t pid, const char *name, const struct value *map) {
	char path[48];
	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0) return -errno;
	ssize_t written = write(fd, map->bytes, map->length);
	int error = written < 0 ? -errno : (size_t)written == map->length ? 0 : -EIO;
	close(fd);
	return error;
}

static int open_user_namespace(pid_t pid) {
	char path[48];
	snprintf(path, sizeof path, "/proc/%d/ns/user", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* user_namespaces(7): each map is written once, at once, by who is privileged above. */
int op_user_namespace(struct run *run, const struct value *v) { /* slot uids gids */
	(void)run;
	struct helper helper;
	int error = start_helper(&helper, CLONE_NEWUSER, -1, 0);
	if (!error) error = write_map(helper.pid, "uid_map", &v[1]);
	if (!error) error = write_map(helper.pid, "gid_map", &v[2]);
	if (!error) error = fill_slot(v[0].number, open_user_namespace(helper.pid));
	end_helper(&helper);
	return error;
}
