/* Operations that make a process what it shall be, down to exec. */
#include "launcher.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_GROUPS 65536

static int op_hostname(struct run *run, const struct value *v) { /* name */
	(void)run;
	return sethostname(v[0].bytes, v[0].length) < 0 ? -errno : 0;
}

static int op_domainname(struct run *run, const struct value *v) { /* name */
	(void)run;
	return setdomainname(v[0].bytes, v[0].length) < 0 ? -errno : 0;
}

/* Clamped: what the host does not allow is cut to what it does, and that is told. */
static int op_rlimit(struct run *run, const struct value *v) { /* resource soft hard clamp */
	struct rlimit limit = {.rlim_cur = v[1].number, .rlim_max = v[2].number}, now;
	int resource = (int)v[0].number;
	if (setrlimit((__rlimit_resource_t)resource, &limit) == 0) return 0;
	if (errno != EPERM || !v[3].number) return -errno;
	if (getrlimit((__rlimit_resource_t)resource, &now) < 0) return -errno;
	if (limit.rlim_max > now.rlim_max) limit.rlim_max = now.rlim_max;
	if (limit.rlim_cur > limit.rlim_max) limit.rlim_cur = limit.rlim_max;
	send_report(run->report, REPORT_WARNING, run->section, run->index, EPERM);
	return setrlimit((__rlimit_resource_t)resource, &limit) < 0 ? -errno : 0;
}

/* Only upwards: for a process that will not be allowed to any more when it sets its limits. What is refused here, it will hear of. */
static int op_raise_rlimit(struct run *run, const struct value *v) { /* resource hard */
	(void)run;
	struct rlimit now;
	__rlimit_resource_t resource = (__rlimit_resource_t)v[0].number;
	if (getrlimit(resource, &now) < 0) return -errno;
	if (now.rlim_max >= v[1].number) return 0;
	now.rlim_max = v[1].number;
	return setrlimit(resource, &now) < 0 && errno != EPERM ? -errno : 0;
}

static int op_umask(struct run *run, const struct value *v) { /* mask */
	(void)run;
	umask((mode_t)v[0].number);
	return 0;
}

/* A working folder outside of the root (a descriptor's path, CVE-2024-21626) has no name: getcwd says "(unreachable)". */
static int enter_folder(int folder) {
	char name[PATH_MAX];
	if (fchdir(folder) < 0) return -errno;
	if (syscall(SYS_getcwd, name, sizeof name) < 0) return -errno;
	return name[0] == '/' ? 0 : -EXDEV;
}

static int op_chdir(struct run *run, const struct value *v) { /* inside create */
	(void)run;
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0) return -errno;
	int folder = open_in(root, v[0].bytes, O_PATH | O_DIRECTORY, 0);
	if (folder == -ENOENT && v[1].number) {
		int error = make_folders_in(root, v[0].bytes);
		folder = error ? error : open_in(root, v[0].bytes, O_PATH | O_DIRECTORY, 0);
	}
	int error = folder < 0 ? folder : enter_folder(folder);
	if (folder >= 0) close(folder);
	close(root);
	return error;
}

static int op_setsid(struct run *run, const struct value *v) { /* terminal */
	(void)run;
	if (setsid() < 0 && errno != EPERM) return -errno; /* EPERM: leads a group already */
	return v[0].number && ioctl(STDIN_FILENO, TIOCSCTTY, 1) < 0 ? -errno : 0;
}

static int bind_console(int root, int slave) {
	int console = open_in(root, "dev/console", O_PATH, 0);
	if (console < 0) return console;
	int error = syscall(SYS_mount, path_of(slave).text, path_of(console).text, "", 4096ul /* MS_BIND */, "") < 0 ? -errno : 0;
	close(console);
	return error;
}

static int take_terminal(const struct run *run, int root, int master, int binds) {
	if (ioctl(master, TIOCSPTLCK, &(int){0}) < 0) return -errno;
	int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0) return -errno;
	int error = binds ? bind_console(root, slave) : 0;
	for (int fd = 0; !error && fd < 3; fd++)
		if (dup2(slave, fd) < 0) error = -errno;
	close(slave);
	return error ? error : send_terminal(run, master);
}

static int op_console(struct run *run, const struct value *v) { /* root bind */
	int root = slot_fd(v[0].number);
	int master = root < 0 ? root : open_in(root, "dev/pts/ptmx", O_RDWR | O_NOCTTY, 0);
	if (master < 0) return master;
	int error = take_terminal(run, root, master, v[1].number != 0);
	close(master);
	return error;
}

/* Without a name: a new keyring that nobody else holds. */
static int op_keyring(struct run *run, const struct value *v) {
	(void)run, (void)v;
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) >= 0 || errno == ENOSYS) return 0;
	return -errno;
}

/* The group stays: a terminal's is tty's, and its mode lets that group write. A pipe's mode lets none. */
static int op_own_streams(struct run *run, const struct value *v) { /* uid */
	(void)run;
	struct stat status;
	for (int fd = 0; fd < 3; fd++) {
		if (fstat(fd, &status) < 0) return -errno;
		if (!S_ISFIFO(status.st_mode) && !isatty(fd)) continue;
		if (fchown(fd, (uid_t)v[0].number, (gid_t)-1) < 0) return -errno;
	}
	return 0;
}

/* Capabilities survive the change of ids, so that `capabilities` can say afterwards which ones stay. Groups first: ids take the right away. */
static int op_set_ids(struct run *run, const struct value *v) { /* uid gid groups */
	(void)run;
	if (v[2].number > MAX_GROUPS) return -EINVAL;
	gid_t *groups = calloc(v[2].number + 1, sizeof *groups);
	if (!groups) return -ENOMEM;
	const char *cursor = v[2].bytes;
	for (uint64_t i = 0; i < v[2].number; i++) groups[i] = (gid_t)next_number(&cursor);
	uid_t uid = (uid_t)v[0].number;
	gid_t gid = (gid_t)v[1].number;
	int failed = setgroups(v[2].number, groups) < 0 || prctl(PR_SET_KEEPCAPS, 1) < 0 || setresgid(gid, gid, gid) < 0 ||
							 setresuid(uid, uid, uid) < 0 || prctl(PR_SET_KEEPCAPS, 0) < 0;
	int error = failed ? -errno : 0;
	free(groups);
	return error;
}

/* To whom belongs what is made from now on. The calls give back the former id, whether they worked or not. */
static int op_fs_ids(struct run *run, const struct value *v) { /* uid gid */
	(void)run;
	uid_t uid = (uid_t)v[0].number;
	gid_t gid = (gid_t)v[1].number;
	setfsgid(gid);
	setfsuid(uid);
	return (gid_t)setfsgid((gid_t)-1) == gid && (uid_t)setfsuid((uid_t)-1) == uid ? 0 : -EPERM;
}

static int op_bounding(struct run *run, const struct value *v) { /* mask */
	(void)run;
	for (unsigned long capability = 0; capability < 64; capability++) {
		if (v[0].number >> capability & 1) continue;
		if (prctl(PR_CAPBSET_DROP, capability) == 0) continue;
		if (errno == EINVAL) return 0; /* past the last one that this kernel knows */
		return -errno;
	}
	return 0;
}

static int op_capabilities(struct run *run, const struct value *v) { /* effective permitted inheritable ambient */
	(void)run;
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	for (int half = 0; half < 2; half++) {
		data[half].effective = (uint32_t)(v[0].number >> 32 * half);
		data[half].permitted = (uint32_t)(v[1].number >> 32 * half);
		data[half].inheritable = (uint32_t)(v[2].number >> 32 * half);
	}
	if (syscall(SYS_capset, &header, data) < 0) return -errno;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) return -errno;
	for (unsigned long capability = 0; capability < 64; capability++)
		if (v[3].number >> capability & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0) return -errno;
	return 0;
}

static int op_prctl(struct run *run, const struct value *v) { /* option arg2 arg3 */
	(void)run;
	return prctl((int)v[0].number, (unsigned long)v[1].number, (unsigned long)v[2].number, 0ul, 0ul) < 0 ? -errno : 0;
}

static int op_seccomp(struct run *run, const struct value *v) { /* filter flags */
	(void)run;
	if (v[0].length % sizeof(struct sock_filter) || v[0].length / sizeof(struct sock_filter) > BPF_MAXINSNS) return -EINVAL;
	struct {
		unsigned short length;
		const char *filter;
	} program = {.length = (unsigned short)(v[0].length / sizeof(struct sock_filter)), .filter = v[0].bytes};
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, (unsigned)v[1].number, &program) < 0 ? -errno : 0;
}

const struct op process_ops[] = {
	{"hostname", "s", op_hostname},
	{"domainname", "s", op_domainname},
	{"rlimit", "nnnn", op_rlimit},
	{"raise-rlimit", "nn", op_raise_rlimit},
	{"umask", "n", op_umask},
	{"chdir", "sn", op_chdir},
	{"setsid", "n", op_setsid},
	{"console", "nn", op_console},
	{"keyring", "", op_keyring},
	{"own-streams", "n", op_own_streams},
	{"set-ids", "nnN", op_set_ids},
	{"fs-ids", "nn", op_fs_ids},
	{"bounding", "n", op_bounding},
	{"capabilities", "nnnn", op_capabilities},
	{"prctl", "nnn", op_prctl},
	{"seccomp", "bn", op_seccomp},
	{0},
};
