/* What the parts of unpacking share: unpack_stream.c reads records, unpack_place.c finds their places, unpack.c makes what they say. */
#ifndef UNPACK_H
#define UNPACK_H

#include "launcher.h"
#include "records.h"
#include <sys/stat.h>

struct record {
	struct head head;
	char *path, *link;
	uint8_t *xattrs, *segments;
};

/* What an `unpack` operation asks for (ops.ts); a layer asks for nothing. One process unpacks one tree, so these are globals. */
enum { KEEP_KINDS = 1, CALLER_OWNS = 2, CROSS_MOUNTS = 4 };
struct unpacking {
	uint64_t wishes;
	int root;
	const char *path; /* of the record that is at work, for messages */
};
extern struct unpacking unpacking;

/* ---- unpack_stream.c */
_Noreturn void give_up(const char *step, int error);
void *allocate(size_t bytes);
void take_record(struct record *record);
void write_data(int fd, uint64_t offset, uint64_t bytes);

/* ---- unpack_kept.c: what a layer's archive has twice, so that it can be written again (weave.c) */
struct kept {
	uint64_t entry; /* which of the archive's files with contents, from 0 */
	uint64_t name;  /* of the file in the folder of what was replaced */
};
#define KEPT_LIST "list"
void keep_in(const char *folder);
void made_file(int fd);
void take_away(int dir, const char *name, const struct stat *at);
void write_kept_list(void);

/* ---- unpack_place.c: all end the process when they fail, but open_inside */
int open_inside(const char *path, int flags);
int enter_parent(char *path, const char **name);
void make_room(int dir, const char *name);
int make_folder(int dir, const char *name, mode_t mode);
void make_opaque(int fd);

#endif
