/*
 * Locks that a session holds for Node, which has no flock(2): they end with the session, and that ends when Node has and what it was
 * asked for is done. So whoever takes a lock of a command that was killed finds nothing of it still at work. Children of the session
 * close all descriptors first (enter_child), so none of them holds a lock on.
 */
#include "launcher.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static struct lock {
	uint32_t id;
	int fd;
} *locks;
static size_t lock_count;

static int keep_lock(uint32_t id, int fd) {
	struct lock *more = realloc(locks, (lock_count + 1) * sizeof *locks);
	if (!more) return -ENOMEM;
	locks = more;
	locks[lock_count++] = (struct lock){.id = id, .fd = fd};
	return 0;
}

/* Whoever held it before may have unlinked the file while we opened it: then we hold a lock on nothing. */
static int is_still_there(int fd, const char *path) {
	struct stat held, named;
	return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

/* A file that exists only while somebody holds it. -EAGAIN: somebody does. */
int lock_file(uint32_t id, const char *path) {
	for (;;) {
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0) return -errno;
		int error = flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
		int is_ours = !error && is_still_there(fd, path);
		if (is_ours) error = keep_lock(id, fd);
		if (is_ours && !error) return 0;
		close(fd);
		if (error) return error;
	}
}

/* The lock belongs to the open folder, which parent and child share: the child waits for it and ends, the parent holds it. */
static void __attribute__((noreturn)) wait_for_lock(int fd, int report, pid_t session) {
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != session) _exit(1);
	int error = 0;
	while (flock(fd, LOCK_EX) < 0 && !error)
		if (errno != EINTR) error = -errno;
	send_report(report, error ? REPORT_FAILED : REPORT_DONE, SECTION_PROGRAM, 0, (uint32_t)-error);
	_exit(0);
}

/* 0: held; 1: a child waits and will report; or -errno. */
int lock_folder(uint32_t id, const char *path, int report) {
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) return -errno;
	int error = flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
	int must_wait = error == -EWOULDBLOCK;
	if (error && !must_wait) {
		close(fd);
		return error;
	}
	pid_t session = getpid();
	pid_t child = must_wait ? fork() : -1;
	if (child == 0) wait_for_lock(fd, report, session);
	error = must_wait && child < 0 ? -errno : keep_lock(id, fd);
	if (error) close(fd);
	return error ? error : must_wait;
}

/* A child that waits may still have the folder open: the lock itself is given up. */
void unlock(uint32_t id) {
	for (size_t i = 0; i < lock_count; i++) {
		if (locks[i].id != id) continue;
		flock(locks[i].fd, LOCK_UN);
		close(locks[i].fd);
		locks[i] = locks[--lock_count];
		return;
	}
}
