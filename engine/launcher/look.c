/* What is at a path beneath a slot, told in the reply (engine/files/look.ts). */
#include "launcher.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where the folder `parent` is as seen from the folder `root`, both as the kernel has them: what the container has at /proc does not matter. */
static int place_beneath(int root, int parent, char *place) {
	char top[PATH_MAX];
	if (fchdir(root) < 0 || !getcwd(top, sizeof top) || fchdir(parent) < 0 || !getcwd(place, PATH_MAX)) return -errno;
	size_t length = strcmp(top, "/") == 0 ? 0 : strlen(top);
	if (strncmp(place, top, length) != 0 || (place[length] != '/' && place[length] != 0)) return -EXDEV;
	memmove(place, place + length, strlen(place + length) + 1);
	if (!*place) strcpy(place, "/");
	return 0;
}

/* What is at a path, whose last name is not followed: mode, size, where its parent really is, and where it leads when it is a link. */
int op_look_in(struct run *run, const struct value *v) { /* root inside */
	struct {
		uint64_t mode, size, mtime;
		char text[2 * PATH_MAX];
	} answer = {0};
	char leaf[NAME_MAX + 1] = ".";
	int root = slot_fd(v[0].number);
	if (root < 0) return root;
	int parent = open_parent_in(root, v[1].bytes, 0, leaf, sizeof leaf);
	if (parent == -EINVAL) {
		strcpy(leaf, ".");
		parent = open_in(root, v[1].bytes, O_PATH | O_DIRECTORY, 0);
	}
	if (parent == -ENOENT || parent == -ENOTDIR) return 0; /* no data: there is no such thing */
	if (parent < 0) return parent;
	struct stat status;
	int error = place_beneath(root, parent, answer.text);
	size_t length = strlen(answer.text) + 1;
	if (!error && fstatat(parent, leaf, &status, AT_SYMLINK_NOFOLLOW) == 0) {
		answer.mode = status.st_mode;
		answer.size = (uint64_t)status.st_size;
		answer.mtime = (uint64_t)status.st_mtim.tv_sec;
		ssize_t link = S_ISLNK(status.st_mode) ? readlinkat(parent, leaf, answer.text + length, PATH_MAX - 1) : 0;
		length += link > 0 ? (size_t)link : 0;
	} else if (!error && errno != ENOENT && errno != ENOTDIR) error = -errno;
	close(parent);
	return error ? error : send_report_data(run, &answer, (uint32_t)(offsetof(__typeof__(answer), text) + length));
}
