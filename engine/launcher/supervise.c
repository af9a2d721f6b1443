/*
 * The supervisor's event loop. Every turn waits for something to happen, takes in all facts, and then lets `settle` conclude what
 * follows from them; nothing depends on the order in which the facts arrived. It never waits anywhere else.
 */
#include "supervise.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* Docker's numbers. */
enum { FIRST_BACKOFF_MS = 100, LONGEST_BACKOFF_MS = 60000, GOOD_RUN_MS = 10000, DRAIN_MS = 2000 };
enum { CLAIM_MS = 10000, HELD_BYTES = 256 << 10 };

/* ---- the end */

static void answer_session(struct supervisor *s) {
	if (s->session < 0) return;
	if (s->error.kind) send_report(s->session, REPORT_FAILED, s->error.section, s->error.index, s->error.value);
	else send_report(s->session, REPORT_DONE, SECTION_START, 0, 0);
	close(s->session);
	s->session = -1;
}

/* Whoever hears of the end finds the host clean: cgroups go before the state says so, the network namespace goes with this process. */
static void finish(struct supervisor *s) {
	finish_clients(s);
	close_log(&s->log);
	remove_cgroups(&s->spec.cgroups);
	s->status = EXITED;
	publish_end(s);
	answer_session(s);
	_exit(0);
}

static void fail(struct supervisor *s, uint32_t section, uint32_t index, int error) {
	s->error = (struct report){REPORT_FAILED, section, index, (uint32_t)-error};
	if (s->exit_code == 0) s->exit_code = 128;
	finish(s);
}

/* ---- start */

static int open_pipe(int *ours, int *theirs, int ours_writes) {
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
	*ours = ends[ours_writes];
	*theirs = ends[!ours_writes];
	fcntl(*ours, F_SETFL, O_NONBLOCK);
	return 0;
}

/* A terminal comes later, from the container; without one, a pipe for each stream. */
static int open_streams(struct supervisor *s, struct streams *theirs) {
	*theirs = (struct streams){-1, -1, -1};
	if (s->spec.tty) return 0;
	int error = open_pipe(&s->streams[0].fd, &theirs->output, 0);
	if (!error) error = open_pipe(&s->streams[1].fd, &theirs->error, 0);
	if (!error && s->spec.stdin_open) error = open_pipe(&s->input, &theirs->input, 1);
	return error;
}

static void close_all(const struct streams *streams) {
	if (streams->input >= 0) close(streams->input);
	if (streams->output >= 0) close(streams->output);
	if (streams->error >= 0) close(streams->error);
}

static void begin_start(struct supervisor *s) {
	struct streams theirs;
	s->restart_at = 0;
	if (s->spec.foreground && !s->claimed) s->claimable_until = now_ms() + CLAIM_MS;
	s->oom_before = read_oom_counter(s->spec.oom_counter);
	int error = open_streams(s, &theirs);
	if (!error) error = start_child(&s->main, SECTION_START, s->spec.start, theirs, -1);
	close_all(&theirs);
	if (error) fail(s, SECTION_SUPERVISOR, STEP_FORK, error);
}

static void note_started(struct supervisor *s) {
	s->status = RUNNING;
	s->started_at = time_of_day();
	s->started_ms = now_ms();
	s->exit_code = 0;
	s->oom_killed = 0;
	s->error = (struct report){0};
	begin_health(s);
	publish(s);
	answer_session(s);
	if (s->pending_signal) stop_container(s, s->pending_signal, s->pending_grace);
}

/* The reports' end closed: it runs, or it will not. Of a start that failed, the process is waited for by settle_exit. */
static void settle_start(struct supervisor *s) {
	int terminal = -1;
	read_child_reports(&s->main, s->session, &terminal);
	if (terminal >= 0) {
		fcntl(terminal, F_SETFL, O_NONBLOCK);
		s->streams[0].fd = s->input = terminal;
	}
	if (!s->main.preparer || s->main.reports >= 0 || s->status == RUNNING || s->main.failed) return;
	note_started(s);
}

/* ---- exit and restart */

/* As Docker's restart manager: the wait grows with every exit, and starts anew after a good run. */
static uint64_t next_backoff(struct supervisor *s) {
	if (s->spec.restart_delay_ms) return s->spec.restart_delay_ms;
	if (now_ms() - s->started_ms >= GOOD_RUN_MS) s->backoff_ms = 0;
	s->backoff_ms = s->backoff_ms ? s->backoff_ms * 2 : FIRST_BACKOFF_MS;
	if (s->backoff_ms > LONGEST_BACKOFF_MS) s->backoff_ms = LONGEST_BACKOFF_MS;
	return s->backoff_ms;
}

static int wants_restart(const struct supervisor *s) {
	if (s->ending || s->main.failed || s->spec.restart == RESTART_NO) return 0;
	if (s->spec.restart == RESTART_ON_FAILURE && s->exit_code == 0) return 0;
	return s->spec.max_retries == 0 || s->tries < s->spec.max_retries;
}

static void close_streams(struct supervisor *s) {
	if (s->input >= 0 && s->input != s->streams[0].fd) close(s->input);
	s->input = -1;
	close_stream(&s->log, &s->streams[0]);
	close_stream(&s->log, &s->streams[1]);
}

/* A start that failed leaves the numbers of the run before it, if there was one. */
static void note_failed_start(struct supervisor *s) {
	s->error = s->main.failure;
	if (!s->started_at.tv_sec || s->exit_code == 0) s->exit_code = exit_code_of(&s->main);
}

static void note_exited(struct supervisor *s) {
	thaw_container(s);
	s->exit_code = exit_code_of(&s->main);
	s->finished_at = time_of_day();
	s->oom_killed = read_oom_counter(s->spec.oom_counter) > s->oom_before;
	end_health(s);
}

static void conclude_exit(struct supervisor *s) {
	close_streams(s);
	s->kill_at = s->drain_until = 0;
	if (s->main.failed) note_failed_start(s);
	const uint64_t window = s->spec.restart_window_ms;
	if (window && now_ms() - s->started_ms >= window) s->tries = 0;
	if (!wants_restart(s)) finish(s);
	uint64_t wait = next_backoff(s);
	s->restart_count++;
	s->tries++;
	s->status = RESTARTING;
	forget_child(&s->main);
	s->restart_at = now_ms() + wait;
	publish(s);
	end_attached(s);
}

/* Of a container in the foreground nothing is read before its owner is there, or faster than that takes it. */
static int output_waits(const struct supervisor *s) {
	const int awaits_owner = s->spec.foreground && !s->claimed && !s->ending && now_ms() < s->claimable_until;
	return awaits_owner || has_unsent(s, HELD_BYTES);
}

/* A slow reader, of the log or attached, is waited for: what the container prints stays in its pipe. */
static int output_is_held_back(const struct supervisor *s) {
	return remote_is_full(&s->log.remote) || clients_hold_back(s);
}

/* Output may outlive the process by what it left in the pipe, or by others that hold it: two seconds, as Docker waits. */
static void settle_exit(struct supervisor *s) {
	if (!is_settled(&s->main)) return;
	if (!s->drain_until) {
		if (!s->main.failed) note_exited(s);
		kill_cgroups(&s->spec.cgroups);
		s->drain_until = now_ms() + DRAIN_MS;
	}
	if ((output_waits(s) || output_is_held_back(s) || has_unsent(s, 0)) && !s->ending && !s->main.failed) s->drain_until = now_ms() + DRAIN_MS;
	const int drained = s->streams[0].fd < 0 && s->streams[1].fd < 0 && (!has_unsent(s, 0) || s->ending);
	if (drained || s->main.failed || now_ms() >= s->drain_until) conclude_exit(s);
}

/* ---- stop */

/* Published, so that those who follow events hear of it; the state of one that starts is not worth a word yet. */
static int kill_main(struct supervisor *s, int signal) {
	if (!s->main.preparer || s->main.exited) return -ESRCH;
	int failed = s->main.pidfd >= 0 ? send_signal(s->main.pidfd, signal) : kill(s->main.pid, signal) < 0 ? -errno : 0; /* not reaped: its own pid */
	if (failed) return failed;
	s->signal_count++;
	s->last_signal = signal;
	publish(s);
	return 0;
}

/* 0: never. */
static uint64_t earliest(uint64_t one, uint64_t other) {
	if (!one || !other) return one ? one : other;
	return one < other ? one : other;
}

static int waits_for_restart(const struct supervisor *s) {
	return s->status == RESTARTING && s->restart_at;
}

/* A stop while it starts waits for the start: the launcher's code, as pid 1, would not hear the signal. */
int stop_container(struct supervisor *s, int signal, int64_t grace_ms) {
	if (signal < 1 || signal > 64 || grace_ms > MAX_MS) return -EINVAL;
	s->ending = s->stopped = 1;
	s->over |= waits_for_restart(s);
	s->pending_signal = s->status == RUNNING ? 0 : signal;
	if (grace_ms >= 0 && (s->pending_grace < 0 || grace_ms < s->pending_grace)) s->pending_grace = grace_ms;
	if (s->status == RUNNING && grace_ms) kill_main(s, signal);
	thaw_container(s);
	/* Of two stops the one with less patience counts. */
	uint64_t kill_at = grace_ms < 0 ? 0 : now_ms() + (uint64_t)grace_ms;
	s->kill_at = earliest(s->kill_at, kill_at);
	return 0;
}

int signal_container(struct supervisor *s, int signal, int cancels_restart) {
	if (signal < 1 || signal > 64) return -EINVAL;
	if (cancels_restart) s->ending = 1;
	s->over |= cancels_restart && waits_for_restart(s);
	int error = s->over ? 0 : kill_main(s, signal);
	if (signal == SIGKILL || signal == s->spec.stop.signal) thaw_container(s);
	return error;
}

static void settle_deadlines(struct supervisor *s) {
	uint64_t now = now_ms();
	if (s->over) finish(s);
	if (s->kill_at && now >= s->kill_at) {
		s->kill_at = 0;
		kill_main(s, SIGKILL);
		thaw_container(s);
	}
	if (s->restart_at && now >= s->restart_at) begin_start(s);
	settle_oom(s);
}

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
		if (note_relay(info.si_pid) || note_compressed(&s->log.file, info.si_pid, status)) continue;
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
