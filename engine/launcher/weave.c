/*
 * `tcompose-launcher weave DIR [KEPT]`: puts a layer's tar together again. Pieces on standard input (engine/image/frame.ts writes them): bytes
 * as they are, or a part of a file beneath DIR, or of one that another replaced, in KEPT (unpack_kept.c). The tar goes to standard output, a failure to standard error: errno, step, path.
 *
 * Invariant: nothing outside DIR is read, whatever the pieces say: files are opened by openat2(RESOLVE_IN_ROOT) as they were made.
 */
#include "unpack.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_BYTES (1u << 18)
#define PATH_BYTES_MAX (1u << 16)

struct piece {
	uint32_t kind; /* 0: `length` bytes follow; 1: a path of `length` bytes follows; 2: as 1, and a further part of the same entry */
	uint32_t length;
	uint64_t offset, bytes;
};

static char out[BUFFER_BYTES];
static size_t filled;
static char path[PATH_BYTES_MAX + 1];
static int kept_fd = -1;
static struct kept *kept;
static size_t kept_count, kept_at;
static uint64_t entry = UINT64_MAX; /* the next is the first */

static _Noreturn void weave_fail(const char *step, int error) {
	dprintf(STDERR_FILENO, "%d %s %s", error, step, path);
	_exit(1);
}

static void flush_out(void) {
	if (filled && write_all(STDOUT_FILENO, out, filled))
		_exit(1); /* nobody reads any more */
	filled = 0;
}

static void room(void) {
	if (filled == sizeof out)
		flush_out();
}

static void take(void *into, size_t bytes) {
	if (fread(into, 1, bytes, stdin) != bytes)
		weave_fail("read", EPIPE);
}

static void put_bytes(size_t left) {
	while (left > 0) {
		room();
		size_t part = sizeof out - filled < left ? sizeof out - filled : left;
		take(out + filled, part);
		filled += part;
		left -= part;
	}
}

static void read_kept_list(const char *folder) {
	struct stat at;
	kept_fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (kept_fd < 0 && errno == ENOENT)
		return;
	int fd = kept_fd < 0 ? -1 : openat(kept_fd, KEPT_LIST, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &at) < 0)
		weave_fail("open", errno);
	kept_count = (size_t)at.st_size / sizeof *kept;
	kept = malloc(kept_count * sizeof *kept + 1);
	if (!kept)
		weave_fail("allocate", ENOMEM);
	for (size_t done = 0; done < kept_count * sizeof *kept;) {
		ssize_t got = read(fd, (char *)kept + done, kept_count * sizeof *kept - done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			weave_fail("read", got < 0 ? errno : ENODATA);
		done += (size_t)got;
	}
	close(fd);
}

/* A pipe must not hold us up, and a device must not be read. */
static int open_entry(void) {
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
	char name[24];
	while (kept_at < kept_count && kept[kept_at].entry < entry)
		kept_at++;
	if (kept_at == kept_count || kept[kept_at].entry != entry)
		return open_inside(path, flags);
	snprintf(name, sizeof name, "%llu", (unsigned long long)kept[kept_at].name);
	return openat(kept_fd, name, flags | O_CLOEXEC);
}

static void put_part(const struct piece *piece) {
	struct stat at;
	if (piece->length > PATH_BYTES_MAX)
		weave_fail("frame", EPROTO);
	take(path, piece->length);
	path[piece->length] = 0;
	entry += piece->kind == 1;
	int fd = open_entry();
	if (fd < 0)
		weave_fail("open", errno);
	if (fstat(fd, &at) < 0 || !S_ISREG(at.st_mode))
		weave_fail("open", EINVAL);
	uint64_t offset = piece->offset, left = piece->bytes;
	while (left > 0) {
		room();
		size_t part = sizeof out - filled < left ? sizeof out - filled : (size_t)left;
		ssize_t got = pread(fd, out + filled, part, (off_t)offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			weave_fail("read", got < 0 ? errno : ENODATA);
		filled += (size_t)got;
		offset += (uint64_t)got;
		left -= (uint64_t)got;
	}
	close(fd);
}

int weave_main(int argc, char **argv) {
	struct piece piece;
	if (argc != 3 && argc != 4)
		weave_fail("usage", EINVAL);
	unpacking.root = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (unpacking.root < 0)
		weave_fail("open", errno);
	if (argc == 4)
		read_kept_list(argv[3]);
	for (;;) {
		size_t got = fread(&piece, 1, sizeof piece, stdin);
		if (got == 0 && feof(stdin))
			break;
		if (got != sizeof piece)
			weave_fail("read", EPIPE);
		if (piece.kind == 0)
			put_bytes(piece.length);
		else if (piece.kind == 1 || piece.kind == 2)
			put_part(&piece);
		else
			weave_fail("frame", EPROTO);
	}
	flush_out();
	return 0;
}
