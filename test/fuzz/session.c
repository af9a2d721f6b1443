/*
 * Fuzzes the frames of a session (serve.c): the input arrives in pieces of odd sizes. No process is started: fork(2) fails, or says that there
 * is a child. Invariants: no byte beyond the input is read, each job's pipe is closed once.
 */
#include "fuzz.h"
#include "../../engine/launcher/launcher.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

jmp_buf fuzz_end;
static const uint8_t *rest;
static size_t left, replied;
static unsigned turn;

_Noreturn void fuzz_exit(int status) {
	(void)status;
	longjmp(fuzz_end, 1);
}

static long piece_of_input(void *bytes, size_t size) {
	size_t part = (turn++ * 7 + left) % 61 + 1;
	if (part > size) part = size;
	if (part > left) part = left;
	memcpy(bytes, rest, part);
	rest += part;
	left -= part;
	return (long)part;
}

static long report_of_child(void *bytes, size_t size) {
	if (turn++ % 3 == 0 || !size) return 0;
	memset(bytes, 1, size < 16 ? size : 16);
	return size < 16 ? (long)size : 16;
}

static int fake_pipe(int *ends) {
	if (turn++ % 11 == 0) return errno = EMFILE, -1;
	ends[0] = 5000;
	ends[1] = 5001;
	return 0;
}

#define read(fd, bytes, size) ((fd) == 0 ? piece_of_input(bytes, size) : report_of_child(bytes, size))
#define write_all(fd, bytes, size) ((void)(fd), (void)(bytes), replied += (size), 0)
#define fork() (turn++ % 5 ? 1234 : (errno = EAGAIN, -1))
#define pipe2(ends, flags) fake_pipe(ends)
#define close(fd) ((void)(fd), 0)
#define signal(number, handler) ((void)0)
#define poll(polls, count, timeout) all_ready(polls, count)
#define _exit(status) fuzz_exit(status)
#define enter_child(report, keep) (-1)
#define run_and_report(run, program) ((void)(run), (void)(program))
#define supervise(folder, report) fuzz_exit(0)
/* Locks: taken, refused, waited for. */
#define lock_file(id, path) (strlen(path), turn++ % 3 ? 0 : -EAGAIN)
#define lock_folder(id, path, report) (strlen(path), (int)(turn++ % 3) - 1)
#define unlock(id) ((void)(id))
static int all_ready(struct pollfd *polls, size_t count) {
	for (size_t i = 0; i < count; i++) polls[i].revents = polls[i].fd >= 0 ? POLLIN : 0;
	return (int)count;
}
#include "../../engine/launcher/serve.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	rest = data;
	left = size;
	turn = (unsigned)size;
	if (setjmp(fuzz_end) == 0) serve_main();
	while (job_count) free(jobs[--job_count].reply.bytes);
	free(jobs);
	free(polls);
	free(input.bytes);
	jobs = NULL;
	polls = NULL;
	job_room = 0;
	input = (struct buffer){0};
	return 0;
}
