/* Other programs: finding the file that is to be run, running one on the way (capture), and exec, which is the end. */
#include "launcher.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_CAPTURED (15 << 20) /* beneath what a reply may be (serve.c) */

static char **string_array(const struct value *list) {
	char **array = calloc(list->number + 1, sizeof *array);
	const char *cursor = list->bytes;
	for (uint64_t i = 0; array && i < list->number; i++) array[i] = (char *)(uintptr_t)next_string(&cursor);
	return array;
}

static const char *search_path(char **env) {
	for (; *env; env++)
		if (!strncmp(*env, "PATH=", 5)) return *env + 5;
	return "";
}

static int is_executable(const char *path) {
	struct stat status;
	if (stat(path, &status) < 0) return -errno;
	if (S_ISDIR(status.st_mode)) return -EISDIR;
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

/* As shells do: the first that can be run; when there is none, "not permitted" says more than "not found". */
static int find_program(const char *name, char **env, char *found, size_t size) {
	int error = -ENOENT;
	for (const char *at = search_path(env); *at;) {
		size_t length = strcspn(at, ":");
		const char *next = at + length + (at[length] == ':');
		if (snprintf(found, size, "%.*s%s%s", (int)length, at, length ? "/" : "./", name) < (int)size) {
			int problem = is_executable(found);
			if (!problem) return 0;
			if (problem == -EACCES) error = -EACCES;
		}
		at = next;
	}
	return error;
}

/* The word that what fails from here on is the program's own fault, not ours, is exec's (child.c). */
static int op_find(struct run *run, const struct value *v) { /* program env */
	char path[PATH_MAX], **env = string_array(&v[1]);
	if (!env) return -ENOMEM;
	int error = strchr(v[0].bytes, '/') ? is_executable(v[0].bytes) : find_program(v[0].bytes, env, path, sizeof path);
	if (error) send_report(run->report, REPORT_EXEC, run->section, run->index, 0);
	free(env);
	return error;
}

/* Signals that a parent ignores or blocks would stay so in the program. */
static void reset_signals(void) {
	sigset_t none;
	for (int number = 1; number < 65; number++) signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * Everything but the standard streams closes at exec; the descriptor for reports too, which is how its reader learns that exec
 * succeeded. The wish to die with the parent is renewed here since a change of ids takes it away, and the parent that died before
 * it is noticed because nobody holds the other end of the report socket.
 */
static int op_exec(struct run *run, const struct value *v) { /* argv env */
	if (run->section == SECTION_SETUP) return -EINVAL; /* would be the end of the supervisor */
	char path[PATH_MAX];
	char **argv = string_array(&v[0]), **env = string_array(&v[1]);
	if (!argv || !env) return -ENOMEM;
	if (!argv[0] || !*argv[0]) return -EINVAL;
	if (run->dies_with_parent) prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (send_report(run->report, REPORT_EXEC, run->section, run->index, 0) == -EPIPE) _exit(1);
	const char *program = argv[0];
	if (!strchr(program, '/')) {
		int error = find_program(program, env, path, sizeof path);
		if (error) return error;
		program = path;
	}
	reset_signals();
	syscall(SYS_close_range, 3u, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */);
	execve(program, argv, env);
	return errno == EACCES && is_executable(program) == -EISDIR ? -EISDIR : -errno;
}

/* Files in memory stand for the streams: nobody has to write and read at once, and what goes to the background holds up nobody. */
static int fill_memory(const struct value *content) {
	int fd = memfd_create("capture", MFD_CLOEXEC);
	if (fd < 0) return -errno;
	if (content && (write_all(fd, content->bytes, content->length) || lseek(fd, 0, SEEK_SET) < 0)) {
		close(fd);
		return -ENOSPC;
	}
	return fd;
}

static void __attribute__((noreturn)) exec_captured(const char *program, char **argv, char **env, const int *streams) {
	for (int i = 0; i < 3; i++)
		if (dup2(streams[i], i) < 0) _exit(126);
	reset_signals();
	umask(022);
	syscall(SYS_close_range, 3u, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */);
	execve(program, argv, env);
	_exit(errno == ENOENT ? 127 : 126);
}

/* Exit status (as shells count), length of the output, output, errors. */
static int send_captured(const struct run *run, uint32_t status, const int *streams) {
	struct stat output, errors;
	if (fstat(streams[1], &output) < 0 || fstat(streams[2], &errors) < 0) return -errno;
	if (output.st_size + errors.st_size > MAX_CAPTURED) return -EFBIG;
	size_t out = (size_t)output.st_size, err = (size_t)errors.st_size;
	uint32_t head[2] = {status, (uint32_t)out};
	char *data = malloc(sizeof head + out + err);
	if (!data) return -ENOMEM;
	memcpy(data, head, sizeof head);
	int whole = pread(streams[1], data + sizeof head, out, 0) == (ssize_t)out &&
							pread(streams[2], data + sizeof head + out, err, 0) == (ssize_t)err;
	int error = whole ? send_report_data(run, data, (uint32_t)(sizeof head + out + err)) : -EIO;
	free(data);
	return error;
}

static int run_captured(const struct run *run, const char *program, char **argv, char **env, const int *streams) {
	int status;
	pid_t child = fork();
	if (child < 0) return -errno;
	if (child == 0) exec_captured(program, argv, env, streams);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR) return -errno;
	return send_captured(run, (uint32_t)(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)), streams);
}

/* Runs another program to its end, and sends back what it said. */
static int op_capture(struct run *run, const struct value *v) { /* argv env input */
	char path[PATH_MAX];
	char **argv = string_array(&v[0]), **env = string_array(&v[1]);
	int streams[3] = {fill_memory(&v[2]), fill_memory(NULL), fill_memory(NULL)};
	int error = argv && env ? 0 : -ENOMEM;
	for (int i = 0; i < 3; i++)
		if (streams[i] < 0) error = streams[i];
	if (!error && (!argv[0] || !*argv[0])) error = -EINVAL;
	const char *program = error ? NULL : argv[0];
	if (program && !strchr(program, '/')) {
		error = find_program(program, env, path, sizeof path);
		program = path;
	}
	if (!error) error = run_captured(run, program, argv, env, streams);
	for (int i = 0; i < 3; i++)
		if (streams[i] >= 0) close(streams[i]);
	free(argv);
	free(env);
	return error;
}

const struct op exec_ops[] = {
	{"capture", "SSb", op_capture},
	{"find", "sS", op_find},
	{"exec", "SS", op_exec},
	{0},
};
