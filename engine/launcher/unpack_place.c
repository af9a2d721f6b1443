/*
 * Where a record of an archive goes: its parent resolved by openat2(RESOLVE_IN_ROOT), the place made free. The last component is
 * only ever used relative to its parent's descriptor, and never followed.
 */
#include "unpack.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define OPAQUE "trusted.overlay.opaque"

/* The parent of the last entry stays open: archives are written folder by folder. */
static int parent_fd = -1;
static char *parent_path;

/* EAGAIN: something was renamed somewhere on the machine while a link with `..` was resolved (openat2(2)). */
int open_inside(const char *path, int flags) {
	struct open_how how = {.flags = (uint64_t)flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | (unpacking.wishes & CROSS_MOUNTS ? 0 : RESOLVE_NO_XDEV)};
	int fd, tries = 0;
	do
		fd = (int)syscall(SYS_openat2, unpacking.root, *path ? path : ".", &how, sizeof how);
	while (fd < 0 && (errno == EAGAIN || errno == EINTR) && ++tries < 10000);
	return fd;
}

static int is_whiteout(const struct stat *at) {
	return S_ISCHR(at->st_mode) && at->st_rdev == makedev(0, 0);
}

static void forget_parent(void) {
	if (parent_fd >= 0 && parent_fd != unpacking.root)
		close(parent_fd);
	free(parent_path);
	parent_fd = -1;
	parent_path = NULL;
}

/* Removes a tree without following anything. One descriptor a level: what is too deep for that fails, and so does the layer. */
static void remove_tree(int dir, const char *name) {
	struct stat at;
	if (fstatat(dir, name, &at, AT_SYMLINK_NOFOLLOW) < 0)
		give_up("replace", errno);
	if (!S_ISDIR(at.st_mode)) {
		take_away(dir, name, &at);
		return;
	}
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	if (!entries)
		give_up("replace", errno);
	for (struct dirent *entry; (entry = readdir(entries));)
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			remove_tree(dirfd(entries), entry->d_name);
	closedir(entries);
	if (unlinkat(dir, name, AT_REMOVEDIR) < 0)
		give_up("replace", errno);
}

void make_room(int dir, const char *name) {
	struct stat at;
	if (fstatat(dir, name, &at, AT_SYMLINK_NOFOLLOW) == 0 && unpacking.wishes & KEEP_KINDS && S_ISDIR(at.st_mode))
		give_up("over-folder", EISDIR);
	else if (fstatat(dir, name, &at, AT_SYMLINK_NOFOLLOW) == 0)
		remove_tree(dir, name);
	else if (errno != ENOENT)
		give_up("replace", errno);
}

/* Lower layers' folder of that name must not shine through a folder that this layer first removed and then made anew. */
void make_opaque(int fd) {
	if (fsetxattr(fd, OPAQUE, "y", 1, 0) < 0)
		give_up("opaque", errno);
}

/* A folder called `name`, merged with one that is there; anything else in its place is replaced. Returns it open. */
int make_folder(int dir, const char *name, mode_t mode) {
	struct stat at;
	int replaces_whiteout = 0;
	if (mkdirat(dir, name, mode) < 0) {
		if (errno != EEXIST || fstatat(dir, name, &at, AT_SYMLINK_NOFOLLOW) < 0)
			give_up("mkdir", errno);
		if (!S_ISDIR(at.st_mode)) {
			if (unpacking.wishes & KEEP_KINDS)
				give_up("over-file", ENOTDIR);
			replaces_whiteout = is_whiteout(&at);
			make_room(dir, name);
			if (mkdirat(dir, name, mode) < 0)
				give_up("mkdir", errno);
		}
	}
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		give_up("open", errno);
	if (replaces_whiteout)
		make_opaque(fd);
	return fd;
}

/* Makes what is missing of a path, one component at a time: each prefix is resolved anew, since links may lead elsewhere. */
static int make_parents(char *path) {
	int at = unpacking.root;
	for (char *end = path; *end; end += *end == '/') {
		char *name = end;
		end += strcspn(end, "/");
		char kept = *end;
		struct stat there;
		*end = 0;
		int next = open_inside(path, O_PATH | O_DIRECTORY);
		if (next < 0 && (errno == ENOENT ||
				 (errno == ENOTDIR && fstatat(at, name, &there, AT_SYMLINK_NOFOLLOW) == 0 && is_whiteout(&there)))) {
			/* a link that leads nowhere is in the way of what is to be beneath it: as tar, refuse */
			if (fstatat(at, name, &there, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(there.st_mode))
				give_up("parent", ENOENT);
			next = make_folder(at, name, 0755);
		}
		if (next < 0)
			give_up("parent", errno);
		*end = kept;
		if (at != unpacking.root)
			close(at);
		at = next;
	}
	return at;
}

static int open_parent(char *path) {
	int fd = open_inside(path, O_PATH | O_DIRECTORY);
	return fd < 0 ? make_parents(path) : fd;
}

/* Splits a path and opens its parent. `name` points into `path`. */
int enter_parent(char *path, const char **name) {
	char *slash = strrchr(path, '/');
	*name = slash ? slash + 1 : path;
	/* The root itself has no name; every other name is one in its parent, never a way. */
	if (*path && (!**name || !strcmp(*name, ".") || !strcmp(*name, "..")))
		give_up("name", EINVAL);
	size_t length = slash ? (size_t)(slash - path) : 0;
	if (parent_path && strlen(parent_path) == length && memcmp(parent_path, path, length) == 0)
		return parent_fd;
	forget_parent();
	parent_path = allocate(length + 1);
	memcpy(parent_path, path, length);
	parent_path[length] = 0;
	parent_fd = length ? open_parent(parent_path) : unpacking.root;
	return parent_fd;
}
