/*
 * Answers questions about a tree, for whoever decides elsewhere what of it matters (engine/build/copy): an operation of a program
 * (exec FILE). Questions come on standard input: a letter and a path, NUL at its end. `l`: the members of a folder, without contents. `p`: one
 * file, link or folder as pack.c gives it, with contents. Answers come in the order of the questions; a failure of `p` ends it.
 *
 * Invariant: the tree may be changed by somebody else meanwhile. Paths have been resolved by who asks: no component is followed.
 */
#include "pack.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

struct __attribute__((packed)) member {
	uint32_t length; /* of all of it */
	uint32_t name_length, mode, links, uid, gid, major, minor;
	struct identity identity;
	/* the name follows, and where it leads when it is a link, without NULs */
};

static char *answer;
static size_t answer_used, answer_room;
static char question[PATH_MAX + 2];

/* 0: no more questions. */
static size_t take_question(void) {
	static char buffer[65536];
	static size_t at, end;
	for (size_t length = 0;; at++) {
		if (at == end) {
			ssize_t got;
			do got = read(STDIN_FILENO, buffer, sizeof buffer);
			while (got < 0 && errno == EINTR);
			if (got <= 0) return 0;
			at = 0;
			end = (size_t)got;
		}
		if (length == sizeof question) pack_fail("question", ENAMETOOLONG, "");
		question[length++] = buffer[at];
		if (buffer[at]) continue;
		at++;
		return length;
	}
}

/* EAGAIN: something was renamed somewhere on the machine meanwhile. */
static int open_beneath(int root, const char *path, int flags) {
	struct open_how how = {.flags = (uint64_t)flags | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
	for (int attempt = 0; attempt < 1000; attempt++) {
		long fd = syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof how);
		if (fd >= 0) return (int)fd;
		if (errno != EAGAIN && errno != EINTR) break;
	}
	return -1;
}

static void *room_for(size_t bytes) {
	if (answer_used + bytes > answer_room) {
		answer_room = (answer_used + bytes) * 2;
		answer = realloc(answer, answer_room);
		if (!answer) pack_fail("allocate", ENOMEM, "");
	}
	answer_used += bytes;
	return answer + answer_used - bytes;
}

static void add_member(int folder, const char *name) {
	struct stat status;
	char target[PATH_MAX];
	if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) < 0) return; /* gone meanwhile */
	const ssize_t leads = S_ISLNK(status.st_mode) ? readlinkat(folder, name, target, sizeof target) : 0;
	if (leads < 0) return;
	const size_t length = strlen(name);
	const struct member member = {
		.length = (uint32_t)(sizeof member + length + (size_t)leads), .name_length = (uint32_t)length,
		.mode = status.st_mode, .links = (uint32_t)status.st_nlink,
		.uid = status.st_uid, .gid = status.st_gid, .major = major(status.st_rdev), .minor = minor(status.st_rdev),
		.identity = identity_of(&status),
	};
	memcpy(room_for(sizeof member), &member, sizeof member);
	memcpy(room_for(length), name, length);
	memcpy(room_for((size_t)leads), target, (size_t)leads);
}

/* Length of what follows, errno, members; one that cannot be read has none. */
static void list_folder(int root, const char *path) {
	uint32_t head[2] = {0};
	answer_used = 0;
	room_for(sizeof head);
	int fd = open_beneath(root, path, O_RDONLY | O_DIRECTORY);
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	if (!entries) head[1] = (uint32_t)errno;
	for (struct dirent *entry; entries && (entry = readdir(entries));)
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) add_member(fd, entry->d_name);
	if (entries) closedir(entries);
	head[0] = (uint32_t)(answer_used - sizeof head);
	memcpy(answer, head, sizeof head);
	if (write_all(STDOUT_FILENO, answer, answer_used)) _exit(1);
}

/* The last folder stays open: files are asked for folder by folder. */
static int open_folder_of(int root, const char *path, size_t length) {
	static char last[PATH_MAX + 2];
	static int fd = -1;
	if (fd >= 0 && strlen(last) == length && !memcmp(last, path, length)) return fd;
	if (fd >= 0) close(fd);
	memcpy(last, path, length);
	last[length] = '\0';
	fd = open_beneath(root, last, O_PATH | O_DIRECTORY);
	if (fd < 0) pack_fail("open", errno, path);
	return fd;
}

static void give_file(int root, const char *path) {
	const char *slash = strrchr(path, '/');
	int folder = open_folder_of(root, path, slash ? (size_t)(slash - path) : 0);
	const char *name = slash ? slash + 1 : *path ? path : ".";
	if (!pack_named(folder, name, path, 0)) pack_fail("changed", ENOENT, path);
}

int op_read_files(struct run *run, const struct value *v) { /* root */
	(void)run;
	int root = slot_fd(v[0].number);
	if (root < 0 || pack_begin(WITH_IDENTITY)) return root < 0 ? root : -ENOMEM;
	while (take_question()) {
		if (*question == 'l') list_folder(root, question + 1);
		else if (*question == 'p') give_file(root, question + 1);
		else pack_fail("question", EINVAL, "");
	}
	pack_done();
}
