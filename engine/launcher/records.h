/* The records in which files travel between TypeScript and the launcher: unpack.c reads them, pack.c writes them. */
#ifndef RECORDS_H
#define RECORDS_H

#include <stdint.h>

/*
 * As unpack.ts lays it out: little endian, no padding. Path, link (each with a NUL), extended attributes (two lengths, name with NUL, value)
 * and segments (offset, length) follow, then the data.
 */
struct __attribute__((packed)) head {
	uint32_t length; /* of everything up to the data, this field included */
	uint32_t kind;   /* a letter, see unpack.ts; e: the end, x (pack only): a failure, errno in `mode`, its step in the link */
	uint32_t mode, uid, gid, mtime_nsec;
	int64_t mtime_sec;
	uint32_t major, minor;
	uint64_t size;   /* of the file as it will be; more than `stored` when it has holes */
	uint64_t stored; /* bytes of data that follow */
	uint32_t path_length, link_length, xattrs_length, segments;
};

#endif
