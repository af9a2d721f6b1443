/*
 * A process of a section: forked, prepared, perhaps cloned, at last executed, and all that time in touch by a packet socket whose
 * other end closes with the exec. So three facts settle what became of it: what was reported, that the socket closed, that it exited.
 */
#include "supervise.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

void forget_child(struct child *child) {
	if (child->pidfd >= 0) close(child->pidfd);
	if (child->reports >= 0) close(child->reports);
	*child = (struct child){.pidfd = -1, .reports = -1};
}

static void report_clone(struct run *run, pid_t child) {
	send_report(run->report, REPORT_PID, run->section, run->index, (uint32_t)child);
	_exit(0);
}

/* Descriptors come in any order: those at hand are moved above what they are to become, first. */
static int take_streams(const struct streams *streams) {
	int wanted[] = {streams->input, streams->output, streams->error};
	for (int i = 0; i < 3; i++) {
		int fd = wanted[i] < 0 ? open("/dev/null", O_RDWR | O_CLOEXEC) : wanted[i];
		wanted[i] = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, SLOT_BASE + SLOT_COUNT);
		if (wanted[i] < 0) return -errno;
	}
	for (int i = 0; i < 3; i++)
		if (dup2(wanted[i], i) < 0) return -errno;
	return 0;
}

/* Only the standard streams, the socket for reports, the pidfd of init and the slots go on. */
static int keep_only(const struct streams *streams, int report, int init) {
	int error = take_streams(streams);
	if (error) return error;
	int high_report = fcntl(report, F_DUPFD_CLOEXEC, SLOT_BASE + SLOT_COUNT);
	int high_init = init < 0 ? -1 : fcntl(init, F_DUPFD_CLOEXEC, SLOT_BASE + SLOT_COUNT);
	if (high_report < 0 || dup3(high_report, REPORT_FD, O_CLOEXEC) < 0) return -errno;
	if (high_init >= 0 && dup3(high_init, JOINED_FD, O_CLOEXEC) < 0) return -errno;
	close_from(high_init >= 0 ? JOINED_FD + 1 : JOINED_FD, SLOT_BASE - 1);
	close_from(SLOT_BASE + SLOT_COUNT, ~0u);
	return 0;
}

static void run_child(enum section section, struct program program, const struct streams *streams, int report, int init) {
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	int error = keep_only(streams, report, init);
	struct run run = {
		.section = section,
		.report = REPORT_FD,
		.clone_as_sibling = 1,
		.dies_with_parent = 1,
		.joined_pid = init < 0 ? NO_NUMBER : 0,
		.after_clone = report_clone,
	};
	if (error) send_report(report, REPORT_FAILED, SECTION_SUPERVISOR, STEP_FORK, (uint32_t)-error);
	else run_and_report(&run, program);
	_exit(1); /* a section ends in exec, or has failed */
}

int start_child(struct child *child, enum section section, struct program program, struct streams streams, int init) {
	int ends[2];
	forget_child(child);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) return -errno;
	pid_t pid = fork();
	if (pid == 0) run_child(section, program, &streams, ends[1], init);
	int error = pid < 0 ? -errno : 0;
	close(ends[1]);
	if (error) {
		close(ends[0]);
		return error;
	}
	child->preparer = child->pid = pid;
	child->reports = ends[0];
	return 0;
}

static void take_report(struct child *child, const struct report *report, int session) {
	switch (report->kind) {
		case REPORT_PID: child->pid = (pid_t)report->value; break;
		case REPORT_EXEC: child->executed = 1; break;
		case REPORT_WARNING: send_report(session, REPORT_WARNING, report->section, report->index, report->value); break;
		case REPORT_FAILED:
			child->failed = 1;
			child->failure = *report;
			break;
		default: break;
	}
}

/* The socket has closed: the exec succeeded, or the process went without a word. Until it is reaped its pid is its own. */
static void conclude_reports(struct child *child) {
	close(child->reports);
	child->reports = -1;
	if (!child->exited) {
		child->pidfd = open_pidfd(child->pid);
		child->start_time = process_start_time(child->pid);
	}
	if (child->executed || child->failed) return;
	child->failed = 1;
	child->failure = (struct report){REPORT_FAILED, SECTION_SUPERVISOR, STEP_VANISHED, ECHILD};
}

/* 1: something was read. */
int read_child_reports(struct child *child, int session, int *terminal) {
	struct report report;
	int descriptor, any = 0, result = 1;
	while (child->reports >= 0 && (result = receive_report(child->reports, &report, &descriptor)) != -EAGAIN) {
		any = 1;
		if (result <= 0) conclude_reports(child);
		else take_report(child, &report, session);
		if (descriptor >= 0 && terminal && *terminal < 0) *terminal = descriptor;
		else if (descriptor >= 0) close(descriptor);
	}
	return any;
}

/* 1: it was ours. The preparer's exit says nothing once it has told of its clone. */
int note_exit(struct child *child, pid_t pid, int status) {
	if (!child->preparer || (pid != child->pid && pid != child->preparer)) return 0;
	if (pid != child->pid) return 1;
	child->exited = 1;
	child->wait_status = status;
	return 1;
}

int is_settled(const struct child *child) {
	return child->exited && child->reports < 0;
}

/* Of a program that could not be executed, what shells say; of everything before it, Docker's code. */
int code_of_failure(int came_to_exec, uint32_t error, int otherwise) {
	switch (came_to_exec ? error : 0) {
		case ENOENT:
		case ENOTDIR: return 127;
		case EACCES:
		case EISDIR:
		case ENOEXEC: return 126;
		default: return otherwise;
	}
}

int exit_code_of(const struct child *child) {
	if (child->failed) return code_of_failure(child->executed, child->failure.value, 128);
	return WIFSIGNALED(child->wait_status) ? 128 + WTERMSIG(child->wait_status) : WEXITSTATUS(child->wait_status);
}
