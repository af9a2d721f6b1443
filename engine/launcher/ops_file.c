/* Operations on descriptors and files. Those that end in `-in` work beneath a slot, in a tree that somebody else may be changing. */
#include "launcher.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define READ_LIMIT (1u << 20)

static int op_open(struct run *run, const struct value *v) { /* slot path flags mode */
	(void)run;
	int fd = open(v[1].bytes, (int)v[2].number | O_CLOEXEC, (mode_t)v[3].number);
	return fill_slot(v[0].number, fd < 0 ? -errno : fd);
}

static int op_open_in(struct run *run, const struct value *v) { /* slot root inside flags mode */
	(void)run;
	int root = slot_fd(v[1].number);
	return root < 0 ? root : fill_slot(v[0].number, open_in(root, v[2].bytes, (int)v[3].number, (mode_t)v[4].number));
}

static int op_close(struct run *run, const struct value *v) { /* slot */
	(void)run;
	int fd = slot_fd(v[0].number);
	return fd < 0 ? fd : close(fd) < 0 ? -errno : 0;
}

static int op_mkdir(struct run *run, const struct value *v) { /* path mode existsOk */
	(void)run;
	if (mkdir(v[0].bytes, (mode_t)v[1].number) == 0) return 0;
	return errno == EEXIST && v[2].number ? 0 : -errno;
}

/* One write(2) and no more: the kernel's control files take a value at once or not at all. */
static int write_once(int fd, const struct value *data) {
	if (fd < 0) return fd;
	ssize_t written = write(fd, data->bytes, data->length);
	int error = written < 0 ? -errno : (size_t)written == data->length ? 0 : -EIO;
	close(fd);
	return error;
}

static int op_write(struct run *run, const struct value *v) { /* path data optional */
	(void)run;
	int fd = open(v[0].bytes, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	return write_once(fd < 0 ? -errno : fd, &v[1]);
}

/* What holds only a name has its mode changed by way of /proc; a folder has not, since in a container's mount namespace /proc is not ours. */
static int set_mode(int fd, mode_t mode) {
	if (!S_ISDIR(mode)) return chmod(path_of(fd).text, mode & 07777) < 0 ? -errno : 0;
	int folder = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0) return -errno;
	int error = fchmod(folder, mode & 07777) < 0 ? -errno : 0;
	close(folder);
	return error;
}

/*
 * NO_NUMBER is -1: leave as it is. chmod last, since chown clears the setuid bits. By descriptor, of something that is what was made: fchmodat
 * follows links, and who shares the folder may have put one to a file of the host's in the place of what was made a moment ago.
 */
static int own(int parent, const char *leaf, const struct value *uid, const struct value *gid, mode_t mode) {
	struct stat status;
	int fd = openat(parent, leaf, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) return -errno;
	int error = fstat(fd, &status) < 0 ? -errno : (status.st_mode & S_IFMT) == (mode & S_IFMT) ? 0 : -EAGAIN;
	if (!error && (uid->number != NO_NUMBER || gid->number != NO_NUMBER))
		error = fchownat(fd, "", (uid_t)uid->number, (gid_t)gid->number, AT_EMPTY_PATH) < 0 ? -errno : 0;
	if (!error) error = set_mode(fd, mode);
	close(fd);
	return error;
}

/* A folder that is there is left as it is: it is the image's, and a mount goes over it. */
static int op_mkdir_in(struct run *run, const struct value *v) { /* root inside mode uid gid parents */
	(void)run;
	int root = slot_fd(v[0].number);
	int there = root < 0 ? root : open_in(root, v[1].bytes, O_PATH | O_DIRECTORY, 0);
	if (there >= 0) close(there);
	if (there != -ENOENT) return there < 0 ? there : 0;
	char leaf[NAME_MAX + 1];
	int parent = open_parent_in(root, v[1].bytes, (int)v[5].number, leaf, sizeof leaf);
	if (parent < 0) return parent;
	int error = mkdirat(parent, leaf, 0700) < 0 ? -errno : own(parent, leaf, &v[3], &v[4], S_IFDIR | ((mode_t)v[2].number & 07777));
	close(parent);
	return error;
}

static int op_touch_in(struct run *run, const struct value *v) { /* root inside mode parents */
	(void)run;
	int root = slot_fd(v[0].number);
	int there = root < 0 ? root : open_in(root, v[1].bytes, O_PATH, 0);
	if (there >= 0) close(there);
	if (there != -ENOENT) return there < 0 ? there : 0;
	char leaf[NAME_MAX + 1];
	int parent = open_parent_in(root, v[1].bytes, (int)v[3].number, leaf, sizeof leaf);
	if (parent < 0) return parent;
	int fd = openat(parent, leaf, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, (mode_t)v[2].number & 07777);
	int error = fd < 0 ? -errno : 0;
	if (fd >= 0) close(fd);
	close(parent);
	return error;
}

/* Somewhere to mount what a slot holds: a folder for a folder, a file for anything else. */
static int op_point_in(struct run *run, const struct value *v) { /* root inside like */
	struct stat status;
	int like = slot_fd(v[2].number);
	if (like < 0 || fstat(like, &status) < 0) return like < 0 ? like : -errno;
	const struct value nobody = {.number = NO_NUMBER}, parents = {.number = 1};
	const struct value folder[] = {v[0], v[1], {.number = 0755}, nobody, nobody, parents}, file[] = {v[0], v[1], {.number = 0644}, parents};
	return S_ISDIR(status.st_mode) ? op_mkdir_in(run, folder) : op_touch_in(run, file);
}

/*
 * A pipe or device that lies in wait must not even be opened: an image brings the watchdog's number, and the host reboots. So it is
 * looked at by a descriptor that opens nothing, and opened by way of that.
 */
static int open_regular(int root, const char *inside, int flags) {
	struct stat status;
	int found = open_in(root, inside, O_PATH, 0);
	if (found < 0) return found;
	int error = fstat(found, &status) < 0 ? -errno : S_ISREG(status.st_mode) ? 0 : -EINVAL;
	int fd = error ? error : open(path_of(found).text, flags | O_CLOEXEC);
	if (!error && fd < 0) fd = -errno;
	close(found);
	return fd;
}

/* A restart finds the nodes of the start before; anything else in its place is the image's, and no device. */
static int is_device(int parent, const char *leaf, mode_t mode, dev_t device) {
	struct stat status;
	if (fstatat(parent, leaf, &status, AT_SYMLINK_NOFOLLOW) < 0) return 0;
	return (status.st_mode & S_IFMT) == (mode & S_IFMT) && status.st_rdev == device;
}

static int op_mknod_in(struct run *run, const struct value *v) { /* root inside mode major minor uid gid */
	(void)run;
	char leaf[NAME_MAX + 1];
	int root = slot_fd(v[0].number);
	int parent = root < 0 ? root : open_parent_in(root, v[1].bytes, 0, leaf, sizeof leaf);
	if (parent < 0) return parent;
	mode_t mode = (mode_t)v[2].number;
	dev_t device = makedev((unsigned)v[3].number, (unsigned)v[4].number);
	int error = mknodat(parent, leaf, mode, device) < 0 ? -errno : 0;
	if (error == -EEXIST && is_device(parent, leaf, mode, device)) error = 0;
	if (!error) error = own(parent, leaf, &v[5], &v[6], mode);
	close(parent);
	return error;
}

static int op_symlink_in(struct run *run, const struct value *v) { /* root inside target existsOk */
	(void)run;
	char leaf[NAME_MAX + 1];
	int root = slot_fd(v[0].number);
	int parent = root < 0 ? root : open_parent_in(root, v[1].bytes, 0, leaf, sizeof leaf);
	if (parent < 0) return parent;
	int error = symlinkat(v[2].bytes, parent, leaf) < 0 ? -errno : 0;
	close(parent);
	return error == -EEXIST && v[3].number ? 0 : error;
}

static int read_up_to(int fd, char *buffer, size_t limit, uint32_t *length) {
	for (*length = 0; *length < limit;) {
		ssize_t part = read(fd, buffer + *length, limit - *length);
		if (part < 0 && errno == EINTR) continue;
		if (part < 0) return -errno;
		if (part == 0) break;
		*length += (uint32_t)part;
	}
	return 0;
}

static int op_read_in(struct run *run, const struct value *v) { /* root inside maxBytes */
	int root = slot_fd(v[0].number);
	if (root < 0 || v[2].number > READ_LIMIT) return root < 0 ? root : -EINVAL;
	int fd = open_regular(root, v[1].bytes, O_RDONLY);
	if (fd == -ENOENT || fd == -ENOTDIR) return 0;
	if (fd < 0) return fd;
	char *buffer = malloc(v[2].number + 1);
	uint32_t length = 0;
	int error = buffer ? read_up_to(fd, buffer, v[2].number, &length) : -ENOMEM;
	close(fd);
	if (!error) error = send_report_data(run, buffer, length);
	free(buffer);
	return error;
}

const struct op file_ops[] = {
	{"open", "nsnn", op_open},
	{"open-in", "nnsnn", op_open_in},
	{"close", "n", op_close},
	{"mkdir", "snn", op_mkdir},
	{"write", "sbo", op_write},
	{"mkdir-in", "nsnnnn", op_mkdir_in},
	{"touch-in", "nsnn", op_touch_in},
	{"point-in", "nsn", op_point_in},
	{"mknod-in", "nsnnnnn", op_mknod_in},
	{"symlink-in", "nssn", op_symlink_in},
	{"read-in", "nsn", op_read_in},
	{"look-in", "ns", op_look_in},
	{"pack", "nsn", op_pack},
	{"read-files", "n", op_read_files},
	{"unpack", "nn", op_unpack},
	{0},
};
