/*
 * Trees to records and back, as operations of a program (exec FILE). `pack` writes what lies at a path beneath a slot to standard
 * output in the records that `unpack` reads (engine/launcher/unpack.ts knows tar; nothing of it is known here). A failure is a last record
 * of kind 'x', so that whoever reads can tell an end from a loss.
 *
 * Invariant: the tree may be changed by somebody else meanwhile. Every step goes by descriptor from the one before and follows nothing.
 */
#include "pack.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define PIECE (1u << 18)
#define MAX_SEGMENTS 65536

struct seen {
	dev_t device;
	ino_t number;
	char *path; /* NULL: free */
};
static struct seen *seen;
static size_t seen_count, seen_room;
static int flags;
static char *piece, *rest; /* rest: what follows a head */
static size_t rest_used, rest_room;

static void give(const void *bytes, size_t length) {
	if (write_all(STDOUT_FILENO, bytes, length)) _exit(1); /* nobody reads any more */
}

static void add_rest(const void *bytes, size_t length) {
	if (rest_used + length > rest_room) {
		rest_room = (rest_used + length) * 2;
		rest = realloc(rest, rest_room);
		if (!rest) _exit(1);
	}
	memcpy(rest + rest_used, bytes, length);
	rest_used += length;
}

_Noreturn void pack_fail(const char *step, int error, const char *path) {
	struct head head = {.kind = 'x', .mode = (uint32_t)error, .path_length = (uint32_t)strlen(path), .link_length = (uint32_t)strlen(step)};
	head.length = (uint32_t)sizeof head + head.path_length + head.link_length + 2;
	give(&head, sizeof head);
	give(path, head.path_length + 1);
	give(step, head.link_length + 1);
	_exit(1);
}

/* Where a file of several names was met first; else it is remembered. */
static const char *name_before(const struct stat *status, const char *path) {
	if (seen_count * 2 >= seen_room) {
		size_t old_room = seen_room;
		struct seen *old = seen;
		seen_room = old_room ? old_room * 2 : 256;
		seen = calloc(seen_room, sizeof *seen);
		if (!seen) pack_fail("allocate", ENOMEM, path);
		for (size_t i = 0; i < old_room; i++) {
			if (!old[i].path) continue;
			size_t at = (size_t)(old[i].number * 2654435761u + old[i].device) & (seen_room - 1);
			while (seen[at].path) at = (at + 1) & (seen_room - 1);
			seen[at] = old[i];
		}
		free(old);
	}
	size_t at = (size_t)(status->st_ino * 2654435761u + status->st_dev) & (seen_room - 1);
	for (; seen[at].path; at = (at + 1) & (seen_room - 1))
		if (seen[at].number == status->st_ino && seen[at].device == status->st_dev) return seen[at].path;
	seen[at] = (struct seen){status->st_dev, status->st_ino, strdup(path)};
	if (!seen[at].path) pack_fail("allocate", ENOMEM, path);
	seen_count++;
	return NULL;
}

/* Of a link or a device, which cannot be opened: by its name in the working folder, which was entered by descriptor. */
static ssize_t list_attributes(int fd, const char *name, char *list, size_t size) {
	return name ? llistxattr(name, list, size) : flistxattr(fd, list, size);
}

static void add_attribute(const char *name, const void *value, uint32_t bytes) {
	uint32_t lengths[2] = {(uint32_t)strlen(name) + 1, bytes};
	add_rest(lengths, sizeof lengths);
	add_rest(name, lengths[0]);
	add_rest(value, bytes);
}
static void add_attributes(int fd, const char *name) {
	char list[XATTR_LIST_MAX], value[XATTR_SIZE_MAX];
	ssize_t length = list_attributes(fd, name, list, sizeof list);
	for (const char *at = list; length > 0 && at < list + length; at += strlen(at) + 1) {
		ssize_t bytes = name ? lgetxattr(name, at, value, sizeof value) : fgetxattr(fd, at, value, sizeof value);
		if (bytes < 0) continue; /* gone, or not for us */
		add_attribute(at, value, (uint32_t)bytes);
	}
}

/* Data between holes. None: all of it is data. */
static uint32_t add_segments(int fd, uint64_t size, uint64_t *stored) {
	uint32_t count = 0;
	*stored = 0;
	for (off_t at = 0; (uint64_t)at < size;) {
		off_t data = lseek(fd, at, SEEK_DATA);
		if (data < 0 && errno != ENXIO) return 0; /* the file system cannot tell */
		if (data < 0 || (uint64_t)data >= size) break;
		off_t hole = lseek(fd, data, SEEK_HOLE);
		if (hole < 0) return 0;
		if ((uint64_t)hole > size) hole = (off_t)size;
		uint64_t segment[2] = {(uint64_t)data, (uint64_t)(hole - data)};
		if (count == 0 && segment[0] == 0 && segment[1] == size) return 0;
		if (count == MAX_SEGMENTS) return 0;
		add_rest(segment, sizeof segment);
		*stored += segment[1];
		count++;
		at = hole;
	}
	return count;
}

/* As many bytes as were promised: a file that became shorter meanwhile ends in zeros, as with tar. */
static void give_data(int fd, uint64_t offset, uint64_t length) {
	while (length) {
		size_t part = length < PIECE ? (size_t)length : PIECE;
		ssize_t got = pread(fd, piece, part, (off_t)offset);
		if (got < 0 && errno == EINTR) continue;
		if (got <= 0) {
			memset(piece, 0, part);
			got = (ssize_t)part;
		}
		give(piece, (size_t)got);
		offset += (uint64_t)got;
		length -= (uint64_t)got;
	}
}

static uint32_t kind_of(const struct stat *status) {
	switch (status->st_mode & S_IFMT) {
		case S_IFDIR: return 'd';
		case S_IFREG: return 'f';
		case S_IFLNK: return 'l';
		case S_IFCHR: return 'c';
		case S_IFBLK: return 'b';
		case S_IFIFO: return 'p';
		default: return 0; /* a socket is its program's */
	}
}

/* `fd`: of folders and files. The working folder is the one it lies in. */
static void pack_one(int fd, const char *name, const struct stat *status, const char *path) {
	struct head head = {
		.kind = kind_of(status), .mode = status->st_mode & 07777, .uid = status->st_uid, .gid = status->st_gid,
		.mtime_sec = status->st_mtim.tv_sec, .mtime_nsec = (uint32_t)status->st_mtim.tv_nsec,
		.major = major(status->st_rdev), .minor = minor(status->st_rdev), .path_length = (uint32_t)strlen(path),
	};
	char link[PATH_MAX] = "";
	/* Overlay makes all its whiteouts names of one device; they are no links. */
	const int is_whiteout = head.kind == 'c' && status->st_rdev == 0;
	const char *first = head.kind != 'd' && !is_whiteout && status->st_nlink > 1 && !(flags & WITH_IDENTITY) ? name_before(status, path) : NULL;
	if (first) head.kind = 'h';
	else if (head.kind == 'l') {
		ssize_t length = readlinkat(AT_FDCWD, name, link, sizeof link - 1);
		if (length < 0) return; /* gone */
		link[length] = '\0';
	}
	const char *target = first ? first : link;
	head.link_length = (uint32_t)strlen(target);
	rest_used = 0;
	add_rest(path, head.path_length + 1);
	add_rest(target, head.link_length + 1);
	size_t before = rest_used;
	if (flags & WITH_IDENTITY) {
		struct identity identity = identity_of(status);
		add_attribute("identity", &identity, sizeof identity);
	}
	if (!first && !(flags & HEADS_ONLY)) add_attributes(fd, fd < 0 ? name : NULL);
	head.xattrs_length = (uint32_t)(rest_used - before);
	if (head.kind == 'f') {
		head.size = (uint64_t)status->st_size;
		uint64_t stored = 0;
		if (!(flags & HEADS_ONLY)) head.segments = add_segments(fd, head.size, &stored);
		head.stored = stored;
		if (!head.segments) {
			rest_used = before + head.xattrs_length;
			const int is_all_hole = !(flags & HEADS_ONLY) && head.size && lseek(fd, 0, SEEK_DATA) < 0 && errno == ENXIO;
			head.stored = is_all_hole || flags & HEADS_ONLY ? 0 : head.size;
		}
	}
	head.length = (uint32_t)(sizeof head + rest_used);
	give(&head, sizeof head);
	size_t segments_at = before + head.xattrs_length;
	give(rest, rest_used);
	if (head.kind != 'f' || !head.stored) return;
	if (!head.segments) return give_data(fd, 0, head.stored);
	/* `rest` is not touched while the data goes out. */
	uint64_t segment[2];
	for (uint32_t i = 0; i < head.segments; i++, segments_at += sizeof segment) {
		memcpy(segment, rest + segments_at, sizeof segment);
		give_data(fd, segment[0], segment[1]);
	}
}

static int by_bytes(const void *a, const void *b) {
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In the order of their bytes: the same tree gives the same records, whatever order its file system keeps. */
static void pack_members(int fd, const char *path) {
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	DIR *entries = copy < 0 ? NULL : fdopendir(copy);
	char **names = NULL;
	size_t count = 0, room = 0;
	if (!entries) pack_fail("open", errno, path);
	for (struct dirent *entry; (entry = readdir(entries));) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
		if (count == room) names = realloc(names, (room = room ? room * 2 : 64) * sizeof *names);
		char *name = names ? strdup(entry->d_name) : NULL;
		if (!name) pack_fail("allocate", ENOMEM, path);
		names[count++] = name;
	}
	closedir(entries);
	if (count) qsort(names, count, sizeof *names, by_bytes);
	for (size_t i = 0; i < count; i++) {
		char *member;
		if (asprintf(&member, "%s%s%s", path, *path ? "/" : "", names[i]) < 0) pack_fail("allocate", ENOMEM, path);
		pack_named(fd, names[i], member, 1);
		free(member);
		free(names[i]);
	}
	free(names);
}

/* One descriptor a level, as unpack.c has it: what is too deep for that fails. What vanishes meanwhile was not there: 0. */
int pack_named(int parent, const char *name, const char *path, int with_members) {
	struct stat status;
	if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT || errno == ENOTDIR) return 0;
		pack_fail("stat", errno, path);
	}
	const int is_folder = S_ISDIR(status.st_mode), is_file = S_ISREG(status.st_mode);
	int fd = -1;
	if (is_folder || is_file) {
		fd = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY | (is_folder ? O_DIRECTORY : 0));
		if (fd < 0 && (errno == ENOENT || errno == ELOOP || errno == ENOTDIR)) return 0;
		if (fd < 0 || fstat(fd, &status) < 0) pack_fail("open", errno, path);
		if (S_ISDIR(status.st_mode) != is_folder || S_ISREG(status.st_mode) != is_file) {
			close(fd); /* swapped between the two looks */
			return 0;
		}
	} else if (!kind_of(&status)) return 0;
	if (fd < 0 && fchdir(parent) < 0) pack_fail("chdir", errno, path);
	pack_one(fd, name, &status, path);
	if (is_folder && with_members) pack_members(fd, path);
	/* Who asks for identities must not take half of the old and half of the new for one file. */
	if (is_file && flags & WITH_IDENTITY) {
		const struct identity before = identity_of(&status), now = fstat(fd, &status) < 0 ? (struct identity){0} : identity_of(&status);
		if (memcmp(&before, &now, sizeof now)) pack_fail("changed", ESTALE, path);
	}
	if (fd >= 0) close(fd);
	return 1;
}

int pack_begin(int wishes) {
	flags = wishes;
	piece = malloc(PIECE);
	fcntl(STDOUT_FILENO, F_SETPIPE_SZ, 1 << 20);
	return piece ? 0 : -ENOMEM;
}

_Noreturn void pack_done(void) {
	struct head end = {.length = sizeof end + 2, .kind = 'e'};
	give(&end, sizeof end);
	give("\0", 2);
	_exit(0);
}

/* The last name of `inside` is followed only where it is a folder's own dot. Paths of records begin with what is found there: ''. */
int op_pack(struct run *run, const struct value *v) { /* root inside flags */
	(void)run;
	int root = slot_fd(v[0].number);
	if (root < 0) return root;
	if (pack_begin((int)v[2].number)) return -ENOMEM;
	char leaf[NAME_MAX + 1] = "";
	int fd = open_parent_in(root, v[1].bytes, 0, leaf, sizeof leaf);
	struct stat status;
	if (fd == -EINVAL) { /* "/", or a folder's dot: the folder itself */
		fd = open_in(root, v[1].bytes, O_RDONLY | O_DIRECTORY, 0);
		if (fd < 0 || fstat(fd, &status) < 0) pack_fail("open", fd < 0 ? -fd : errno, v[1].bytes);
		pack_one(fd, ".", &status, "");
		pack_members(fd, "");
	} else {
		if (fd < 0) pack_fail("open", -fd, v[1].bytes);
		pack_named(fd, leaf, "", 1);
	}
	pack_done();
}
