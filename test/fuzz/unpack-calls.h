/* Included before the files that unpack: input comes from the fuzzer, and their end comes back to it. What they do to files is real. */
#include "fuzz.h"
#include <unistd.h>

long fuzz_read(void *bytes, size_t size);
#define read(fd, bytes, size) ((void)(fd), fuzz_read(bytes, size))
#define _exit(status) fuzz_exit(status)
#define dprintf(...) ((void)0)
