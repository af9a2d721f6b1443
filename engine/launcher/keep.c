/* Keeps a server alive that goes to the background by itself (dnsmasq): the status of its first start is ours, and whenever it ends
 * later it is started again. Who wants it gone ends the keeper first, whose process id is in a file. */
#include "launcher.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* A server that cannot stay is tried again less and less often. */
#define SHORTEST_WAIT_MS 50
#define LONGEST_WAIT_MS 5000
#define GOOD_RUN_MS 10000

static int start(char **argv) {
	pid_t child = fork();
	if (child < 0) return 1;
	if (child == 0) {
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
	for (;;) {
		if (wait(NULL) > 0 || errno == EINTR) continue;
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

/* argv: the file, the program, its arguments.
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
	int failed = start(argv + 1);
	unsigned char status = (unsigned char)failed;
	if (write_all(told[1], &status, 1) < 0 || failed) _exit(failed ? failed : 1);
	leave_streams();
	keep(argv + 1);
}
