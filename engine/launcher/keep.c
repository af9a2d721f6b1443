/* Keeps a server alive that goes to the background by itself (dnsmasq): the status of its first start is ours, and whenever it ends
 * later it is started again. Who wants it gone ends the keeper first, whose process id is in a file.
 * It is told (SIGHUP) when a file of the host has become another one. dnsmasq's own watch is upon the folder that the file lay in when
 * it began, and does not see that a link leads elsewhere now, or that something was mounted there. */
#include "launcher.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A server that cannot stay is tried again less and less often. */
#define SHORTEST_WAIT_MS 50
#define LONGEST_WAIT_MS 5000
#define GOOD_RUN_MS 10000
#define LOOK_EVERY_S 1

static struct {
	const char *path;
	/* Of the server. */
	const char *pid_file;
	/* All zero: it is not there. */
	struct stat seen;
} watched;

static void look(struct stat *into) {
	if (stat(watched.path, into) < 0) memset(into, 0, sizeof *into);
}

static bool is_other(const struct stat *a, const struct stat *b) {
	return a->st_dev != b->st_dev || a->st_ino != b->st_ino || a->st_size != b->st_size ||
	       a->st_mtim.tv_sec != b->st_mtim.tv_sec || a->st_mtim.tv_nsec != b->st_mtim.tv_nsec;
}

/* Only a child of ours: whatever the file says, nobody else gets a signal. */
static void tell_server(void) {
	char text[16] = "";
	int fd = open(watched.pid_file, O_RDONLY | O_CLOEXEC);
	if (fd < 0) return;
	ssize_t got = read(fd, text, sizeof text - 1);
	close(fd);
	long pid = got > 0 ? strtol(text, NULL, 10) : 0;
	siginfo_t state;
	if (pid > 1 && waitid(P_PID, (id_t)pid, &state, WEXITED | WNOHANG | WNOWAIT) == 0) kill((pid_t)pid, SIGHUP);
}

static void tell_if_changed(void) {
	struct stat now;
	look(&now);
	if (!is_other(&now, &watched.seen)) return;
	watched.seen = now;
	tell_server();
}

static int start(char **argv) {
	pid_t child = fork();
	if (child < 0) return 1;
	if (child == 0) {
		sigset_t none;
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execvp(argv[0], argv);
		_exit(127);
	}
	int status;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR) return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int64_t now_ms(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void wait_ms(int64_t milliseconds) {
	struct timespec time = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000};
	nanosleep(&time, NULL);
}

/* The background process is our child by adoption: we are its subreaper. */
static void __attribute__((noreturn)) keep(char **argv) {
	int64_t pause = SHORTEST_WAIT_MS, begun = now_ms();
	sigset_t child_ended;
	sigemptyset(&child_ended);
	sigaddset(&child_ended, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child_ended, NULL);
	for (;;) {
		pid_t ended = waitpid(-1, NULL, WNOHANG);
		if (ended == 0) {
			struct timespec patience = {.tv_sec = LOOK_EVERY_S};
			sigtimedwait(&child_ended, NULL, &patience);
			tell_if_changed();
			continue;
		}
		if (ended > 0 || errno == EINTR) continue;
		/* No child is left. */
		pause = now_ms() - begun >= GOOD_RUN_MS ? SHORTEST_WAIT_MS : pause * 2 > LONGEST_WAIT_MS ? LONGEST_WAIT_MS : pause * 2;
		wait_ms(pause);
		begun = now_ms();
		start(argv);
	}
}

static void leave_streams(void) {
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; null >= 0 && fd < 3; fd++) dup2(null, fd);
	if (null > 2) close(null);
	close_from(3, ~0U);
}

static int write_pid(const char *path) {
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int written = fd < 0 ? -1 : dprintf(fd, "%d\n", (int)getpid());
	if (fd >= 0) close(fd);
	return written < 0 ? -1 : 0;
}

/* argv: the file, the file that is watched, the server's process id file, the program, its arguments.
 * Its own session and folder: no terminal's signal reaches it, and no mount is held. The caller waits for the first start alone. */
int keep_main(char **argv) {
	int told[2];
	if (pipe2(told, O_CLOEXEC) < 0) return 1;
	pid_t keeper = fork();
	if (keeper < 0) return 1;
	if (keeper > 0) {
		unsigned char status = 1;
		close(told[1]);
		ssize_t got;
		while ((got = read(told[0], &status, 1)) < 0 && errno == EINTR) continue;
		return got == 1 ? status : 1;
	}
	setsid();
	if (write_pid(argv[0]) < 0 || chdir("/") < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) _exit(1);
	watched.path = argv[1];
	watched.pid_file = argv[2];
	look(&watched.seen);
	int failed = start(argv + 3);
	unsigned char status = (unsigned char)failed;
	if (write_all(told[1], &status, 1) < 0 || failed) _exit(failed ? failed : 1);
	leave_streams();
	keep(argv + 3);
}
