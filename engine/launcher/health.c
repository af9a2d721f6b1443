/*
 * Health as Docker has it: probes at intervals counted from the end of the one before, never two at once; a success makes healthy
 * at once; failures count when the start period is over or there has been a success, and make unhealthy when there are enough in a row.
 */
#include "supervise.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define START_LIMIT_MS 30000 /* for the probe to come to its exec; its own time limit counts from there */

static int is_in_start_period(const struct supervisor *s) {
	return s->health.status == HEALTH_STARTING && now_ms() - s->started_ms < s->spec.health.start_period_ms;
}

static void plan_next(struct supervisor *s) {
	s->health.next_at = now_ms() + (is_in_start_period(s) ? s->spec.health.start_interval_ms : s->spec.health.interval_ms);
}

void begin_health(struct supervisor *s) {
	if (!s->spec.health.enabled) return;
	s->health.status = HEALTH_STARTING;
	s->health.streak = 0;
	plan_next(s);
}

static void close_output(struct health *health) {
	if (health->output >= 0) close(health->output);
	health->output = -1;
}

static void end_probe(struct health *health) {
	if (health->probe.preparer && !health->probe.exited) kill(health->probe.pid, SIGKILL);
	close_output(health);
	forget_child(&health->probe);
	health->deadline = 0;
}

/* Docker's word for a container that no longer runs is "unhealthy". A probe under way is dropped; its process is reaped as a stranger. */
void end_health(struct supervisor *s) {
	if (!s->spec.health.enabled) return;
	end_probe(&s->health);
	s->health.next_at = 0;
	s->health.status = UNHEALTHY;
}

/* Frozen: what it was stays; the next probe comes an interval after it runs again. */
void suspend_health(struct supervisor *s) {
	if (!s->spec.health.enabled) return;
	end_probe(&s->health);
	s->health.next_at = 0;
}

void resume_health(struct supervisor *s) {
	if (s->spec.health.enabled && s->status == RUNNING) plan_next(s);
}

static void append_output(struct result *result, const char *bytes, size_t length) {
	size_t room = sizeof result->output - result->length;
	if (length > room) length = room;
	memcpy(result->output + result->length, bytes, length);
	result->length += (uint32_t)length;
}

/*
 * The first 4096 bytes and "..."; the rest is read all the same, so that the probe does not block. Some of it in each turn: one that
 * never pauses must not keep the supervisor from everything else.
 */
void read_probe_output(struct supervisor *s) {
	char chunk[4096];
	struct result *result = &s->health.current;
	ssize_t length;
	for (int chunks = 0; chunks < 4 && s->health.output >= 0; chunks++) {
		length = read(s->health.output, chunk, sizeof chunk);
		if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
		if (length <= 0) return close_output(&s->health);
		if (result->length > OUTPUT_KEPT) continue;
		size_t room = OUTPUT_KEPT - result->length;
		append_output(result, chunk, (size_t)length < room ? (size_t)length : room);
		if ((size_t)length > room) append_output(result, "...", 3);
	}
}

static void prepend_output(struct result *result, const char *text) {
	size_t length = strnlen(text, sizeof result->output - OUTPUT_KEPT - 8);
	if (result->length) {
		memmove(result->output + length + 2, result->output, result->length);
		memcpy(result->output + length, ": ", 2);
		result->length += 2;
	}
	memcpy(result->output, text, length);
	result->length += (uint32_t)length;
}

/* What Docker does with a result, in its order. */
static void judge(struct supervisor *s, int exit_code) {
	struct health *health = &s->health;
	health->current.exit_code = exit_code;
	health->current.end = time_of_day();
	health->log[health->results++ % RESULTS_KEPT] = health->current;
	if (exit_code == 0) {
		health->streak = 0;
		health->status = HEALTHY;
	} else if (health->status != HEALTH_STARTING || health->began_ms - s->started_ms >= s->spec.health.start_period_ms) {
		health->streak++;
		if (health->streak >= s->spec.health.retries) health->status = UNHEALTHY;
	}
	plan_next(s);
	publish(s);
}

/* With a container's init all others of its pid namespace are killed, and must be reaped before it: that is no result. */
static int died_with_container(const struct supervisor *s) {
	return exit_code_of(&s->health.probe) == 128 + SIGKILL && (s->main.exited || is_exiting(s->main.pid));
}

static void conclude_probe(struct supervisor *s) {
	struct health *health = &s->health;
	if (!health->timed_out && died_with_container(s)) return end_probe(health);
	char text[96];
	int exit_code = -1;
	read_probe_output(s);
	if (health->timed_out) prepend_output(&health->current, s->spec.health.timeout_text);
	else if (health->probe.failed) {
		const struct report *failure = &health->probe.failure;
		snprintf(text, sizeof text, "the health check could not be run: %s (operation %u)", strerror((int)failure->value), failure->index);
		prepend_output(&health->current, text);
	} else exit_code = exit_code_of(&health->probe);
	end_probe(health);
	judge(s, exit_code);
}

static void begin_probe(struct supervisor *s) {
	struct health *health = &s->health;
	int ends[2], error = pipe2(ends, O_CLOEXEC) < 0 ? -errno : 0;
	health->next_at = 0;
	health->executed = health->timed_out = 0;
	health->current = (struct result){.start = time_of_day()};
	health->began_ms = now_ms();
	if (!error) {
		fcntl(ends[0], F_SETFL, O_NONBLOCK);
		health->output = ends[0];
		error = start_child(&health->probe, SECTION_PROBE, s->spec.probe, (struct streams){-1, ends[1], ends[1]}, s->main.pidfd);
		close(ends[1]);
	}
	health->deadline = now_ms() + START_LIMIT_MS;
	if (!error) return;
	health->probe.failed = 1;
	health->probe.failure = (struct report){REPORT_FAILED, SECTION_SUPERVISOR, STEP_FORK, (uint32_t)-error};
	conclude_probe(s);
}

/* After every turn of the loop: what is due, and what has come to its end. */
void settle_health(struct supervisor *s) {
	struct health *health = &s->health;
	if (health->next_at && s->status == RUNNING && now_ms() >= health->next_at) begin_probe(s);
	if (!health->probe.preparer) return;
	read_child_reports(&health->probe, -1, NULL);
	if (health->probe.reports < 0 && !health->executed) {
		health->executed = 1;
		health->deadline = now_ms() + s->spec.health.timeout_ms;
	}
	if (is_settled(&health->probe)) return conclude_probe(s);
	if (!health->deadline || now_ms() < health->deadline) return;
	health->timed_out = 1;
	health->deadline = 0;
	if (!health->probe.exited) kill(health->probe.pid, SIGKILL); /* a reaped one's pid may be anybody's, while its preparer still holds the reports */
}

uint64_t next_health_event(const struct supervisor *s) {
	return s->health.probe.preparer ? s->health.deadline : s->health.next_at;
}
