/*
 * `exec FILE`: runs a program with the standard streams and the signals of whoever called, and ends as it ends. The file is read by
 * path since node-pty closes all other descriptors, and is gone once it is read. A failure before exec goes to FILE.error, so that 126 and
 * 127 of a program are not taken for ours.   `terminal FILE`: on a terminal of its own, which it makes (terminal.c).   `detach FILE`:
 * without streams; a byte on standard output says that it runs.   `bound FILE`: as exec, and it does not outlive whoever called, not
 * even one that is killed (a step of a build).   `check FILE..`: is it well-formed?
 */
#include "supervise.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_OURS = 125 };

struct direct {
	const char *file; /* its name in `folder`, which is still the right one when the program has changed namespaces */
	int folder, reports;
	int told; /* where `detach` says that it runs; -1: there is nobody to tell */
	enum { SAME_STREAMS, OWN_TERMINAL } streams;
	struct report failure;
	int came_to_exec, finished, failed;
	sigset_t former_mask;
};
static volatile pid_t target;

static void pass_on(int number) {
	if (target > 0) kill(target, number);
}

static const int passed_on[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGCONT, SIGWINCH, SIGALRM};

/* Held back from before `clone` until there is somebody to pass them on to. */
static void hold_signals_back(sigset_t *former) {
	sigset_t held;
	sigemptyset(&held);
	for (size_t i = 0; i < sizeof passed_on / sizeof *passed_on; i++) sigaddset(&held, passed_on[i]);
	sigprocmask(SIG_BLOCK, &held, former);
}

static void pass_signals_on(pid_t child, const sigset_t *former) {
	target = child;
	for (size_t i = 0; i < sizeof passed_on / sizeof *passed_on; i++)
		sigaction(passed_on[i], &(struct sigaction){.sa_handler = pass_on, .sa_flags = SA_RESTART}, NULL);
	sigprocmask(SIG_SETMASK, former, NULL);
}

static void write_error(const struct direct *direct, const struct report *report) {
	char name[4096], text[64];
	int length = snprintf(text, sizeof text, "%u %u %u\n", report->section, report->index, report->value);
	if (snprintf(name, sizeof name, "%s.error", direct->file) >= (int)sizeof name) return; /* cannot be: it was opened */
	int fd = openat(direct->folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) return;
	write_all(fd, text, (size_t)length);
	close(fd);
}

/*
 * For those who follow events (engine/events/trace.ts), who opened the file when it began: of a program whose client has left nobody else
 * knows the end. Nothing depends on it.
 */
static void trace_end(const struct direct *direct, int status) {
	static const char prefix[] = "exec-";
	char time[36], line[128];
	if (strncmp(direct->file, prefix, sizeof prefix - 1)) return;
	int fd = openat(direct->folder, "trace", O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) return;
	format_time(time_of_day(), time);
	int length = snprintf(line, sizeof line, "died %s %s %d\n", direct->file + sizeof prefix - 1, time, status);
	if (length > 0 && length < (int)sizeof line) write_all(fd, line, (size_t)length);
	close(fd);
}

/* It stays a zombie, and its pid its own, until no signal can be on its way to it any more. */
static int wait_for(pid_t child) {
	int status;
	siginfo_t info;
	while (waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) < 0)
		if (errno != EINTR) return EXIT_OURS;
	target = 0;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR) return EXIT_OURS;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The last word is EXEC, DONE (a program without exec), or FAILED, perhaps after EXEC. 0: it was said. */
static int take_report(struct direct *direct, int *terminal) {
	struct report report;
	int descriptor, result;
	struct pollfd wait = {.fd = direct->reports, .events = POLLIN};
	while ((result = receive_report(direct->reports, &report, &descriptor)) == -EAGAIN) poll(&wait, 1, -1);
	if (result <= 0) return 0;
	if (descriptor >= 0 && terminal && *terminal < 0) *terminal = descriptor;
	else if (descriptor >= 0) close(descriptor);
	direct->finished |= report.kind == REPORT_EXEC || report.kind == REPORT_DONE;
	direct->came_to_exec |= report.kind == REPORT_EXEC;
	if (report.kind != REPORT_FAILED) return 1;
	direct->failure = report;
	direct->failed = 1;
	return 1;
}

static void take_reports(struct direct *direct, int *terminal) {
	while (take_report(direct, terminal)) continue;
	if (direct->failed || direct->finished) return;
	direct->failure = (struct report){REPORT_FAILED, SECTION_SUPERVISOR, STEP_VANISHED, ECHILD};
	direct->failed = 1;
}

static void conclude(struct direct *direct, int status) {
	close(REPORT_FD);
	take_reports(direct, NULL); /* few, and waiting in the socket */
	if (!direct->failed) {
		trace_end(direct, status);
		_exit(status);
	}
	write_error(direct, &direct->failure);
	_exit(code_of_failure(direct->came_to_exec, direct->failure.value, EXIT_OURS));
}

/* The reports end with the exec: from then on it is only waited for. */
static void tell_that_it_runs(struct direct *direct) {
	take_reports(direct, NULL);
	if (!direct->failed) write_all(direct->told, "r", 1);
	if (!direct->failed) close(direct->told);
}

static void wait_on_terminal(struct direct *direct, pid_t child) {
	int terminal = -1;
	take_reports(direct, &terminal);
	if (terminal < 0) return;
	if (!direct->failed) copy_terminal(terminal, child);
}

static void wait_for_clone(struct run *run, pid_t child) {
	struct direct *direct = run->context;
	close(REPORT_FD);
	if (direct->streams == OWN_TERMINAL) wait_on_terminal(direct, child);
	else pass_signals_on(child, &direct->former_mask);
	if (direct->told >= 0) tell_that_it_runs(direct);
	conclude(direct, wait_for(child));
}

/* Ours go above the slots, where no operation reaches. */
static int move_up(int fd) {
	int moved = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, SLOT_BASE + SLOT_COUNT);
	int error = moved < 0 ? -errno : 0;
	if (fd >= 0) close(fd);
	return error ? error : moved;
}

/* Whoever called reads the byte; the program has nothing to read and nobody who listens. */
static int leave_streams(struct direct *direct) {
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	direct->told = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, SLOT_BASE + SLOT_COUNT);
	if (null < 0 || direct->told < 0) return -errno;
	for (int fd = 0; fd < 3; fd++)
		if (dup2(null, fd) < 0) return -errno;
	return close(null) < 0 ? -errno : 0;
}

static int prepare(struct direct *direct, const char *mode, char *file) {
	int ends[2];
	close_from(3, ~0u);
	direct->told = -1;
	direct->streams = strcmp(mode, "terminal") ? SAME_STREAMS : OWN_TERMINAL;
	int error = strcmp(mode, "detach") ? 0 : leave_streams(direct);
	if (error) return error;
	char *slash = strrchr(file, '/');
	direct->file = slash ? slash + 1 : file;
	if (slash) *slash = '\0';
	direct->folder = move_up(open(!slash ? "." : slash == file ? "/" : file, O_PATH | O_DIRECTORY | O_CLOEXEC));
	if (direct->folder < 0) return direct->folder;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) return -errno;
	direct->reports = move_up(ends[0]);
	int report = move_up(ends[1]);
	if (direct->reports < 0 || report < 0) return -EMFILE;
	if (dup3(report, REPORT_FD, O_CLOEXEC) < 0) return -errno;
	close(report);
	hold_signals_back(&direct->former_mask);
	return 0;
}

/* Up to `clone` the program runs in this process, which stays to wait; without `clone` this process becomes the program. */
int direct_main(const char *mode, char *file) {
	struct direct direct = {0};
	const int is_bound = !strcmp(mode, "bound");
	if (is_bound) prctl(PR_SET_PDEATHSIG, SIGKILL);
	struct run run = {.dies_with_parent = is_bound, .report = REPORT_FD, .joined_pid = NO_NUMBER, .after_clone = wait_for_clone, .context = &direct};
	struct program program;
	char *bytes;
	int error = prepare(&direct, mode, file);
	if (error) return EXIT_OURS;
	error = read_file_at(direct.folder, direct.file, &bytes, &program.length);
	if (error) {
		write_error(&direct, &(struct report){.section = SECTION_SUPERVISOR, .index = STEP_SPEC, .value = (uint32_t)-error});
		return EXIT_OURS;
	}
	unlinkat(direct.folder, direct.file, 0); /* of a detached run nobody else would */
	program.bytes = bytes;
	run_and_report(&run, program);
	if (!run.cloned) conclude(&direct, 0);
	return 0;
}

static const char *check(const char *file) {
	char *bytes;
	size_t length;
	uint32_t index;
	struct spec spec;
	if (read_file_at(AT_FDCWD, file, &bytes, &length)) return "unreadable";
	if (!parse_spec(&spec, bytes, length)) return "spec";
	return check_program((struct program){.bytes = bytes, .length = length}, &index) ? "malformed" : "program";
}

int check_main(int count, char **files) {
	for (int i = 0; i < count; i++) printf("%s\n", check(files[i]));
	return 0;
}
