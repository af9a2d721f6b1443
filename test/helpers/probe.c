/*
 * The program inside containers of the kernel tests: static, so that an empty root filesystem can run it. Its first arguments say
 * what it does; several commands follow each other after a `then`.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void pause_ms(long ms) {
	struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	while (nanosleep(&time, &time) < 0 && errno == EINTR) continue;
}

static int do_exit(char **a) {
	exit(atoi(a[0]));
}

static int do_echo(char **a) {
	puts(a[0]);
	return fflush(stdout);
}

static int do_error(char **a) {
	fprintf(stderr, "%s\n", a[0]);
	return 0;
}

static int do_print(char **a) { /* without a newline */
	fputs(a[0], stdout);
	return fflush(stdout);
}

static int do_repeat(char **a) { /* letter count: that many of it, without a newline */
	size_t count = strtoul(a[1], NULL, 10);
	char *bytes = malloc(count + 1);
	memset(bytes, a[0][0], count);
	for (size_t at = 0; at < count;) at += (size_t)write(1, bytes + at, count - at);
	free(bytes);
	return 0;
}

static int do_lines(char **a) { /* count pause: numbered lines, in large pieces, so many microseconds between them */
	char buffer[65536];
	size_t used = 0, count = strtoul(a[0], NULL, 10), pause = strtoul(a[1], NULL, 10);
	for (size_t i = 0; i < count; i++) {
		used += (size_t)snprintf(buffer + used, sizeof buffer - used, "line %zu\n", i);
		if (used < sizeof buffer - 64 && i + 1 < count) continue;
		for (size_t at = 0; at < used;) at += (size_t)write(1, buffer + at, used - at);
		used = 0;
		usleep((useconds_t)pause);
	}
	return 0;
}

static int do_hex(char **a) { /* bytes in hexadecimal */
	for (const char *at = a[0]; at[0] && at[1]; at += 2) {
		unsigned byte;
		sscanf(at, "%2x", &byte);
		putchar((int)byte);
	}
	return fflush(stdout);
}

static int do_cat(char **a) {
	char bytes[4096];
	int fd = open(a[0], O_RDONLY);
	if (fd < 0) return fprintf(stderr, "%s: %s\n", a[0], strerror(errno));
	for (ssize_t n; (n = read(fd, bytes, sizeof bytes)) > 0;)
		if (write(1, bytes, (size_t)n) < 0) break;
	return close(fd);
}

static int do_write(char **a) { /* path text: prints what errno it ended with */
	int fd = open(a[0], O_WRONLY | O_CREAT | O_APPEND, 0644);
	int failed = fd < 0 || write(fd, a[1], strlen(a[1])) < 0;
	printf("write %s: %s\n", a[0], failed ? strerror(errno) : "ok");
	if (fd >= 0) close(fd);
	return fflush(stdout);
}

static int do_stat(char **a) { /* kind, mode, owner, size */
	struct stat s;
	if (lstat(a[0], &s) < 0) printf("%s: %s\n", a[0], strerror(errno));
	else printf("%s: %o %u:%u %lld %x\n", a[0], s.st_mode, s.st_uid, s.st_gid, (long long)s.st_size, (unsigned)s.st_rdev);
	return fflush(stdout);
}

static int do_link(char **a) {
	char target[4096];
	ssize_t length = readlink(a[0], target, sizeof target - 1);
	target[length < 0 ? 0 : length] = '\0';
	printf("%s -> %s\n", a[0], target);
	return fflush(stdout);
}

static int do_environment(char **a) {
	extern char **environ;
	(void)a;
	for (char **entry = environ; *entry; entry++) puts(*entry);
	return fflush(stdout);
}

static int do_identity(char **a) {
	char folder[4096] = "?";
	gid_t groups[64];
	(void)a;
	int count = getgroups(64, groups);
	if (!getcwd(folder, sizeof folder)) strcpy(folder, "?");
	printf("uid=%u gid=%u groups=", getuid(), getgid());
	for (int i = 0; i < count; i++) printf("%s%u", i ? "," : "", groups[i]);
	printf(" pid=%d sid=%d cwd=%s\n", getpid(), getsid(0), folder);
	return fflush(stdout);
}

static int do_descriptors(char **a) { /* those that are open beyond the standard three */
	(void)a;
	printf("open:");
	for (int fd = 3; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0) printf(" %d", fd);
	puts("");
	return fflush(stdout);
}

static int do_terminal(char **a) {
	struct winsize size = {0};
	(void)a;
	ioctl(0, TIOCGWINSZ, &size);
	printf("tty=%d name=%s group=%d size=%dx%d\n", isatty(0), isatty(0) ? ttyname(0) : "-", tcgetpgrp(0) == getpgrp(), size.ws_row, size.ws_col);
	return fflush(stdout);
}

static volatile sig_atomic_t seen[65];
static void see(int number) {
	seen[number] = 1;
}

static int do_sleep(char **a) {
	pause_ms(atol(a[0]));
	return 0;
}

static int do_wait(char **a) { /* for a signal, then goes on: "wait TERM" */
	int number = !strcmp(a[0], "TERM") ? SIGTERM : !strcmp(a[0], "HUP") ? SIGHUP : !strcmp(a[0], "USR1") ? SIGUSR1 : SIGWINCH;
	sigset_t one, former;
	sigemptyset(&one);
	sigaddset(&one, number);
	sigprocmask(SIG_BLOCK, &one, &former);
	sigaction(number, &(struct sigaction){.sa_handler = see}, NULL);
	printf("waiting\n");
	fflush(stdout);
	while (!seen[number]) sigsuspend(&former);
	sigprocmask(SIG_SETMASK, &former, NULL);
	printf("got %s\n", a[0]);
	return fflush(stdout);
}

static int do_ignore(char **a) {
	(void)a;
	signal(SIGTERM, SIG_IGN);
	puts("ignoring");
	return fflush(stdout);
}

static int do_raise(char **a) { /* as another process than pid 1, whom its own signals do not kill */
	pid_t child = fork();
	if (child == 0) {
		raise(atoi(a[0]));
		_exit(0);
	}
	int status;
	waitpid(child, &status, 0);
	printf("child: %s %d\n", WIFSIGNALED(status) ? "signal" : "exit", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return fflush(stdout);
}

static int do_crash(char **a) {
	(void)a;
	__builtin_trap(); /* SIGILL, which the kernel delivers to a pid 1 too */
}

static int do_once(char **a) { /* path code: the first time exits with it, later goes on */
	int fd = open(a[0], O_WRONLY | O_CREAT | O_EXCL, 0644);
	if (fd >= 0) exit(atoi(a[1]));
	return 0;
}

static int do_child(char **a) { /* leaves a child behind that holds the standard streams for so many ms */
	if (fork() == 0) {
		setsid();
		pause_ms(atol(a[0]));
		_exit(0);
	}
	return 0;
}

static int do_memory(char **a) { /* MiB, touched; in a child, so that what is killed is not pid 1 */
	pid_t child = fork();
	if (child == 0) {
		size_t size = strtoul(a[0], NULL, 10) << 20;
		char *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (bytes == MAP_FAILED) _exit(1);
		for (size_t at = 0; at < size; at += 4096) bytes[at] = 1;
		_exit(0);
	}
	int status;
	waitpid(child, &status, 0);
	printf("child: %s %d\n", WIFSIGNALED(status) ? "signal" : "exit", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return fflush(stdout);
}

static int do_input(char **a) { /* a line of standard input */
	char line[4096];
	(void)a;
	printf("input: %s", fgets(line, sizeof line, stdin) ? line : "end\n");
	return fflush(stdout);
}

static int do_syscall(char **a) {
	errno = 0;
	long result = syscall(atol(a[0]), 0, 0, 0);
	printf("syscall %s: %ld %s\n", a[0], result, errno ? strerror(errno) : "ok");
	return fflush(stdout);
}

static int do_overwrite(char **a) { /* tries to write to the binary of a process: CVE-2019-5736 */
	char path[64];
	snprintf(path, sizeof path, "/proc/%s/exe", a[0]);
	int fd = open(path, O_WRONLY);
	printf("overwrite: %s\n", fd < 0 ? strerror(errno) : "possible");
	return fflush(stdout);
}

static int do_exec(char **a) {
	execv(a[0], (char *[]){a[0], NULL});
	printf("exec %s: %s\n", a[0], strerror(errno));
	return fflush(stdout);
}

static const struct command {
	const char *name;
	int arguments;
	int (*call)(char **arguments);
} commands[] = {
	{"exit", 1, do_exit}, {"echo", 1, do_echo}, {"error", 1, do_error}, {"print", 1, do_print},
	{"repeat", 2, do_repeat}, {"lines", 2, do_lines}, {"hex", 1, do_hex}, {"cat", 1, do_cat}, {"write", 2, do_write},
	{"stat", 1, do_stat}, {"link", 1, do_link}, {"environment", 0, do_environment}, {"identity", 0, do_identity},
	{"descriptors", 0, do_descriptors}, {"terminal", 0, do_terminal}, {"sleep", 1, do_sleep}, {"wait", 1, do_wait},
	{"ignore", 0, do_ignore}, {"raise", 1, do_raise}, {"crash", 0, do_crash}, {"once", 2, do_once},
	{"child", 1, do_child}, {"memory", 1, do_memory}, {"input", 0, do_input}, {"syscall", 1, do_syscall},
	{"overwrite", 1, do_overwrite}, {"exec", 1, do_exec},
};

static int run(int count, char **arguments) {
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (!strcmp(commands[i].name, arguments[0]) && count > commands[i].arguments) {
			commands[i].call(arguments + 1);
			return commands[i].arguments + 1;
		}
	fprintf(stderr, "probe: no such command: %s\n", arguments[0]);
	exit(64);
}

int main(int argc, char **argv) {
	for (int at = 1; at < argc;) {
		at += run(argc - at, argv + at);
		if (at < argc && strcmp(argv[at], "then")) exit(64);
		at++;
	}
	return 0;
}
