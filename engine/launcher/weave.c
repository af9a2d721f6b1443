/*
 * `tcompose-launcher weave DIR`: puts a layer's tar together again. Pieces on standard input (engine/image/frame.ts writes them): bytes as
 * they are, or a part of a file beneath DIR. The tar goes to standard output, a failure to standard error: errno, step, path.
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
  uint32_t kind; /* 0: `length` bytes follow; 1: a path of `length` bytes follows */
  uint32_t length;
  uint64_t offset, bytes;
};

static char out[BUFFER_BYTES];
static size_t filled;
static char path[PATH_BYTES_MAX + 1];

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

static void put_part(const struct piece *piece) {
  struct stat at;
  if (piece->length > PATH_BYTES_MAX)
    weave_fail("frame", EPROTO);
  take(path, piece->length);
  path[piece->length] = 0;
  /* A pipe must not hold us up, and a device must not be read. */
  int fd = open_inside(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
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
  if (argc != 3)
    weave_fail("usage", EINVAL);
  unpacking.root = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (unpacking.root < 0)
    weave_fail("open", errno);
  for (;;) {
    size_t got = fread(&piece, 1, sizeof piece, stdin);
    if (got == 0 && feof(stdin))
      break;
    if (got != sizeof piece)
      weave_fail("read", EPIPE);
    if (piece.kind == 0)
      put_bytes(piece.length);
    else if (piece.kind == 1)
      put_part(&piece);
    else
      weave_fail("frame", EPROTO);
  }
  flush_out();
  return 0;
}
