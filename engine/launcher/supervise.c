/*
 * The supervisor's event loop. Every turn waits for something to happen, takes in all facts, and then lets `settle` conclude what
 * follows from them (life.c); nothing depends on the order in which the facts arrived. It never waits anywhere else.
 */
#include "supervise.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the loop */

/*
 * Looks at who exited before reaping: a preparer's word about its clone may still be in the socket, or about to be. A stranger
 * while a start is in its first steps is that clone, most likely, and is looked at again when the word has come.
 */
static void reap(struct supervisor *s) {
	for (siginfo_t info = {0};; info.si_pid = 0) {
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0) return;
		settle_start(s);
		read_child_reports(&s->health.probe, -1, NULL);
		struct child *owners[] = {&s->main, &s->health.probe};
		int known = 0, uncertain = 0;
		for (int i = 0; i < 2; i++) {
			known |= owners[i]->preparer && (info.si_pid == owners[i]->pid || info.si_pid == owners[i]->preparer);
			uncertain |= owners[i]->preparer && owners[i]->pid == owners[i]->preparer && owners[i]->reports >= 0;
		}
		if (!known && uncertain) return;
		int status;
		if (waitpid(info.si_pid, &status, 0) != info.si_pid) return;
		if (note_relay(info.si_pid) || note_names(s, info.si_pid) || note_compressed(&s->log.file, info.si_pid, status)) continue;
		for (int i = 0; i < 2; i++) note_exit(owners[i], info.si_pid, status);
	}
}

static void read_signals(struct supervisor *s) {
	struct signalfd_siginfo info;
	while (read(s->signals, &info, sizeof info) == sizeof info)
		if (info.ssi_signo != SIGCHLD) stop_container(s, s->spec.stop.signal, s->spec.stop.grace_ms);
}

static void read_output(struct supervisor *s, struct stream *stream) {
	const char *fresh;
	size_t length;
	int goes_on = read_stream(&s->log, stream, &fresh, &length);
	tell_attached(s, stream, fresh, length);
	if (goes_on) return;
	if (s->input == stream->fd) s->input = -1;
	close_stream(&s->log, stream);
}

static int milliseconds_left(const struct supervisor *s) {
	uint64_t at = earliest(earliest(earliest(earliest(s->kill_at, s->log.remote.retry_at), next_stall(s)), s->restart_at), earliest(earliest(s->drain_until, s->oom.look_at), next_health_event(s)));
	at = earliest(at, s->log.file.trim_at);
	uint64_t now = now_ms();
	if (s->spec.foreground && !s->claimed && now < s->claimable_until) at = earliest(at, s->claimable_until);
	if (!at) return -1;
	if (at <= now) return 0;
	return at - now > 3600000 ? 3600000 : (int)(at - now);
}

static int input_is_waited_for(const struct supervisor *s) {
	for (int i = 0; i < MAX_CLIENTS; i++)
		if (s->clients[i] && s->clients[i]->attached && s->clients[i]->in_used) return 1;
	return 0;
}

enum { SIGNALS, LISTENER, MAIN_REPORTS, PROBE_REPORTS, OUTPUT, ERROR, REMOTE, PROBE_OUTPUT, INPUT, OOM, RELAYS, CLIENTS };

static void turn(struct supervisor *s) {
	const int held_back = output_is_held_back(s);
	const int waits = held_back || output_waits(s);
	struct pollfd polls[MAX_POLLS] = {
		[SIGNALS] = {.fd = s->signals, .events = POLLIN},
		[LISTENER] = {.fd = s->listener, .events = POLLIN},
		[MAIN_REPORTS] = {.fd = s->main.reports, .events = POLLIN},
		[PROBE_REPORTS] = {.fd = s->health.probe.reports, .events = POLLIN},
		[OUTPUT] = {.fd = waits ? -1 : s->streams[0].fd, .events = POLLIN},
		[ERROR] = {.fd = waits ? -1 : s->streams[1].fd, .events = POLLIN},
		[REMOTE] = {.fd = remote_waits(&s->log.remote) ? s->log.remote.fd : -1, .events = POLLOUT},
		[PROBE_OUTPUT] = {.fd = s->health.output, .events = POLLIN},
		[INPUT] = {.fd = input_is_waited_for(s) ? s->input : -1, .events = POLLOUT},
		[RELAYS] = {.fd = relay_descriptor(), .events = POLLIN},
		[OOM] = {.fd = s->oom.fd, .events = s->oom.is_eventfd ? POLLIN : POLLPRI},
	};
	int count = CLIENTS + poll_clients(s, polls + CLIENTS);
	if (poll(polls, (nfds_t)count, milliseconds_left(s)) < 0) return;
	if (polls[SIGNALS].revents) read_signals(s);
	if (polls[REMOTE].revents) flush_remote(&s->log.remote);
	if (polls[OUTPUT].revents) read_output(s, &s->streams[0]);
	if (polls[ERROR].revents) read_output(s, &s->streams[1]);
	if (polls[PROBE_OUTPUT].revents) read_probe_output(s);
	if (polls[OOM].revents) read_oom_watch(s);
	if (polls[RELAYS].revents) accept_relays();
	serve_clients(s, polls + CLIENTS);
	if (polls[LISTENER].revents) accept_clients(s);
}

static void settle(struct supervisor *s) {
	settle_start(s);
	reap(s);
	settle_exit(s);
	settle_health(s);
	settle_remote(&s->log.remote);
	settle_log_file(&s->log.file);
	settle_stalls(s);
	settle_deadlines(s);
}

/* ---- the beginning */

static int block_signals(void) {
	sigset_t handled;
	sigemptyset(&handled);
	sigaddset(&handled, SIGCHLD);
	sigaddset(&handled, SIGTERM);
	sigaddset(&handled, SIGINT);
	if (sigprocmask(SIG_BLOCK, &handled, NULL) < 0) return -errno;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGIO, SIG_IGN); /* somebody opens a file at the moment of log_file.c's question */
	int fd = signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static void prepare(struct supervisor *s, int session) {
	s->session = session;
	s->pending_grace = -1;
	s->listener = s->signals = s->input = s->oom.fd = s->run_folder = s->health.output = -1;
	s->streams[0] = (struct stream){.fd = -1, .name = "stdout"};
	s->streams[1] = (struct stream){.fd = -1, .name = "stderr", .is_error = 1};
	s->main = s->health.probe = (struct child){.pidfd = -1, .reports = -1};
	/* `join` in the setup puts a pidfd there. */
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0 && null != JOINED_FD && dup3(null, JOINED_FD, O_CLOEXEC) >= 0) close(null);
}

static void leave(int session, enum supervisor_step step, int error) {
	send_report(session, REPORT_FAILED, SECTION_SUPERVISOR, step, (uint32_t)-error);
	_exit(1);
}

/* Two would write the same files. The one before may have said its last word and not be gone yet: it gets two seconds. */
static void be_alone(const struct supervisor *s) {
	for (int attempt = 0; flock(s->run_folder, LOCK_EX | LOCK_NB) < 0; attempt++) {
		if (errno != EWOULDBLOCK) leave(s->session, STEP_ALONE, -errno);
		if (attempt == 400) leave(s->session, STEP_ALONE, -EBUSY);
		nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
	}
}

static void read_spec(struct supervisor *s, const char *folder) {
	char *bytes;
	size_t length;
	s->run_folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->run_folder < 0) leave(s->session, STEP_RUN_FOLDER, -errno);
	be_alone(s);
	int error = read_file_at(s->run_folder, "program", &bytes, &length);
	if (!error) error = parse_spec(&s->spec, bytes, length);
	if (error) leave(s->session, STEP_SPEC, error);
}

static void run_setup(struct supervisor *s) {
	struct run run = {.section = SECTION_SETUP, .report = s->session, .joined_pid = NO_NUMBER};
	int error = run_program(&run, s->spec.setup);
	if (error) fail(s, SECTION_SETUP, run.index, error);
}

void supervise(const char *folder, int session) {
	static struct supervisor supervisor; /* zero pages until they are used */
	struct supervisor *s = &supervisor;
	char title[128];
	prepare(s, session);
	read_spec(s, folder);
	snprintf(title, sizeof title, "tcompose-launcher supervise %s", s->spec.id);
	set_title(title);
	s->signals = block_signals();
	int error = open_log(&s->log, &s->spec); /* while this is the host's network */
	if (error) fail(s, SECTION_SUPERVISOR, STEP_LOG, error);
	uint32_t port;
	error = hold_ports(s, &port);
	if (error) fail(s, SECTION_PORTS, port, error);
	run_setup(s);
	error = serve_names(s);
	if (error) fail(s, SECTION_SUPERVISOR, STEP_NAMES, error);
	open_oom_watch(s);
	error = open_control(s);
	if (error) fail(s, SECTION_SUPERVISOR, STEP_CONTROL, error);
	publish(s);
	begin_start(s);
	for (;;) {
		turn(s);
		settle(s);
	}
}
