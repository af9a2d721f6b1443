/* Decoding of a supervisor's file. Every number is checked here, so that the event loop need not. */
#include "spec.h"
#include <errno.h>
#include <string.h>

#define MAGIC "tcs1"

static int is_duration(uint64_t milliseconds) {
	return milliseconds <= (uint64_t)MAX_MS;
}

static void take_log(struct log_spec *log, const struct value *v) {
	log->enabled = v[0].number != 0;
	log->path = v[1].bytes;
	log->max_bytes = v[2].number;
	log->max_files = v[3].number;
	log->compress = v[4].number != 0;
	log->attributes = v[5].bytes;
	log->address = v[6];
	log->is_stream = v[7].number != 0;
	log->templates[0] = v[8].bytes;
	log->templates[1] = v[9].bytes;
	log->buffer_bytes = v[10].number;
	log->drops = v[11].number != 0;
	log->relay = v[12];
}

static void take_restart(struct spec *spec, const struct value *v) {
	spec->restart = (enum restart_policy)v[0].number;
	spec->max_retries = (uint32_t)v[1].number;
	spec->restart_delay_ms = v[2].number;
	spec->restart_window_ms = v[3].number;
}

static void take_health(struct spec *spec, const struct value *v) {
	spec->health.enabled = v[0].number != 0;
	spec->health.interval_ms = v[1].number;
	spec->health.timeout_ms = v[2].number;
	spec->health.start_period_ms = v[3].number;
	spec->health.start_interval_ms = v[4].number;
	spec->health.retries = (uint32_t)v[5].number;
	spec->health.timeout_text = v[6].bytes;
}

static void take_rest(struct spec *spec, const struct value *v) {
	spec->stop.signal = (int)v[0].number;
	spec->stop.grace_ms = (int64_t)v[1].number;
	spec->tty = v[2].number != 0;
	spec->stdin_open = (v[3].number & 1) != 0;
	spec->foreground = (v[3].number & 2) != 0;
	spec->cgroups = v[4];
	spec->oom_counter = v[5].bytes;
	spec->exit_path = v[6].bytes;
	spec->freezer = v[7];
}

static int is_sound(const struct spec *spec) {
	uint32_t index;
	const int durations = is_duration(spec->health.interval_ms) && is_duration(spec->health.timeout_ms) &&
												is_duration(spec->health.start_period_ms) && is_duration(spec->health.start_interval_ms) &&
												is_duration(spec->restart_delay_ms) && is_duration(spec->restart_window_ms);
	return durations && spec->restart <= RESTART_UNLESS_STOPPED && spec->stop.signal > 0 && spec->stop.signal < 65 &&
				 spec->stop.grace_ms <= MAX_MS && spec->log.max_files >= 1 && spec->log.max_files <= 1000 &&
				 spec->log.address.length <= 128 && spec->log.buffer_bytes <= MAX_LOG_BUFFER &&
				 !check_program(spec->setup, &index) && !check_program(spec->start, &index) && !check_program(spec->probe, &index);
}

int parse_spec(struct spec *spec, const char *bytes, size_t length) {
	struct reader reader = {.at = bytes, .end = bytes + length};
	struct value values[MAX_FIELDS];
	memset(spec, 0, sizeof *spec);
	if (length < 4 || memcmp(bytes, MAGIC, 4)) return -EBADMSG;
	reader.at += 4;
	struct reader head = read_block(&reader), restart = read_block(&reader), health = read_block(&reader);
	struct reader log = read_block(&reader), rest = read_block(&reader);
	if (!read_fields(&head, "s", values)) return -EBADMSG;
	spec->id = values[0].bytes;
	if (!read_fields(&restart, "nnnn", values)) return -EBADMSG;
	take_restart(spec, values);
	if (!read_fields(&health, "nnnnnns", values)) return -EBADMSG;
	take_health(spec, values);
	if (!read_fields(&log, "nsnnnsbnssnnS", values)) return -EBADMSG;
	take_log(&spec->log, values);
	if (!read_fields(&rest, "nnnnSssS", values)) return -EBADMSG;
	take_rest(spec, values);
	if (read_program(&reader, &spec->setup) || read_program(&reader, &spec->start) || read_program(&reader, &spec->probe)) return -EBADMSG;
	return reader.at == reader.end && is_sound(spec) ? 0 : -EBADMSG;
}
