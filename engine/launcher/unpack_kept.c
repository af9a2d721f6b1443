/*
 * A layer's archive may have a file twice, or something else in the place of a folder with files. The last one counts, but only with the first
 * one's bytes can the archive be written again as it came. So what an entry replaces is not removed here but moved into a folder beside the
 * layer, by its inode's number; at the end a list says which entries' contents lie there (weave.c reads it).
 */
#include "unpack.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *folder; /* made with the first that is kept */
static int folder_fd = -1;
/* Of each entry with contents, in their order. */
static uint64_t *inodes;
static size_t entries, entries_room;
static uint64_t *kept;
static size_t kept_count, kept_room;

void keep_in(const char *path) {
	folder = path;
}

static void append(uint64_t **list, size_t *count, size_t *room, uint64_t value) {
	if (*count == *room) {
		*room = *room ? 2 * *room : 1024;
		uint64_t *longer = realloc(*list, *room * sizeof **list);
		if (!longer)
			give_up("allocate", ENOMEM);
		*list = longer;
	}
	(*list)[(*count)++] = value;
}

void made_file(int fd) {
	struct stat at;
	if (!folder)
		return;
	if (fstat(fd, &at) < 0)
		give_up("stat", errno);
	append(&inodes, &entries, &entries_room, at.st_ino);
}

static void open_folder(void) {
	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		give_up("keep", errno);
	folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder_fd < 0)
		give_up("keep", errno);
}

/* Removes what is no folder. */
void take_away(int dir, const char *name, const struct stat *at) {
	char place[24];
	if (folder && S_ISREG(at->st_mode) && at->st_size > 0) {
		if (folder_fd < 0)
			open_folder();
		snprintf(place, sizeof place, "%llu", (unsigned long long)at->st_ino);
		if (renameat(dir, name, folder_fd, place) < 0)
			give_up("keep", errno);
		append(&kept, &kept_count, &kept_room, at->st_ino);
		/* Of two names of one file the second stays where it was (rename(2)). */
		if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
			give_up("replace", errno);
		return;
	}
	if (unlinkat(dir, name, 0) < 0)
		give_up("replace", errno);
}

static int by_number(const void *a, const void *b) {
	uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;
	return one < other ? -1 : one > other;
}

void write_kept_list(void) {
	if (!kept_count)
		return;
	qsort(kept, kept_count, sizeof *kept, by_number);
	int fd = openat(folder_fd, KEPT_LIST, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	FILE *list = fd < 0 ? NULL : fdopen(fd, "w");
	if (!list)
		give_up("keep", errno);
	for (size_t i = 0; i < entries; i++) {
		struct kept one = {.entry = i, .name = inodes[i]};
		if (bsearch(&inodes[i], kept, kept_count, sizeof *kept, by_number) && fwrite(&one, sizeof one, 1, list) != 1)
			give_up("keep", errno);
	}
	if (fclose(list) != 0)
		give_up("keep", errno);
}
