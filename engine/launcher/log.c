/* Docker's json-file log: lines as JSON objects, pieces of 16 KiB, rotation by renaming. Exactly, since others read these files. */
#include "supervise.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLUSH_SIZE 16384

static int open_file(struct log *log) {
	struct stat status;
	log->file = openat(log->folder, log->name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (log->file < 0) return -errno;
	log->size = fstat(log->file, &status) == 0 ? (uint64_t)status.st_size : 0;
	return 0;
}

int open_log(struct log *log, const struct spec *spec) {
	*log = (struct log){.enabled = spec->log.enabled, .folder = -1, .file = -1, .max_bytes = spec->log.max_bytes, .max_files = spec->log.max_files};
	if (!log->enabled) return 0;
	const char *slash = strrchr(spec->log.path, '/');
	if (!slash || !slash[1]) return -EINVAL;
	char *folder = strndup(spec->log.path, (size_t)(slash - spec->log.path));
	if (!folder) return -ENOMEM;
	log->folder = open(*folder ? folder : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	free(folder);
	log->name = slash + 1;
	return log->folder < 0 ? -errno : open_file(log);
}

/* A full disk must not leave half a line, and must not stop the container: what cannot be written is lost. */
static void flush(struct log *log) {
	if (log->pending.used && log->enabled && log->file < 0) open_file(log); /* after a rotation on a disk without room for a new file */
	if (log->pending.used && log->file >= 0) {
		if (write_all(log->file, log->pending.bytes, log->pending.used) == 0) log->size += log->pending.used;
		else if (ftruncate(log->file, (off_t)log->size) < 0) log->size += 0;
	}
	log->pending.used = 0;
}

/* The file is never emptied in place: whoever reads it keeps what he has opened. */
static void rotate(struct log *log) {
	char from[NAME_MAX + 1], to[NAME_MAX + 1];
	flush(log);
	if (log->file < 0) return; /* or the older files would move on with every line, and be gone */
	close(log->file);
	for (uint64_t i = log->max_files - 1; i > 0; i--) {
		snprintf(to, sizeof to, "%s.%u", log->name, (unsigned)i);
		if (i == 1) snprintf(from, sizeof from, "%s", log->name);
		else snprintf(from, sizeof from, "%s.%u", log->name, (unsigned)(i - 1));
		renameat(log->folder, from, log->folder, to);
	}
	if (log->max_files == 1) unlinkat(log->folder, log->name, 0);
	open_file(log);
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
	return byte >= 0x20 && byte < 0x80 && !strchr("\\\"<>&", byte);
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

/* `whole`: the line ends here. All pieces of a line carry the time of the first. */
static void log_piece(struct log *log, struct stream *stream, const char *bytes, size_t length, int whole) {
	char time[36];
	if (!stream->partial) stream->began = time_of_day();
	stream->partial = !whole;
	if (!log->enabled) return;
	if (log->max_bytes && log->size + log->pending.used >= log->max_bytes) rotate(log);
	format_time(stream->began, time);
	add_bytes(&log->pending, "{\"log\":\"", 8);
	add_escaped(&log->pending, bytes, length);
	add_format(&log->pending, "%s\",\"stream\":\"%s\",\"time\":\"%s\"}\n", whole ? "\\n" : "", stream->name, time);
	if (log->pending.used >= FLUSH_SIZE) flush(log);
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
	flush(log);
	return 1;
}

void close_stream(struct log *log, struct stream *stream) {
	if (stream->fd < 0) return;
	if (stream->used) log_piece(log, stream, stream->buffer, stream->used, 0);
	flush(log);
	close(stream->fd);
	free(stream->buffer);
	*stream = (struct stream){.fd = -1, .name = stream->name, .is_error = stream->is_error};
}
