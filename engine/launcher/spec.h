/* What a supervisor is told (engine/supervise/spec.ts): decoded in place, the strings stay in the file's bytes. */
#ifndef SPEC_H
#define SPEC_H

#include "launcher.h"

#define MAX_LOG_BUFFER (1ull << 30)
#define MAX_MS (1000ll * 3600 * 24 * 3650) /* ten years: no sum of two overflows */

enum restart_policy { RESTART_NO, RESTART_ON_FAILURE, RESTART_ALWAYS, RESTART_UNLESS_STOPPED };

struct log_spec {
	int enabled, compress; /* of the file */
	const char *path;
	uint64_t max_bytes, max_files;
	const char *attributes;   /* "attrs":{…}, as it stands in each line, or nothing */
	struct value address;     /* of a log server, a sockaddr; empty: there is none */
	struct value relay;       /* instead of an address: a program, with its arguments, that passes on what it reads */
	int is_stream, drops;     /* drops: rather loses lines than keep the container waiting */
	const char *templates[2]; /* of its messages, for standard output and standard error */
	uint64_t buffer_bytes;
};

struct spec {
	const char *id;
	struct program setup, start, probe;
	enum restart_policy restart;
	uint32_t max_retries;
	uint64_t restart_delay_ms, restart_window_ms; /* 0: Docker's growing wait; 0: tries are never forgotten */
	struct {
		int enabled;
		uint64_t interval_ms, timeout_ms, start_period_ms, start_interval_ms;
		uint32_t retries;
		const char *timeout_text; /* what the log of results says of a probe that took too long */
	} health;
	struct {
		int signal;
		int64_t grace_ms; /* negative: waits for ever */
	} stop;
	struct log_spec log;
	int tty, stdin_open;
	int foreground; /* started by who attaches at once: its output waits for that */
	struct value cgroups, freezer; /* freezer: a file, the words that freeze and thaw; or nothing */
	const char *oom_counter, *exit_path;
};

int parse_spec(struct spec *spec, const char *bytes, size_t length);

#endif
