/*
 * `init PROGRAM ARG..`: process 1 of a container with `init: true`. It starts the program, hands every signal on to it, reaps whatever
 * is orphaned, and ends as the program ends. Without it a program that is process 1 ignores signals it has no handler for.
 */
#include "launcher.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Those are answers to what we do ourselves: blocked, a fault of ours would never end. */
static void block_all(sigset_t *before) {
	static const int own[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS};
	sigset_t all;
	sigfillset(&all);
	for (size_t i = 0; i < sizeof own / sizeof *own; i++) sigdelset(&all, own[i]);
	sigprocmask(SIG_SETMASK, &all, before);
}

/* A process group of its own in the foreground of its terminal, if it has one: Ctrl-C is for it and its children. */
static void become_program(char **argv, const sigset_t *mask) {
	setpgid(0, 0);
	tcsetpgrp(STDIN_FILENO, getpgrp());
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	dprintf(STDERR_FILENO, "exec: \"%s\": %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT || errno == ENOTDIR ? 127 : 126);
}

/* -1: the program still runs. */
static int reap(pid_t program) {
	int status, result = -1;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
		if (pid == program) result = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return result;
}

int init_main(int argc, char **argv) {
	sigset_t before, all;
	if (argc < 3) return 125;
	block_all(&before);
	pid_t program = fork();
	if (program < 0) return 125;
	if (program == 0) become_program(argv + 2, &before);
	sigfillset(&all);
	for (int result = -1, number; result < 0;) {
		number = sigwaitinfo(&all, NULL);
		if (number == SIGCHLD) result = reap(program);
		else if (number > 0 && number != SIGTTIN && number != SIGTTOU) kill(program, number);
		if (result >= 0) return result;
	}
	return 125;
}
