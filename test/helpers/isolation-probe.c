/*
 * What a program in a container sees and may do, as lines of a table: static, so that any root filesystem can run it.
 * Arguments: `KIND=INODE` of the host's namespaces, `caps=HEX` of all capabilities that the host gives; `masked=yes`: nothing may be shown;
 * `all` tries every call.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))

static char **given;

static const char *argument(const char *name) {
	size_t length = strlen(name);
	for (char **at = given; *at; at++)
		if (!strncmp(*at, name, length) && (*at)[length] == '=') return *at + length + 1;
	return "";
}

static const char *named(int error) {
	static char other[24];
	switch (error) {
		case 0: return "allowed";
		case EPERM: return "EPERM";
		case EACCES: return "EACCES";
		case EROFS: return "EROFS";
		case ENOENT: return "absent";
		case ENOSYS: return "ENOSYS";
	}
	snprintf(other, sizeof other, "errno %d", error);
	return other;
}

static void show_status(void) {
	char line[512];
	FILE *status = fopen("/proc/self/status", "re");
	while (status && fgets(line, sizeof line, status)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "Cap", 3)) printf("%.7s %s\n", line, !strcmp(line + 8, argument("caps")) ? "all of the host's" : line + 8);
		if (!strncmp(line, "NoNewPrivs:", 11) || !strncmp(line, "Seccomp:", 8)) puts(line);
	}
	if (status) fclose(status);
}

static void show_namespaces(void) {
	static const char *const kinds[] = {"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"};
	for (size_t i = 0; i < COUNT(kinds); i++) {
		char path[64], target[64] = "";
		snprintf(path, sizeof path, "/proc/self/ns/%s", kinds[i]);
		if (readlink(path, target, sizeof target - 1) < 0) strcpy(target, "unreadable");
		printf("namespace %s: %s\n", kinds[i], strstr(target, argument(kinds[i])) ? "the host's" : "its own");
	}
}

static int by_text(const void *one, const void *other) {
	return strcmp(*(char *const *)one, *(char *const *)other);
}

/* Not those whose presence tells of the kernel or of the engine: hidden paths, groups of version 1, files of names. */
static int is_passed_over(const char *point) {
	static const char *const beginnings[] = {"/sys/fs/cgroup/", "/proc/", "/sys/firmware", "/sys/devices", "/etc/", "/bin/isolation-probe"};
	for (size_t i = 0; i < COUNT(beginnings); i++)
		if (!strncmp(point, beginnings[i], strlen(beginnings[i]))) return 1;
	return 0;
}

/* `36 35 98:0 / /point options optional - type source options`, sorted: the order is the engine's own. */
static void show_mounts(void) {
	char line[8192], point[1024], options[256], type[64], *lines[64];
	size_t count = 0;
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	while (mounts && count < COUNT(lines) && fgets(line, sizeof line, mounts)) {
		const char *after = strstr(line, " - ");
		if (!after || sscanf(line, "%*s %*s %*s %*s %1023s %255s", point, options) != 2 || sscanf(after, " - %63s", type) != 1) continue;
		if (is_passed_over(point)) continue;
		if (!strcmp(point, "/sys/fs/cgroup")) strcpy(type, "its"), strcpy(options, "groups");
		if (asprintf(&lines[count], "mount %s: %s %s", point, type, options) > 0) count++;
	}
	if (mounts) fclose(mounts);
	qsort(lines, count, sizeof *lines, by_text);
	for (size_t i = 0; i < count; i++) puts(lines[i]);
	int unified = access("/sys/fs/cgroup/cgroup.procs", F_OK) == 0;
	int denied = access(unified ? "/sys/fs/cgroup/cgroup.procs" : "/sys/fs/cgroup/memory/cgroup.procs", W_OK) < 0;
	printf("write to its groups: %s\n", named(denied ? errno : 0));
}

static int is_empty(const char *path) {
	DIR *folder = opendir(path);
	if (folder) {
		int entries = 0;
		for (struct dirent *entry; (entry = readdir(folder));) entries++;
		closedir(folder);
		return entries <= 2;
	}
	char byte;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t length = fd < 0 ? 0 : read(fd, &byte, 1);
	if (fd >= 0) close(fd);
	return length <= 0;
}

/* Those that only some kernels have are spoken of where they are to be hidden (`masked`): there it makes no difference. */
static void show_paths(void) {
	static const char *const hidden[] = {"/proc/interrupts", "/proc/keys", "/proc/timer_list"};
	static const char *const rare[] = {"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi",
		"/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware"};
	static const char *const fixed[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys"};
	for (size_t i = 0; i < COUNT(hidden); i++) printf("path %s: %s\n", hidden[i], is_empty(hidden[i]) ? "hidden or empty" : "shown");
	for (size_t i = 0; *argument("masked") && i < COUNT(rare); i++)
		printf("path %s: %s\n", rare[i], is_empty(rare[i]) ? "hidden or empty" : "shown");
	for (size_t i = 0; i < COUNT(fixed); i++) {
		int error = access(fixed[i], W_OK) < 0 ? errno : 0;
		printf("path %s: %s\n", fixed[i], error == EROFS ? "read-only" : error ? named(error) : "writable");
	}
}

static void show_sysctls(void) {
	static const char *const names[] = {"kernel/panic", "kernel/hostname", "kernel/shmmax", "kernel/core_pattern", "net/ipv4/ip_forward",
		"net/core/somaxconn", "vm/swappiness", "fs/mqueue/msg_max"};
	for (size_t i = 0; i < COUNT(names); i++) {
		char path[96];
		snprintf(path, sizeof path, "/proc/sys/%s", names[i]);
		int fd = open(path, O_WRONLY | O_CLOEXEC);
		printf("sysctl %s: %s\n", names[i], named(fd < 0 ? errno : 0));
		if (fd >= 0) close(fd);
	}
	int fd = open("/sys/kernel/mm/transparent_hugepage/enabled", O_WRONLY | O_CLOEXEC);
	printf("write to /sys: %s\n", named(fd < 0 ? errno : 0));
}

static int by_name(const struct dirent **one, const struct dirent **other) {
	return strcmp((*one)->d_name, (*other)->d_name);
}

/* With all of the host's devices only how many is said: hosts differ. */
static void show_devices(void) {
	struct dirent **entries;
	int count = scandir("/dev", &entries, NULL, by_name), devices = 0;
	for (int i = 0; i < count; i++) {
		struct stat status;
		char path[300], target[64] = "";
		snprintf(path, sizeof path, "/dev/%s", entries[i]->d_name);
		if (lstat(path, &status) < 0) continue;
		devices += S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode);
		if (count > 40 || entries[i]->d_name[0] == '.' || !strcmp(entries[i]->d_name, "core")) continue;
		if (readlink(path, target, sizeof target - 1) > 0) printf("in /dev: %s -> %s\n", entries[i]->d_name, target);
		else printf("in /dev: %s %o %u:%u\n", entries[i]->d_name, status.st_mode, major(status.st_rdev), minor(status.st_rdev));
	}
	if (count > 40) puts("in /dev: the host's devices");
}

/* Opening needs the rule, whatever the node; a device that is not there has no errno of the rules. */
static void show_rules(void) {
	static const struct {
		const char *name;
		unsigned type, major, minor;
	} tried[] = {{"null", S_IFCHR, 1, 3}, {"mem", S_IFCHR, 1, 1}, {"kmsg", S_IFCHR, 1, 11}, {"zero", S_IFCHR, 1, 5}, {"loop0", S_IFBLK, 7, 0},
		{"fuse", S_IFCHR, 10, 229}, {"kvm", S_IFCHR, 10, 232}, {"console", S_IFCHR, 5, 1}};
	for (size_t i = 0; i < COUNT(tried); i++) {
		char path[64];
		snprintf(path, sizeof path, "/dev/shm/%s", tried[i].name);
		int made = mknod(path, tried[i].type | 0600, makedev(tried[i].major, tried[i].minor)) == 0;
		int error = made ? 0 : errno;
		unlink(path);
		snprintf(path, sizeof path, "/probe-%s", tried[i].name);
		int fd = -1;
		if (mknod(path, tried[i].type | 0600, makedev(tried[i].major, tried[i].minor)) == 0) fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		int denied = fd < 0 && (errno == EPERM || errno == EACCES || errno == EROFS);
		printf("device %s %u:%u: made: %s, opened: %s\n", tried[i].name, tried[i].major, tried[i].minor, named(error), denied ? named(errno) : "not denied");
		if (fd >= 0) close(fd);
		unlink(path);
	}
}

/* In a child of its own: some end the process, some wait. Arguments of nonsense keep what is allowed from doing anything. */
static int try_call(long number) {
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		alarm(1);
		/* Nobody's namespace, memory, file or process is at -1. */
		long result = syscall(number, -1l, -1l, -1l, -1l, -1l, -1l);
		_exit(result < 0 ? errno : 0);
	}
	int status = 0;
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int is_denial(int error) {
	return error == EPERM || error == -SIGSYS || error == ENOSYS;
}

#define CALL(name) {#name, SYS_##name}
static void show_calls(void) {
	static const struct {
		const char *name;
		long number;
	} calls[] = {CALL(acct), CALL(add_key), CALL(bpf), CALL(chroot), CALL(clock_settime), CALL(clone3), CALL(fanotify_init),
		CALL(fsopen), CALL(get_mempolicy), CALL(io_uring_setup), CALL(kcmp), CALL(keyctl),
		CALL(mbind), CALL(mount), CALL(mount_setattr), CALL(move_mount), CALL(name_to_handle_at), CALL(open_tree),
		CALL(perf_event_open), CALL(pidfd_getfd), CALL(pidfd_open), CALL(pivot_root), CALL(process_vm_readv), CALL(ptrace), CALL(quotactl),
		CALL(request_key), CALL(seccomp), CALL(set_mempolicy), CALL(setdomainname), CALL(sethostname), CALL(setns), CALL(settimeofday),
		CALL(swapon), CALL(syslog), CALL(umount2), CALL(unshare), CALL(userfaultfd), CALL(vhangup)};
	for (size_t i = 0; i < COUNT(calls); i++) {
		int error = try_call(calls[i].number);
		printf("call %s: %s\n", calls[i].name, is_denial(error) ? error < 0 ? "killed" : named(error) : "not denied");
	}
	int domain = fork();
	if (domain == 0) _exit(syscall(SYS_unshare, 0x10000000 /* CLONE_NEWUSER */) < 0 ? errno : 0);
	int status = 0;
	waitpid(domain, &status, 0);
	printf("a user namespace of its own: %s\n", named(WEXITSTATUS(status)));
}

static void show_all_calls(void) {
	for (long number = 0; number < 470; number++) {
		/* They end, wait, double or sync; or would end what runs this. */
		if (number == SYS_exit || number == SYS_exit_group || number == SYS_rt_sigreturn || number == SYS_pause || number == SYS_sync || number == SYS_reboot)
			continue;
#ifdef SYS_fork
		if (number == SYS_fork || number == SYS_vfork) continue;
#endif
		int error = try_call(number);
		if (is_denial(error)) printf("denied %ld: %s\n", number, named(error));
	}
}

/* Those that the host has too are not said: hosts differ. */
static void show_limits(void) {
	static const struct {
		const char *name;
		int resource;
	} limits[] = {{"core", RLIMIT_CORE}, {"nofile", RLIMIT_NOFILE}, {"nproc", RLIMIT_NPROC}, {"memlock", RLIMIT_MEMLOCK}};
	for (size_t i = 0; i < COUNT(limits); i++) {
		struct rlimit limit;
		char shown[64];
		getrlimit(limits[i].resource, &limit);
		snprintf(shown, sizeof shown, "%lld:%lld", (long long)limit.rlim_cur, (long long)limit.rlim_max);
		printf("limit %s: %s\n", limits[i].name, !strcmp(shown, argument(limits[i].name)) ? "as on the host" : shown);
	}
}

int main(int argc, char **argv) {
	given = argv + 1;
	(void)argc;
	umask(0);
	show_status();
	show_namespaces();
	show_mounts();
	show_paths();
	show_sysctls();
	show_devices();
	show_rules();
	show_limits();
	show_calls();
	for (char **at = given; *at; at++)
		if (!strcmp(*at, "all")) show_all_calls();
	return 0;
}
