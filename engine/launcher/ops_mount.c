/* Operations on mounts. Targets beneath a root are opened first and mounted by descriptor: a path checked earlier is a race. */
#include "launcher.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* By number, since <sys/mount.h> and <linux/mount.h> cannot be included together and older C libraries lack the wrappers. */
#define UMOUNT_DETACH 2 /* MNT_DETACH */
#define TREE_RECURSIVE 0x8000 /* AT_RECURSIVE */

static int mount_at(const struct value *source, const char *path, const struct value *type, uint64_t flags, const struct value *data) {
	const char *options = data->length ? data->bytes : NULL;
	return syscall(SYS_mount, source->bytes, path, type->bytes, (unsigned long)flags, options) < 0 ? -errno : 0;
}

static int op_mount(struct run *run, const struct value *v) { /* source path type flags data */
	(void)run;
	return mount_at(&v[0], v[1].bytes, &v[2], v[3].number, &v[4]);
}

static int op_mount_in(struct run *run, const struct value *v) { /* root source inside type flags data optional */
	(void)run;
	int root = slot_fd(v[0].number);
	/*
	 * The kernel's own file systems only onto a folder that is one: by way of a link, a volume could hold the place, and who shares that
	 * could move it before /proc is masked. A tmpfs goes wherever the path leads inside.
	 */
	int flags = strcmp(v[3].bytes, "tmpfs") ? O_PATH | O_NOFOLLOW | O_DIRECTORY : O_PATH;
	int target = root < 0 ? root : open_in(root, v[2].bytes, flags, 0);
	if (target < 0) return target;
	int error = mount_at(&v[1], path_of(target).text, &v[3], v[4].number, &v[5]);
	close(target);
	return error;
}

static int set_once(int tree, int recursive, uint64_t attributes, uint64_t propagation) {
	struct mount_attr wanted = {.attr_set = attributes, .propagation = propagation};
	if (attributes & MOUNT_ATTR__ATIME) wanted.attr_clr = MOUNT_ATTR__ATIME;
	int flags = AT_EMPTY_PATH | (recursive ? TREE_RECURSIVE : 0);
	return syscall(SYS_mount_setattr, tree, "", flags, &wanted, sizeof wanted) < 0 ? -errno : 0;
}

/* `shallow`: of a tree of mounts only the topmost one is changed, in its attributes (1), its propagation (2). */
static int set_attributes(int tree, int recursive, uint64_t attributes, uint64_t propagation, uint64_t shallow) {
	if (!recursive || !(shallow & 3)) return set_once(tree, recursive, attributes, propagation);
	int error = set_once(tree, !(shallow & 1), attributes, 0);
	return error ? error : set_once(tree, !(shallow & 2), 0, propagation);
}

/* What lies there keeps its ids; through this mount they are seen as the user namespace maps them. */
static int map_ids(int tree, uint64_t user_slot) {
	if (user_slot == NO_NUMBER) return 0;
	int user = slot_fd(user_slot);
	if (user < 0) return user;
	struct mount_attr wanted = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)user};
	return syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &wanted, sizeof wanted) < 0 ? -errno : 0;
}

static int clone_tree(int source, int recursive) {
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (recursive ? TREE_RECURSIVE : 0);
	long tree = syscall(SYS_open_tree, source, "", flags);
	return tree < 0 ? -errno : (int)tree;
}

static int attach_tree(int tree, int target) {
	unsigned flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
	return syscall(SYS_move_mount, tree, "", target, "", flags) < 0 ? -errno : 0;
}

/* The kernel says EINVAL to a folder on a file, as to so much else. */
static int fits(int source, int target) {
	struct stat one, other;
	if (fstat(source, &one) < 0 || fstat(target, &other) < 0) return -errno;
	return S_ISDIR(one.st_mode) == S_ISDIR(other.st_mode) ? 0 : -ENOTDIR;
}

/* A copy of what `source` is, changed while nobody can see it, then put onto `target`: never writable for a moment. */
struct how {
	int recursive;
	uint64_t attributes, propagation, shallow, user;
};
static int bind_mount(int source, int target, const struct how *how) {
	if (source < 0 || target < 0) return source < 0 ? source : target;
	int error = fits(source, target);
	if (error) return error;
	int tree = clone_tree(source, how->recursive);
	if (tree < 0) return tree;
	error = map_ids(tree, how->user);
	if (!error) error = set_attributes(tree, how->recursive, how->attributes, how->propagation ? how->propagation : MS_PRIVATE, how->shallow);
	if (!error) error = attach_tree(tree, target);
	close(tree);
	return error;
}

static int open_source(const struct value *path, uint64_t root_slot, const struct value *inside) {
	if (root_slot == NO_NUMBER) {
		int fd = open(path->bytes, O_PATH | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	int root = slot_fd(root_slot);
	if (root < 0 || inside->length) return root < 0 ? root : open_in(root, inside->bytes, O_PATH, 0);
	int fd = fcntl(root, F_DUPFD_CLOEXEC, SLOT_BASE + SLOT_COUNT);
	return fd < 0 ? -errno : fd;
}

static void close_both(int one, int other) {
	if (one >= 0) close(one);
	if (other >= 0) close(other);
}

static int op_bind_in(struct run *run, const struct value *v) { /* root source sourceRoot sourceInside inside recursive attributes propagation shallow optional user */
	(void)run;
	int root = slot_fd(v[0].number);
	int source = open_source(&v[1], v[2].number, &v[3]);
	int target = root < 0 ? root : open_in(root, v[4].bytes, O_PATH, 0);
	const struct how how = {v[5].number != 0, v[6].number, v[7].number, v[8].number, v[10].number};
	int error = bind_mount(source, target, &how);
	close_both(source, target);
	return error;
}

/*
 * open_tree(2) copies mounts of one's own mount namespace only: so it is entered for a moment. The root is then its root, so that no
 * link leads out of it; and a tmpfs it must be, since anything else there would be without the masks that lie on top of it.
 */
static int clone_tmpfs_here(const char *inside) {
	struct statfs status;
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0) return -errno;
	int found = open_in(root, inside, O_PATH | O_DIRECTORY, 0);
	int tree = found;
	if (found >= 0) tree = fstatfs(found, &status) < 0 ? -errno : status.f_type == TMPFS_MAGIC ? clone_tree(found, 0) : -EINVAL;
	close_both(found, root);
	return tree;
}

static int op_take_tmpfs(struct run *run, const struct value *v) { /* slot inside */
	(void)run;
	int own = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (own < 0) return -errno;
	int tree = setns(JOINED_FD, CLONE_NEWNS) < 0 ? -errno : clone_tmpfs_here(v[1].bytes);
	int error = setns(own, CLONE_NEWNS) < 0 ? -errno : 0;
	close(own);
	if (error && tree >= 0) close(tree);
	return error ? error : fill_slot(v[0].number, tree);
}

/* A copy of a tree of mounts in hand: it is what it was when taken, whatever becomes of this mount namespace, or when another is entered. */
static int op_take_tree(struct run *run, const struct value *v) { /* slot source sourceRoot sourceInside recursive user */
	(void)run;
	int source = open_source(&v[1], v[2].number, &v[3]);
	int tree = source < 0 ? source : clone_tree(source, v[4].number != 0);
	int error = tree < 0 ? tree : map_ids(tree, v[5].number);
	if (error && tree >= 0) close(tree);
	close_both(source, -1);
	return error ? error : fill_slot(v[0].number, tree);
}

static int op_attach_in(struct run *run, const struct value *v) { /* slot root inside recursive attributes propagation shallow */
	(void)run;
	int tree = slot_fd(v[0].number), root = slot_fd(v[1].number);
	if (tree < 0 || root < 0) return -EBADF;
	int target = open_in(root, v[2].bytes, O_PATH, 0);
	if (target < 0) return target;
	int error = fits(tree, target);
	if (!error) error = set_attributes(tree, v[3].number != 0, v[4].number, v[5].number ? v[5].number : MS_PRIVATE, v[6].number);
	if (!error) error = attach_tree(tree, target);
	close(target);
	return error;
}

/* The root's own dev/null if it is one, for after the pivot; else the host's. */
static int open_null(int root) {
	struct stat status;
	int fd = open_in(root, "dev/null", O_PATH, 0);
	if (fd >= 0 && fstat(fd, &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3)) return fd;
	if (fd >= 0) close(fd);
	fd = open("/dev/null", O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int mask(int root, int target) {
	struct stat status;
	if (fstat(target, &status) < 0) return -errno;
	if (S_ISDIR(status.st_mode)) {
		const unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
		return syscall(SYS_mount, "tmpfs", path_of(target).text, "tmpfs", flags, "size=0,nr_inodes=2") < 0 ? -errno : 0;
	}
	int null = open_null(root);
	int error = bind_mount(null, target, &(struct how){.attributes = MOUNT_ATTR_RDONLY, .user = NO_NUMBER});
	close_both(null, -1);
	return error;
}

static int is_absent(int error) {
	return error == -ENOENT || error == -ENOTDIR;
}

static int op_mask_in(struct run *run, const struct value *v) { /* root inside */
	(void)run;
	int root = slot_fd(v[0].number);
	int target = root < 0 ? root : open_in(root, v[1].bytes, O_PATH, 0);
	if (target < 0) return is_absent(target) ? 0 : target;
	int error = mask(root, target);
	close(target);
	return error;
}

static int op_readonly_in(struct run *run, const struct value *v) { /* root inside */
	(void)run;
	int root = slot_fd(v[0].number);
	int target = root < 0 ? root : open_in(root, v[1].bytes, O_PATH, 0);
	if (target < 0) return is_absent(target) ? 0 : target;
	int error = bind_mount(target, target, &(struct how){.recursive = 1, .attributes = MOUNT_ATTR_RDONLY, .user = NO_NUMBER});
	close(target);
	return error;
}

static int op_remount_root(struct run *run, const struct value *v) { /* attributes */
	(void)run;
	int root = open("/", O_PATH | O_CLOEXEC);
	if (root < 0) return -errno;
	int error = set_attributes(root, 0, v[0].number, 0, 0);
	close(root);
	return error;
}

static int op_umount(struct run *run, const struct value *v) { /* path flags */
	(void)run;
	return syscall(SYS_umount2, v[0].bytes, (int)v[1].number) < 0 ? -errno : 0;
}

/* pivot_root(2), "pivot_root(".", ".")": the old root ends up on top of the new one, and is then let go. */
static int op_pivot(struct run *run, const struct value *v) { /* root */
	(void)run;
	int root = slot_fd(v[0].number);
	if (root < 0) return root;
	if (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0) return -errno;
	if (syscall(SYS_umount2, ".", UMOUNT_DETACH) < 0) return -errno;
	return chdir("/") < 0 ? -errno : 0;
}

const struct op mount_ops[] = {
	{"mount", "sssns", op_mount},
	{"mount-in", "nsssnso", op_mount_in},
	{"bind-in", "nsnssnnnnon", op_bind_in},
	{"take-tmpfs", "ns", op_take_tmpfs},
	{"take-tree", "nsnsnn", op_take_tree},
	{"attach-in", "nnsnnnn", op_attach_in},
	{"mask-in", "ns", op_mask_in},
	{"readonly-in", "ns", op_readonly_in},
	{"remount-root", "n", op_remount_root},
	{"umount", "sn", op_umount},
	{"pivot", "n", op_pivot},
	{0},
};
