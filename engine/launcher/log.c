/*
 * What a container prints: lines, or pieces of 16 KiB of longer ones, each given to the log's file (log_file.c) as Docker's json-file
 * driver writes it, byte for byte since others read these files, and to a log server (log_remote.c). Either may be absent.
 */
#include "supervise.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FLUSH_SIZE 16384

int open_log(struct log *log, const struct spec *spec) {
	*log = (struct log){.spec = &spec->log, .file.folder = -1, .file.fd = -1, .remote.fd = -1, .remote.host = -1};
	int error = spec->log.enabled ? open_log_file(&log->file, log->spec) : 0;
	if (!error && (spec->log.address.length || spec->log.relay.number)) error = open_remote(&log->remote, log->spec);
	return error;
}

void close_log(struct log *log) {
	flush_log_file(&log->file);
	if (log->remote.fd >= 0) finish_remote(&log->remote);
}

/* Length of the well-formed UTF-8 character at `at`, 0 if there is none. */
static size_t character_length(const unsigned char *at, size_t left) {
	static const struct {
		unsigned char first, last, second_first, second_last;
		size_t length;
	} forms[] = {
		{0x00, 0x7f, 0x80, 0xbf, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3},
		{0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
	};
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		if (*at < forms[i].first || *at > forms[i].last) continue;
		if (forms[i].length > left) return 0;
		if (forms[i].length > 1 && (at[1] < forms[i].second_first || at[1] > forms[i].second_last)) return 0;
		for (size_t k = 2; k < forms[i].length; k++)
			if ((at[k] & 0xc0) != 0x80) return 0;
		return forms[i].length;
	}
	return 0;
}

static void add_character(struct text *out, const unsigned char *at, size_t length) {
	if (length == 0) return add_bytes(out, "\\ufffd", 6);
	if (length > 1) {
		const int is_separator = length == 3 && at[0] == 0xe2 && at[1] == 0x80 && (at[2] & 0xfe) == 0xa8; /* U+2028, U+2029 */
		if (is_separator) return add_bytes(out, at[2] == 0xa8 ? "\\u2028" : "\\u2029", 6);
		return add_bytes(out, at, length);
	}
	switch (*at) {
		case '\\': return add_bytes(out, "\\\\", 2);
		case '"': return add_bytes(out, "\\\"", 2);
		case '\n': return add_bytes(out, "\\n", 2);
		case '\r': return add_bytes(out, "\\r", 2);
		default: add_format(out, "\\u00%02x", *at);
	}
}

static int is_plain(unsigned char byte) {
	return byte >= 0x20 && byte < 0x80 && byte != '\\' && byte != '"' && byte != '<' && byte != '>' && byte != '&';
}

/* Runs of plain characters are copied whole: most lines are one run. */
static void add_escaped(struct text *out, const char *bytes, size_t length) {
	const unsigned char *at = (const unsigned char *)bytes, *end = at + length;
	while (at < end) {
		const unsigned char *plain = at;
		while (plain < end && is_plain(*plain)) plain++;
		add_bytes(out, at, (size_t)(plain - at));
		at = plain;
		if (at == end) return;
		size_t character = character_length(at, (size_t)(end - at));
		add_character(out, at, character);
		at += character ? character : 1;
	}
}

/* Docker's order of keys; what is empty is left out. */
static void add_json(struct text *out, const struct piece *piece, const char *attributes) {
	char time[36];
	format_time(piece->time, time);
	const int has_text = piece->length || piece->is_whole;
	add_bytes(out, has_text ? "{\"log\":\"" : "{", has_text ? 8 : 1);
	add_escaped(out, piece->bytes, piece->length);
	if (piece->is_whole) add_bytes(out, "\\n", 2);
	if (has_text) add_bytes(out, "\",", 2);
	add_bytes(out, piece->is_error ? "\"stream\":\"stderr\"," : "\"stream\":\"stdout\",", 18);
	add_bytes(out, attributes, strlen(attributes));
	add_bytes(out, "\"time\":\"", 8);
	add_bytes(out, time, strlen(time));
	add_bytes(out, "\"}\n", 3);
}

/* `whole`: the line ends here. All pieces of a line carry the time of the first. */
static void log_piece(struct log *log, struct stream *stream, const char *bytes, size_t length, int whole) {
	if (!stream->pieces) stream->began = time_of_day();
	struct piece piece = {.bytes = bytes, .length = length, .is_whole = whole, .is_error = stream->is_error, .time = stream->began};
	if (stream->pieces || !whole) piece.ordinal = ++stream->pieces;
	if (whole) stream->pieces = 0;
	if (log->remote.spec) send_piece(&log->remote, &piece);
	if (!log->spec->enabled) return;
	make_room_in_log(&log->file);
	add_json(&log->file.pending, &piece, log->spec->attributes);
	if (log->file.pending.used >= FLUSH_SIZE) flush_log_file(&log->file);
}

static void log_lines(struct log *log, struct stream *stream) {
	size_t at = 0;
	for (char *newline; (newline = memchr(stream->buffer + at, '\n', stream->used - at)); at = (size_t)(newline - stream->buffer) + 1)
		log_piece(log, stream, stream->buffer + at, (size_t)(newline - stream->buffer) - at, 1);
	if (at == 0 && stream->used == LINE_SIZE) {
		log_piece(log, stream, stream->buffer, LINE_SIZE, 0);
		at = LINE_SIZE;
	}
	stream->used -= at;
	memmove(stream->buffer, stream->buffer + at, stream->used);
}

/* 0: the stream has ended. What came goes to attached clients too; it is valid until the next call. */
int read_stream(struct log *log, struct stream *stream, const char **fresh, size_t *fresh_length) {
	static char chunk[LINE_SIZE];
	ssize_t length = read(stream->fd, chunk, LINE_SIZE - stream->used);
	*fresh_length = 0;
	if (length < 0) return errno == EAGAIN || errno == EINTR;
	if (length == 0) return 0;
	if (!stream->buffer && !(stream->buffer = malloc(LINE_SIZE))) return 1;
	memcpy(stream->buffer + stream->used, chunk, (size_t)length);
	stream->used += (size_t)length;
	*fresh = chunk;
	*fresh_length = (size_t)length;
	log_lines(log, stream);
	flush_log_file(&log->file);
	return 1;
}

void close_stream(struct log *log, struct stream *stream) {
	if (stream->fd < 0) return;
	if (stream->used) log_piece(log, stream, stream->buffer, stream->used, 0);
	flush_log_file(&log->file);
	close(stream->fd);
	free(stream->buffer);
	*stream = (struct stream){.fd = -1, .name = stream->name, .is_error = stream->is_error};
}
