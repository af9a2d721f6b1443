/*
 * Unpacks one image layer into a folder: `tcompose-launcher unpack DIR [KEPT]`, records on standard input (engine/launcher/unpack.ts
 * writes them and knows the tar format; nothing of it is known here). A failure is one line on standard output: errno, step, path.
 *
 * Invariant: nothing outside DIR is touched, whatever the records say. Parents are resolved by openat2(RESOLVE_IN_ROOT) to a
 * descriptor; the last component is only ever used relative to that descriptor, and never followed.
 */
#include "unpack.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

struct folder_time {
	struct folder_time *next;
	struct timespec at;
	char path[];
};

struct unpacking unpacking = {.root = -1, .path = ""};
static struct folder_time *folder_times;

/* ---- attributes */

/* Kernel, file system or policy may not know an attribute; only capabilities matter so much that a layer without is wrong. */
static void set_xattrs(const struct record *record, int fd, const char *path) {
	const uint8_t *at = record->xattrs, *end = at + record->head.xattrs_length;
	while (end - at >= 8) {
		uint32_t name_length, value_length;
		memcpy(&name_length, at, 4);
		memcpy(&value_length, at + 4, 4);
		at += 8;
		if ((uint64_t)(end - at) < (uint64_t)name_length + value_length || !name_length || at[name_length - 1])
			give_up("frame", EPROTO);
		const char *name = (const char *)at;
		const uint8_t *value = at + name_length;
		int failed = path ? lsetxattr(path, name, value, value_length, 0) : fsetxattr(fd, name, value, value_length, 0);
		if (failed && (strcmp(name, "security.capability") == 0 || (errno != ENOTSUP && errno != EPERM)))
			give_up("xattr", errno);
		at = value + value_length;
	}
}

static struct timespec mtime_of(const struct record *record) {
	return (struct timespec){.tv_sec = record->head.mtime_sec, .tv_nsec = record->head.mtime_nsec};
}

/* Owner first: a change of owner clears set-id bits and capabilities. What is so already stays: each change costs more than the look. */
static void set_attributes(const struct record *record, int fd) {
	const mode_t mode = record->head.mode & 07777;
	struct stat at;
	if (fstat(fd, &at) < 0)
		give_up("stat", errno);
	const int is_owned = unpacking.wishes & CALLER_OWNS || (at.st_uid == record->head.uid && at.st_gid == record->head.gid);
	if (!is_owned && fchown(fd, record->head.uid, record->head.gid) < 0)
		give_up("chown", errno);
	set_xattrs(record, fd, NULL);
	/* An attribute may be a list of rights, which has a part of the mode in it. */
	if ((!is_owned || record->head.xattrs_length || (at.st_mode & 07777) != mode) && fchmod(fd, mode) < 0)
		give_up("chmod", errno);
}

/* For what cannot be opened: links, devices, pipes. The name was made by us a moment ago and is not followed. */
static void set_attributes_at(const struct record *record, int dir, const char *name, int is_link) {
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, mtime_of(record)};
	if (!(unpacking.wishes & CALLER_OWNS) && fchownat(dir, name, record->head.uid, record->head.gid, AT_SYMLINK_NOFOLLOW) < 0)
		give_up("chown", errno);
	if (record->head.xattrs_length) {
		/* By way of the working folder: /proc may be a container's. */
		if (fchdir(dir) < 0)
			give_up("chdir", errno);
		set_xattrs(record, -1, name);
	}
	if (!is_link && fchmodat(dir, name, record->head.mode & 07777, 0) < 0)
		give_up("chmod", errno);
	if (utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		give_up("utimes", errno);
}

/* ---- kinds of records */

/* Entries to come would change it again: times of folders are set at the end. The folder itself may be somebody else's. */
static void put_time(const struct record *record, int dir, const char *name) {
	(void)dir, (void)name;
	struct folder_time *later = allocate(sizeof *later + strlen(record->path) + 1);
	strcpy(later->path, record->path);
	later->at = mtime_of(record);
	later->next = folder_times;
	folder_times = later;
}

static void put_folder(const struct record *record, int dir, const char *name) {
	int is_root = !*record->path;
	int fd = is_root ? unpacking.root : make_folder(dir, name, 0700);
	set_attributes(record, fd);
	if (!is_root)
		close(fd);
	put_time(record, dir, name);
}

static void put_file(const struct record *record, int dir, const char *name) {
	const int flags = O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC;
	/* Set-id bits come last, with the owner that they are meant for. */
	const mode_t mode = record->head.mode & 07000 ? 0600 : record->head.mode & 0777;
	int fd = openat(dir, name, flags, mode);
	if (fd < 0 && errno == EEXIST) {
		make_room(dir, name);
		fd = openat(dir, name, flags, mode);
	}
	if (fd < 0)
		give_up("create", errno);
	uint64_t left = record->head.stored;
	for (uint32_t i = 0; i < record->head.segments; i++) {
		uint64_t segment[2];
		memcpy(segment, record->segments + i * 16, 16);
		if (segment[1] > left)
			give_up("frame", EPROTO);
		write_data(fd, segment[0], segment[1]);
		left -= segment[1];
	}
	write_data(fd, 0, left);
	if (record->head.size != record->head.stored && ftruncate(fd, (off_t)record->head.size) < 0)
		give_up("write", errno);
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, mtime_of(record)};
	set_attributes(record, fd);
	if (futimens(fd, times) < 0)
		give_up("utimes", errno);
	if (record->head.stored)
		made_file(fd);
	if (close(fd) < 0)
		give_up("write", errno);
}

static void put_symlink(const struct record *record, int dir, const char *name) {
	make_room(dir, name);
	if (symlinkat(record->link, dir, name) < 0)
		give_up("symlink", errno);
	set_attributes_at(record, dir, name, 1);
}

/* Of a name that an earlier record made: an archive's hard link may say something else than the file that it leads to. */
static void put_attributes(const struct record *record, int dir, const char *name) {
	struct stat at;
	if (fstatat(dir, name, &at, AT_SYMLINK_NOFOLLOW) < 0)
		give_up("stat", errno);
	set_attributes_at(record, dir, name, S_ISLNK(at.st_mode));
}

static void put_hard_link(const struct record *record, int dir, const char *name) {
	struct stat at, target_at;
	char *slash = strrchr(record->link, '/');
	const char *target = slash ? slash + 1 : record->link;
	if (slash)
		*slash = 0;
	int target_dir = open_inside(slash ? record->link : "", O_PATH | O_DIRECTORY);
	if (target_dir < 0 || fstatat(target_dir, target, &target_at, AT_SYMLINK_NOFOLLOW) < 0)
		give_up("link", errno);
	int is_there = fstatat(dir, name, &at, AT_SYMLINK_NOFOLLOW) == 0;
	if (!is_there || at.st_ino != target_at.st_ino || at.st_dev != target_at.st_dev) {
		make_room(dir, name);
		if (linkat(target_dir, target, dir, name, 0) < 0)
			give_up("link", errno);
	}
	close(target_dir);
}

static void put_node(const struct record *record, int dir, const char *name) {
	mode_t type = record->head.kind == 'c' ? S_IFCHR : record->head.kind == 'b' ? S_IFBLK : S_IFIFO;
	make_room(dir, name);
	if (mknodat(dir, name, type | 0600, makedev(record->head.major, record->head.minor)) < 0)
		give_up("mknod", errno);
	set_attributes_at(record, dir, name, 0);
}

/* A whiteout hides what lower layers have, never what this one has, whichever came first (OCI image-spec, layer.md). */
static void put_whiteout(const struct record *record, int dir, const char *name) {
	struct stat at;
	(void)record;
	if (mknodat(dir, name, S_IFCHR, makedev(0, 0)) == 0)
		return;
	if (errno != EEXIST || fstatat(dir, name, &at, AT_SYMLINK_NOFOLLOW) < 0)
		give_up("whiteout", errno);
	if (!S_ISDIR(at.st_mode))
		return;
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		give_up("open", errno);
	make_opaque(fd);
	close(fd);
}

static void put_opaque(const struct record *record, int dir, const char *name) {
	int fd = *record->path ? make_folder(dir, name, 0755) : unpacking.root;
	make_opaque(fd);
	if (fd != unpacking.root)
		close(fd);
}

static const struct {
	uint32_t kind;
	void (*put)(const struct record *, int dir, const char *name);
} records[] = {
	{'d', put_folder}, {'f', put_file}, {'l', put_symlink},  {'h', put_hard_link}, {'c', put_node},
	{'b', put_node},   {'p', put_node}, {'w', put_whiteout}, {'o', put_opaque}, {'t', put_time},
	{'m', put_attributes},
};

static void put(struct record *record) {
	const char *name;
	int dir = enter_parent(record->path, &name);
	for (size_t i = 0; i < sizeof records / sizeof *records; i++)
		if (records[i].kind == record->head.kind) {
			records[i].put(record, dir, name);
			return;
		}
	give_up("frame", EPROTO);
}

/* Latest first in the list: of two entries of one folder only the last may count, so set it last. */
static void set_folder_times(void) {
	struct folder_time *reversed = NULL;
	for (struct folder_time *next; folder_times; folder_times = next) {
		next = folder_times->next;
		folder_times->next = reversed;
		reversed = folder_times;
	}
	for (struct folder_time *next; reversed; reversed = next) {
		struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, reversed->at};
		unpacking.path = reversed->path;
		int fd = open_inside(reversed->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
		if (fd >= 0 && futimens(fd, times) < 0)
			give_up("utimes", errno);
		if (fd >= 0) /* else it was replaced by something else later in the archive */
			close(fd);
		next = reversed->next;
		free(reversed);
	}
}

static int unpack_all(void) {
	struct record record;
	umask(0);
	for (take_record(&record); record.head.kind != 'e'; take_record(&record))
		put(&record);
	set_folder_times();
	write_kept_list();
	return 0;
}

/* Never returns: like `exec`, the rest of the program is another's. */
int op_unpack(struct run *run, const struct value *v) { /* root flags */
	(void)run;
	int slot = slot_fd(v[0].number);
	if (slot < 0)
		return slot;
	unpacking.wishes = v[1].number;
	/* To be read as well: a slot is often opened for paths only. */
	unpacking.root = openat(slot, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (unpacking.root < 0)
		give_up("open", errno);
	_exit(unpack_all());
}

int unpack_main(int argc, char **argv) {
	if (argc != 3 && argc != 4)
		give_up("usage", EINVAL);
	unpacking.root = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (unpacking.root < 0)
		give_up("open", errno);
	if (argc == 4)
		keep_in(argv[3]);
	return unpack_all();
}
