/* What the two readers of trees share: pack.c gives a whole one, read_files.c what it is asked for. */
#ifndef PACK_H
#define PACK_H

#include "launcher.h"
#include "records.h"
#include <sys/stat.h>

enum { HEADS_ONLY = 1, WITH_IDENTITY = 2 };

/* Which state of which file: any change of it changes one of these. As engine/build/copy/listing.ts reads it. */
struct __attribute__((packed)) identity {
	uint64_t device, number, size;
	int64_t mtime_sec, ctime_sec;
	uint32_t mtime_nsec, ctime_nsec;
};

int pack_begin(int wishes);
_Noreturn void pack_done(void);
int pack_named(int parent, const char *name, const char *path, int with_members);
_Noreturn void pack_fail(const char *step, int error, const char *path);
static inline struct identity identity_of(const struct stat *status) {
	return (struct identity){
		.device = status->st_dev, .number = status->st_ino, .size = (uint64_t)status->st_size,
		.mtime_sec = status->st_mtim.tv_sec, .ctime_sec = status->st_ctim.tv_sec,
		.mtime_nsec = (uint32_t)status->st_mtim.tv_nsec, .ctime_nsec = (uint32_t)status->st_ctim.tv_nsec,
	};
}

#endif
