/* The state file (engine/supervise/state-file.ts): lines of a key and its value, replaced as a whole; the watchers get the same text. */
#include "supervise.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void add_time(struct text *text, const char *key, struct timespec time) {
	char shown[36];
	if (!time.tv_sec) return;
	format_time(time, shown);
	add_format(text, "%s %s\n", key, shown);
}

static void add_results(struct text *text, const struct health *health) {
	char start[36], end[36];
	uint32_t kept = health->results < RESULTS_KEPT ? health->results : RESULTS_KEPT;
	for (uint32_t i = health->results - kept; i < health->results; i++) {
		const struct result *result = &health->log[i % RESULTS_KEPT];
		format_time(result->start, start);
		format_time(result->end, end);
		add_format(text, "health_log %s %s %d ", start, end, result->exit_code);
		add_base64(text, result->output, result->length);
		add_bytes(text, "\n", 1);
	}
}

static void describe(struct supervisor *s) {
	static const char *const statuses[] = {"created", "running", "restarting", "exited"};
	static const char *const healths[] = {"none", "starting", "healthy", "unhealthy"};
	static uint64_t own_start_time;
	if (!own_start_time) own_start_time = process_start_time(getpid());
	struct text *text = &s->state;
	text->used = 0;
	const int runs = s->status == RUNNING;
	const int ended = s->status == EXITED;
	add_format(text, "version 1\nid %s\n", s->spec.id);
	add_format(text, "supervisor %d %llu\n", ended ? 0 : getpid(), ended ? 0ull : (unsigned long long)own_start_time);
	add_format(text, "status %s\n", s->paused && runs ? "paused" : statuses[ended && !s->started_at.tv_sec ? CREATED : s->status]);
	add_format(text, "pid %d %llu\n", runs ? s->main.pid : 0, runs ? (unsigned long long)s->main.start_time : 0ull);
	add_time(text, "started_at", s->started_at);
	add_time(text, "finished_at", s->finished_at);
	add_format(text, "exit_code %d\noom_killed %d\nrestart_count %u\n", s->exit_code, s->oom_killed, s->restart_count);
	add_format(text, "health %s\nfailing_streak %u\n", healths[s->health.status], s->health.streak);
	if (s->signal_count || s->stopped) add_format(text, "signals %u %d %d\n", s->signal_count, s->last_signal, s->stopped);
	if (s->error.kind) add_format(text, "error %u %u %u\n", s->error.section, s->error.index, s->error.value);
	add_results(text, &s->health);
}

/* No fsync: after a crash of the machine nothing runs any more, and a missing or cut file says just that. */
static void write_file(int folder, const char *name, const char *temporary, const struct text *text) {
	int fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) return;
	int error = write_all(fd, text->bytes, text->used);
	close(fd);
	if (error) unlinkat(folder, temporary, 0);
	else renameat(folder, temporary, folder, name);
}

void publish(struct supervisor *s) {
	describe(s);
	write_file(s->run_folder, "state", "state.new", &s->state);
	tell_watchers(s);
}

/*
 * The copy that outlives the run folder first: who sees the end in `state` may rely on it. Then the socket goes: who finds none finds the
 * last state. Then the watchers hear: who does so may start another supervisor here, whose socket must not be taken for ours.
 */
void publish_end(struct supervisor *s) {
	char temporary[4096];
	describe(s);
	if (*s->spec.exit_path && snprintf(temporary, sizeof temporary, "%s.new", s->spec.exit_path) < (int)sizeof temporary)
		write_file(AT_FDCWD, s->spec.exit_path, temporary, &s->state);
	write_file(s->run_folder, "state", "state.new", &s->state);
	unlinkat(s->run_folder, "control", 0);
	tell_watchers(s);
}
