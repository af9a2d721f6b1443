/* pack.c for unpack.c of this folder: its records go to memory. */
#include "fuzz.h"
#include "../../engine/launcher/launcher.h"
#include <setjmp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static uint8_t *target;
static size_t target_room, target_used;
static jmp_buf pack_end;
static int to_memory(const void *bytes, size_t length) {
	if (length > target_room - target_used) return -1;
	memcpy(target + target_used, bytes, length);
	target_used += length;
	return 0;
}
#define write_all(fd, bytes, length) to_memory(bytes, length)
#define _exit(status) longjmp(pack_end, (status) ? 2 : 1)
#include "../../engine/launcher/pack.c"

/* 1: all of it. 0: it had no room, or a file is too large to be worth it. */
int fuzz_pack(int root, uint8_t *bytes, size_t room, size_t *used) {
	struct stat status;
	target = bytes;
	target_room = room;
	target_used = 0;
	flags = 0;
	for (size_t i = 0; i < seen_room; i++) free(seen[i].path);
	free(seen);
	seen = NULL;
	seen_count = seen_room = 0;
	if (!piece) piece = malloc(PIECE);
	if (setjmp(pack_end) || fstat(root, &status) < 0) return 0;
	pack_one(root, ".", &status, "");
	pack_members(root, "");
	struct head end = {.length = sizeof end + 2, .kind = 'e'};
	give(&end, sizeof end);
	give("\0", 2);
	*used = target_used;
	return 1;
}
