/* The input of unpacking: records from standard input, bounded, and the words with which unpacking ends. */
#include "unpack.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_BYTES (1u << 20)
#define HEAD_BYTES_MAX (16u << 20)

static uint8_t buffer[BUFFER_BYTES];
static size_t buffer_at, buffer_end;


_Noreturn void give_up(const char *step, int error) {
	dprintf(STDOUT_FILENO, "%d %s %s", error, step, unpacking.path);
	_exit(1);
}

void *allocate(size_t bytes) {
	void *memory = malloc(bytes ? bytes : 1);
	if (!memory)
		give_up("allocate", ENOMEM);
	return memory;
}

static void fill(void) {
	ssize_t got;
	do
		got = read(STDIN_FILENO, buffer, sizeof buffer);
	while (got < 0 && errno == EINTR);
	if (got <= 0) /* the writer died or gave up: whoever finds the folder sees no layer.json */
		give_up("read", got < 0 ? errno : EPIPE);
	buffer_at = 0;
	buffer_end = (size_t)got;
}

static void take(void *into, size_t bytes) {
	for (uint8_t *to = into; bytes > 0;) {
		if (buffer_at == buffer_end)
			fill();
		size_t part = buffer_end - buffer_at < bytes ? buffer_end - buffer_at : bytes;
		memcpy(to, buffer + buffer_at, part);
		buffer_at += part;
		to += part;
		bytes -= part;
	}
}

void take_record(struct record *record) {
	static uint8_t *rest;
	static size_t rest_bytes;
	struct head *head = &record->head;
	take(head, sizeof *head);
	uint64_t wanted = (uint64_t)head->path_length + 1 + head->link_length + 1 + head->xattrs_length + (uint64_t)head->segments * 16;
	if (head->length > HEAD_BYTES_MAX || head->length != sizeof *head + wanted)
		give_up("frame", EPROTO);
	if (wanted > rest_bytes) {
		unpacking.path = "";
		free(rest);
		rest = allocate(wanted);
		rest_bytes = wanted;
	}
	take(rest, wanted);
	record->path = (char *)rest;
	record->link = record->path + head->path_length + 1;
	record->xattrs = (uint8_t *)record->link + head->link_length + 1;
	record->segments = record->xattrs + head->xattrs_length;
	if (record->path[head->path_length] || record->link[head->link_length])
		give_up("frame", EPROTO);
	unpacking.path = record->path;
}

void write_data(int fd, uint64_t offset, uint64_t bytes) {
	while (bytes > 0) {
		if (buffer_at == buffer_end)
			fill();
		size_t part = buffer_end - buffer_at < bytes ? buffer_end - buffer_at : (size_t)bytes;
		ssize_t put = pwrite(fd, buffer + buffer_at, part, (off_t)offset);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			give_up("write", put < 0 ? errno : ENOSPC);
		buffer_at += (size_t)put;
		offset += (uint64_t)put;
		bytes -= (uint64_t)put;
	}
}
