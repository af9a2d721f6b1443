/*
 * A session: requests on standard input, replies on standard output, many in flight. Every request runs in a forked child, so that
 * namespaces and working folder of the session stay clean; a reply is what the child reported, sent when nobody holds its pipe any
 * more: it ended, or its exec closed it.
 *   request: length, id, kind, payload      reply: length, id, reports
 * Kinds: 1 run (payload: a program), 2 supervise (a run folder's path), 3 lock a file, 4 lock a folder (a path; locks.c), 5 unlock (the
 * id of the request that locked; no reply). A file is locked at once or not at all; a folder is waited for.
 */
#include "launcher.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_REQUEST (16u << 20)
#define MAX_REPLY (16u << 20)
enum { RUN = 1, SUPERVISE = 2, LOCK_A_FILE = 3, LOCK_A_FOLDER = 4, UNLOCK = 5 };

struct buffer {
	char *bytes;
	size_t used, size;
};
struct job {
	uint32_t id;
	int pipe;
	int is_lock;
	struct buffer reply;
};
static struct job *jobs;
static struct pollfd *polls; /* 0: standard input, then one for each job */
static size_t job_count, job_room;
static struct buffer input;

static int make_room(struct buffer *buffer, size_t more) {
	if (buffer->size - buffer->used >= more) return 0;
	size_t size = (buffer->used + more) * 2;
	char *bytes = realloc(buffer->bytes, size);
	if (!bytes) return -ENOMEM;
	buffer->bytes = bytes;
	buffer->size = size;
	return 0;
}

/* In one piece, with the place for its head in front. */
static void reply(uint32_t id, char *bytes, size_t length) {
	uint32_t head[2] = {(uint32_t)length - 4, id};
	memcpy(bytes, head, sizeof head);
	if (write_all(STDOUT_FILENO, bytes, length)) _exit(1); /* Node is gone */
}

static void reply_report(uint32_t id, struct report report) {
	struct {
		uint32_t head[2];
		struct report report;
	} message = {.report = report};
	reply(id, (char *)&message, sizeof message);
}

static void reply_failure(uint32_t id, int error) {
	reply_report(id, (struct report){REPORT_FAILED, SECTION_SUPERVISOR, STEP_FORK, (uint32_t)-error});
}

static void forget_parent(struct run *run, pid_t child) {
	(void)run, (void)child;
	_exit(0);
}

/* In the child. The reports of a `clone`d child are the program's; what it leaves behind, the session reaps. */
static void run_job(struct program program) {
	struct run run = {.report = REPORT_FD, .joined_pid = NO_NUMBER, .clone_as_sibling = 1, .after_clone = forget_parent};
	run_and_report(&run, program);
	_exit(0);
}

static void execute(uint32_t kind, char *payload, size_t length, int report) {
	if (enter_child(report, kind == RUN)) _exit(1);
	if (kind == RUN) run_job((struct program){.bytes = payload, .length = length});
	char *folder = strndup(payload, length);
	if (!folder || setsid() < 0) _exit(1);
	supervise(folder, REPORT_FD);
}

static int add_job(uint32_t id, int pipe, int is_lock) {
	if (job_count == job_room) {
		size_t room = job_room ? job_room * 2 : 64;
		struct job *more_jobs = realloc(jobs, room * sizeof *jobs);
		if (more_jobs) jobs = more_jobs;
		struct pollfd *more_polls = more_jobs ? realloc(polls, (room + 1) * sizeof *polls) : NULL;
		if (!more_polls) return -ENOMEM;
		polls = more_polls;
		job_room = room;
	}
	struct job job = {.id = id, .pipe = pipe, .is_lock = is_lock};
	if (make_room(&job.reply, 256)) return -ENOMEM;
	job.reply.used = 8; /* the head */
	jobs[job_count++] = job;
	return 0;
}

/* The job that add_job has just made, if it did. */
static void take_back_job(int pipe) {
	if (job_count && jobs[job_count - 1].pipe == pipe) free(jobs[--job_count].reply.bytes);
	close(pipe);
}

static void start_job(uint32_t id, uint32_t kind, char *payload, size_t length) {
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0) return reply_failure(id, -errno);
	int error = add_job(id, ends[0], 0);
	pid_t child = error ? -1 : fork();
	if (child == 0) execute(kind, payload, length, ends[1]);
	if (child < 0 && !error) error = -errno;
	close(ends[1]);
	if (!error) return;
	take_back_job(ends[0]);
	reply_failure(id, error);
}

/* Who waits for a folder is a job: its end is the reply. */
static int start_lock_folder(uint32_t id, const char *path) {
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
	int error = add_job(id, ends[0], 1);
	if (!error) error = lock_folder(id, path, ends[1]);
	close(ends[1]);
	if (error <= 0) take_back_job(ends[0]);
	return error;
}

static void start_lock(uint32_t id, uint32_t kind, const char *payload, size_t length) {
	char *path = strndup(payload, length);
	int error = !path ? -ENOMEM : kind == LOCK_A_FILE ? lock_file(id, path) : start_lock_folder(id, path);
	free(path);
	if (error > 0) return;
	reply_report(id, (struct report){error ? REPORT_FAILED : REPORT_DONE, SECTION_PROGRAM, 0, (uint32_t)-error});
}

static void start(uint32_t id, uint32_t kind, char *payload, size_t length) {
	uint32_t number;
	switch (kind) {
		case RUN:
		case SUPERVISE: return start_job(id, kind, payload, length);
		case LOCK_A_FILE:
		case LOCK_A_FOLDER: return start_lock(id, kind, payload, length);
		case UNLOCK:
			if (length == sizeof number) unlock((memcpy(&number, payload, sizeof number), number));
			return;
		default: return reply_failure(id, -ENOSYS);
	}
}

/* Takes whole requests off the front of what has been read. */
static void start_requests(void) {
	size_t at = 0;
	for (uint32_t head[3]; input.used - at >= sizeof head; at += 4 + head[0]) {
		memcpy(head, input.bytes + at, sizeof head);
		if (head[0] < 8 || head[0] > MAX_REQUEST) _exit(1); /* out of step: nothing that follows could be trusted */
		if (input.used - at < 4 + (size_t)head[0]) break;
		start(head[1], head[2], input.bytes + at + sizeof head, head[0] - 8);
	}
	input.used -= at;
	memmove(input.bytes, input.bytes + at, input.used);
}

/* 0: standard input ended. */
static int read_requests(void) {
	if (make_room(&input, 1 << 16)) _exit(1);
	ssize_t length = read(STDIN_FILENO, input.bytes + input.used, input.size - input.used);
	if (length < 0 && (errno == EINTR || errno == EAGAIN)) return 1;
	if (length <= 0) return 0;
	input.used += (size_t)length;
	start_requests();
	return 1;
}

static void finish_job(size_t index) {
	reply(jobs[index].id, jobs[index].reply.bytes, jobs[index].reply.used);
	close(jobs[index].pipe);
	free(jobs[index].reply.bytes);
	jobs[index] = jobs[--job_count];
}

static int read_reports(struct buffer *reply, int pipe) {
	if (reply->used > MAX_REPLY || make_room(reply, 4096)) return 0;
	ssize_t length = read(pipe, reply->bytes + reply->used, reply->size - reply->used);
	if (length < 0 && errno == EINTR) return 1;
	if (length <= 0) return 0;
	reply->used += (size_t)length;
	return 1;
}

/* Backwards, since a finished job's place is taken by the last one, which has been seen by then. */
static void read_jobs(size_t polled) {
	for (size_t i = polled; i-- > 0;)
		if (polls[i + 1].revents && !read_reports(&jobs[i].reply, jobs[i].pipe)) finish_job(i);
}

/* Nobody is left to have a lock that is still waited for: who waits dies with us. */
static int has_work(void) {
	for (size_t i = 0; i < job_count; i++)
		if (!jobs[i].is_lock) return 1;
	return 0;
}

int serve_main(void) {
	int open = 1;
	polls = malloc(sizeof *polls);
	if (!polls) return 1;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);  /* Ctrl-C is for Node to understand */
	signal(SIGCHLD, SIG_IGN); /* the kernel reaps: what became of a child, its pipe tells */
	while (open || has_work()) {
		polls[0] = (struct pollfd){.fd = open ? STDIN_FILENO : -1, .events = POLLIN};
		for (size_t i = 0; i < job_count; i++) polls[i + 1] = (struct pollfd){.fd = jobs[i].pipe, .events = POLLIN};
		size_t polled = job_count;
		if (poll(polls, polled + 1, -1) < 0) continue;
		int input_ready = polls[0].revents != 0;
		read_jobs(polled);
		if (input_ready) open = read_requests();
	}
	return 0;
}
