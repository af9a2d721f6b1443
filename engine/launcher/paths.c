/* Descriptors and paths. Nothing beneath a root is ever reached by a joined string: a container owns what lies there. */
#include "launcher.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* openat2(2) as if `root` were the root of everything; no /proc magic links, which would lead out. */
int open_in(int root, const char *inside, int flags, mode_t mode) {
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.mode = flags & O_CREAT ? mode & 07777 : 0,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	/* EAGAIN: somebody renamed a folder meanwhile, so the kernel cannot tell that ".." stayed inside. */
	for (int attempt = 0; attempt < 32; attempt++) {
		long fd = syscall(SYS_openat2, root, *inside ? inside : "/", &how, sizeof how);
		if (fd >= 0) return (int)fd;
		if (errno != EAGAIN && errno != EINTR) return -errno;
	}
	return -EAGAIN;
}

/* Makes the folders of a path that are missing, each looked up from the root anew: a symlink on the way is followed inside. */
int make_folders_in(int root, const char *inside) {
	char path[PATH_MAX], leaf[NAME_MAX + 1];
	size_t length = strnlen(inside, sizeof path);
	if (length == sizeof path) return -ENAMETOOLONG;
	for (size_t end = 1; end <= length; end++) {
		if (inside[end] != '/' && end != length) continue;
		memcpy(path, inside, end);
		path[end] = '\0';
		int fd = open_in(root, path, O_PATH | O_DIRECTORY, 0);
		if (fd == -ENOENT) {
			int parent = open_parent_in(root, path, 0, leaf, sizeof leaf);
			if (parent < 0) return parent;
			int error = mkdirat(parent, leaf, 0755) < 0 && errno != EEXIST ? -errno : 0;
			close(parent);
			if (error) return error;
			fd = open_in(root, path, O_PATH | O_DIRECTORY, 0);
		}
		if (fd < 0) return fd;
		close(fd);
	}
	return 0;
}

/* The folder that something is made in, and the name it gets there, which is never followed. */
int open_parent_in(int root, const char *inside, int make_parents, char *leaf, size_t leaf_size) {
	char path[PATH_MAX];
	size_t length = strlen(inside);
	while (length && inside[length - 1] == '/') length--;
	size_t start = length;
	while (start && inside[start - 1] != '/') start--;
	if (length - start >= leaf_size || start >= sizeof path) return -ENAMETOOLONG;
	memcpy(leaf, inside + start, length - start);
	leaf[length - start] = '\0';
	memcpy(path, inside, start);
	path[start] = '\0';
	if (!*leaf || !strcmp(leaf, ".") || !strcmp(leaf, "..")) return -EINVAL;
	int parent = open_in(root, path, O_PATH | O_DIRECTORY, 0);
	if (parent != -ENOENT || !make_parents) return parent;
	int error = make_folders_in(root, path);
	return error ? error : open_in(root, path, O_PATH | O_DIRECTORY, 0);
}

int slot_fd(uint64_t slot) {
	return slot < SLOT_COUNT ? SLOT_BASE + (int)slot : -EBADF;
}

/* Takes `fd`, also when it fails. */
int fill_slot(uint64_t slot, int fd) {
	if (fd < 0) return fd;
	int target = slot_fd(slot);
	int error = target < 0 ? target : dup3(fd, target, O_CLOEXEC) < 0 ? -errno : 0;
	close(fd);
	return error;
}

int write_all(int fd, const void *data, size_t length) {
	for (const char *at = data; length;) {
		ssize_t written = write(fd, at, length);
		if (written < 0 && errno == EINTR) continue;
		if (written < 0) return -errno;
		at += written;
		length -= (size_t)written;
	}
	return 0;
}

/* The whole file, in memory that the caller frees. */
int read_file_at(int folder, const char *name, char **data, size_t *length) {
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) return -errno;
	struct stat status;
	int error = fstat(fd, &status) < 0 ? -errno : S_ISREG(status.st_mode) && status.st_size < 16 << 20 ? 0 : -EFBIG;
	size_t size = error ? 0 : (size_t)status.st_size;
	*data = error ? NULL : malloc(size + 1);
	if (!error && !*data) error = -ENOMEM;
	for (*length = 0; !error && *length < size;) {
		ssize_t part = read(fd, *data + *length, size - *length);
		if (part <= 0) error = part < 0 ? -errno : -EBADMSG;
		else *length += (size_t)part;
	}
	close(fd);
	if (error) free(*data);
	return error;
}

/* Never in vain: one of them may be a lock. A filter of system calls that is older than close_range(2) refuses that. */
void close_from(unsigned first, unsigned last) {
	if (syscall(SYS_close_range, first, last, 0) == 0) return;
	long count = sysconf(_SC_OPEN_MAX);
	for (unsigned fd = first; fd <= last && (long)fd < count; fd++) close((int)fd);
}

struct fd_path path_of(int fd) {
	struct fd_path path;
	snprintf(path.text, sizeof path.text, "/proc/self/fd/%d", fd);
	return path;
}
