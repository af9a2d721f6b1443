/*
 * The life of one container: what follows from the facts that the event loop (supervise.c) took in. Starts, restarts as Docker's
 * restart manager, stops, and the end. Each `settle` may be called at any time; it does nothing when nothing follows.
 */
#include "supervise.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
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
static _Noreturn void finish(struct supervisor *s) {
	finish_clients(s);
	close_log(&s->log);
	remove_cgroups(&s->spec.cgroups);
	s->status = EXITED;
	publish_end(s);
	answer_session(s);
	_exit(0);
}

void fail(struct supervisor *s, uint32_t section, uint32_t index, int error) {
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

void begin_start(struct supervisor *s) {
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
void settle_start(struct supervisor *s) {
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
int output_waits(const struct supervisor *s) {
	const int awaits_owner = s->spec.foreground && !s->claimed && !s->ending && now_ms() < s->claimable_until;
	return awaits_owner || has_unsent(s, HELD_BYTES);
}

/* A slow reader, of the log or attached, is waited for: what the container prints stays in its pipe. */
int output_is_held_back(const struct supervisor *s) {
	return remote_is_full(&s->log.remote) || clients_hold_back(s);
}

/* Output may outlive the process by what it left in the pipe, or by others that hold it: two seconds, as Docker waits. */
void settle_exit(struct supervisor *s) {
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

void settle_deadlines(struct supervisor *s) {
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
