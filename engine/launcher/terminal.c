/*
 * An exec on a terminal of the container's own: its master is ours, and what passes between it and the terminal that we were started on
 * (the client's, by node-pty) is copied here. When the client goes away the program stays, as under Docker: it is read on, to nowhere.
 */
#include "launcher.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

struct flow {
	int from, to; /* -1: closed */
	size_t begin, end;
	char bytes[16384];
};

static void copy_size(int master) {
	struct winsize size;
	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) ioctl(master, TIOCSWINSZ, &size);
}

static int is_transient(void) {
	return errno == EAGAIN || errno == EINTR;
}

/* 0: nothing more will come. */
static int fill(struct flow *flow) {
	ssize_t length = read(flow->from, flow->bytes, sizeof flow->bytes);
	if (length < 0 && is_transient()) return 1;
	if (length <= 0) return 0;
	flow->begin = 0;
	flow->end = (size_t)length;
	return 1;
}

static void empty(struct flow *flow) {
	if (flow->to < 0) flow->begin = flow->end;
	if (flow->begin == flow->end) return;
	ssize_t length = write(flow->to, flow->bytes + flow->begin, flow->end - flow->begin);
	if (length > 0) flow->begin += (size_t)length;
	else if (length < 0 && !is_transient()) flow->to = -1;
}

/* 0: it has ended, and what it printed is passed on. Others that hold its terminal are not waited for. */
static int has_ended(pid_t child) {
	siginfo_t info = {0};
	return waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == child;
}

static void take_signal(int signals, int master, pid_t child) {
	struct signalfd_siginfo info;
	while (read(signals, &info, sizeof info) == sizeof info) {
		if (info.ssi_signo == SIGWINCH) copy_size(master);
		else if (info.ssi_signo != SIGCHLD && info.ssi_signo != SIGHUP) kill(child, (int)info.ssi_signo);
	}
}

/* One turn of both flows; 0 when nothing could be read at once. */
static int turn(struct flow *keys, struct flow *output, int signals, int wait_ms) {
	struct pollfd polls[] = {
		{.fd = keys->begin == keys->end ? keys->from : -1, .events = POLLIN},
		{.fd = keys->begin < keys->end ? keys->to : -1, .events = POLLOUT},
		{.fd = output->begin == output->end ? output->from : -1, .events = POLLIN},
		{.fd = output->begin < output->end ? output->to : -1, .events = POLLOUT},
		{.fd = signals, .events = POLLIN},
	};
	if (poll(polls, 5, wait_ms) <= 0) return 0;
	if (polls[0].revents && !fill(keys)) keys->from = output->to = -1; /* the client is gone */
	if (polls[2].revents && !fill(output)) output->from = -1;
	empty(keys);
	empty(output);
	return 1;
}

static int open_signals(void) {
	sigset_t handled;
	sigemptyset(&handled);
	static const int numbers[] = {SIGCHLD, SIGWINCH, SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGUSR1, SIGUSR2};
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) sigaddset(&handled, numbers[i]);
	sigprocmask(SIG_BLOCK, &handled, NULL);
	return signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Returns when the child has ended; it is still to be waited for. */
void copy_terminal(int master, pid_t child) {
	static struct flow keys, output;
	struct termios raw;
	int signals = open_signals();
	if (tcgetattr(STDIN_FILENO, &raw) == 0) {
		cfmakeraw(&raw);
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	copy_size(master);
	for (int fd = 0; fd < 2; fd++) fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
	fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK);
	keys = (struct flow){.from = STDIN_FILENO, .to = master};
	output = (struct flow){.from = master, .to = STDOUT_FILENO};
	while (!has_ended(child)) {
		turn(&keys, &output, signals, -1);
		take_signal(signals, master, child);
	}
	keys.from = -1;
	while (turn(&keys, &output, -1, 0) || output.begin < output.end) {
		if (output.from < 0 && output.begin == output.end) break;
		struct pollfd wait = {.fd = output.to, .events = POLLOUT};
		if (output.begin < output.end && poll(&wait, 1, 5000) == 0) break; /* nobody reads */
	}
	close(master);
}
