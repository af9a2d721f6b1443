/* Reading the wire format (wire.ts): little-endian numbers, strings with their length and a closing NUL, lists with their count. */
#include "launcher.h"
#include <string.h>

static const char *take(struct reader *reader, size_t length) {
	if (reader->broken || length > (size_t)(reader->end - reader->at)) {
		reader->broken = 1;
		return NULL;
	}
	const char *bytes = reader->at;
	reader->at += length;
	return bytes;
}

uint32_t read_u32(struct reader *reader) {
	uint32_t number = 0;
	const char *bytes = take(reader, sizeof number);
	if (bytes) memcpy(&number, bytes, sizeof number);
	return number;
}

uint64_t read_u64(struct reader *reader) {
	uint64_t number = 0;
	const char *bytes = take(reader, sizeof number);
	if (bytes) memcpy(&number, bytes, sizeof number);
	return number;
}

/* A length and that many bytes, as a reader of their own. */
struct reader read_block(struct reader *reader) {
	uint32_t length = read_u32(reader);
	const char *bytes = take(reader, length);
	if (!bytes) return (struct reader){.broken = 1};
	return (struct reader){.at = bytes, .end = bytes + length};
}

/* The NUL is in the message, so that a string can be used where it lies; one inside would cut a path short. */
static struct value read_string(struct reader *reader) {
	struct value value = {0};
	value.length = read_u32(reader);
	const char *bytes = take(reader, (size_t)value.length + 1);
	if (bytes && (bytes[value.length] != '\0' || memchr(bytes, '\0', value.length))) reader->broken = 1;
	value.bytes = reader->broken ? "" : bytes;
	return value;
}

static struct value read_bytes(struct reader *reader) {
	struct reader block = read_block(reader);
	if (block.broken) return (struct value){.bytes = ""};
	return (struct value){.bytes = block.at, .length = (uint32_t)(block.end - block.at)};
}

static struct value read_list(struct reader *reader, char kind) {
	struct value value = {.number = read_u32(reader)};
	value.bytes = reader->at; /* in a statement of its own: initializers have no order (C11 6.7.9, 23) */
	for (uint64_t i = 0; i < value.number && !reader->broken; i++)
		if (kind == 'S') read_string(reader);
		else read_u64(reader);
	return value;
}

/* Everything must be consumed: a longer record comes from another version. */
int read_fields(struct reader *reader, const char *signature, struct value *values) {
	for (int i = 0; signature[i]; i++)
		switch (signature[i]) {
			case 's': values[i] = read_string(reader); break;
			case 'b': values[i] = read_bytes(reader); break;
			case 'S':
			case 'N': values[i] = read_list(reader, signature[i]); break;
			default: values[i] = (struct value){.number = read_u64(reader)};
		}
	return !reader->broken && reader->at == reader->end;
}

/* These two walk a list that read_list has checked. */
const char *next_string(const char **cursor) {
	uint32_t length;
	memcpy(&length, *cursor, sizeof length);
	const char *text = *cursor + sizeof length;
	*cursor = text + length + 1;
	return text;
}

uint64_t next_number(const char **cursor) {
	uint64_t number;
	memcpy(&number, *cursor, sizeof number);
	*cursor += sizeof number;
	return number;
}
