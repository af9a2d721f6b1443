/* A string that grows. When memory ends, what does not fit is lost: better than a supervisor that dies. */
#include "supervise.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int make_room(struct text *text, size_t more) {
	if (text->size - text->used >= more) return 1;
	size_t size = (text->used + more) * 2;
	char *bytes = realloc(text->bytes, size);
	if (!bytes) return 0;
	text->bytes = bytes;
	text->size = size;
	return 1;
}

void add_bytes(struct text *text, const void *bytes, size_t length) {
	if (!length || !make_room(text, length)) return;
	memcpy(text->bytes + text->used, bytes, length);
	text->used += length;
}

void add_format(struct text *text, const char *format, ...) {
	va_list arguments;
	if (!make_room(text, 256)) return;
	va_start(arguments, format);
	int length = vsnprintf(text->bytes + text->used, 256, format, arguments);
	va_end(arguments);
	if (length > 0) text->used += length < 256 ? (size_t)length : 255;
}

void add_base64(struct text *text, const void *bytes, size_t length) {
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *at = bytes;
	for (size_t i = 0; i < length; i += 3) {
		size_t group = length - i < 3 ? length - i : 3;
		unsigned bits = (unsigned)at[i] << 16 | (group > 1 ? (unsigned)at[i + 1] << 8 : 0) | (group > 2 ? at[i + 2] : 0u);
		char out[4] = {digits[bits >> 18], digits[bits >> 12 & 63], group > 1 ? digits[bits >> 6 & 63] : '=', group > 2 ? digits[bits & 63] : '='};
		add_bytes(text, out, sizeof out);
	}
}
