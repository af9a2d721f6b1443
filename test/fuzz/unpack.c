/*
 * Fuzzes the records of files that an archive becomes: what they say is really made, in a folder on a tmpfs. First byte: the wishes (flags).
 * Invariants: nothing around that folder changes, be it by names, links or modes; and what was made can be packed and unpacked again.
 */
#include "fuzz.h"
#include "../../engine/launcher/records.h"
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int fuzz_unpack(int root, unsigned wishes);
int fuzz_pack(int root, uint8_t *bytes, size_t room, size_t *used);

jmp_buf fuzz_end;
static const uint8_t *rest;
static size_t left;
static int outside = -1;

_Noreturn void fuzz_exit(int status) {
	(void)status;
	longjmp(fuzz_end, 1);
}

long fuzz_read(void *bytes, size_t size) {
	size_t part = left % 37 + 1;
	if (part > left) part = left;
	if (part > size) part = size;
	memcpy(bytes, rest, part);
	rest += part;
	left -= part;
	return (long)part;
}

/* A mount namespace of its own: whatever happens, it happens there, and it goes with this process. */
static void prepare(void) {
	if (outside >= 0) return;
	HOLDS(unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "needs root");
	HOLDS(mount("fuzz", "/mnt", "tmpfs", MS_NODEV | MS_NOSUID | MS_NOEXEC, "size=256m,mode=0711") == 0, "needs a tmpfs");
	HOLDS(mkdir("/mnt/outside", 0711) == 0 && mkdir("/mnt/outside/inside", 0755) == 0, "needs folders");
	outside = open("/mnt/outside", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int secret = openat(outside, "secret", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	HOLDS(secret >= 0 && write(secret, "secret", 6) == 6, "needs a file");
	close(secret);
}

static void look_around(void) {
	struct stat folder, secret;
	int entries = 0;
	HOLDS(fstat(outside, &folder) == 0 && folder.st_mode == (S_IFDIR | 0711) && folder.st_uid == 0 && folder.st_nlink == 3, "the folder around was changed");
	HOLDS(fstatat(outside, "secret", &secret, AT_SYMLINK_NOFOLLOW) == 0 && secret.st_size == 6 && secret.st_mode == (S_IFREG | 0600) && secret.st_nlink == 1, "a file outside was changed");
	int copy = openat(outside, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fdopendir(copy);
	while (readdir(list)) entries++;
	closedir(list);
	HOLDS(entries == 4, "something was made outside");
	DIR *top = opendir("/mnt");
	for (entries = 0; readdir(top);) entries++;
	closedir(top);
	HOLDS(entries == 3, "something was made at the top");
}

static void empty(int parent, const char *name) {
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *list = fdopendir(fd);
	for (struct dirent *entry; (entry = readdir(list));) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
		if (unlinkat(fd, entry->d_name, 0) == 0) continue;
		empty(fd, entry->d_name);
		HOLDS(unlinkat(fd, entry->d_name, AT_REMOVEDIR) == 0, "a folder cannot be removed");
	}
	closedir(list);
}

static int unpack(const uint8_t *bytes, size_t size, unsigned wishes) {
	rest = bytes;
	left = size;
	int root = openat(outside, "inside", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	volatile int done = 0;
	if (setjmp(fuzz_end) == 0) {
		fuzz_unpack(root, wishes);
		done = 1;
	}
	look_around();
	/* what the end of the process would close, this one and those of its parents */
	syscall(SYS_close_range, root, ~0u, 0);
	fchmodat(outside, "inside", 0755, 0);
	return done;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static uint8_t packed[1 << 20];
	size_t used = 0;
	prepare();
	if (size < 1) return 0;
	int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (unpack(data + 1, size - 1, data[0] & 7)) {
		int root = openat(outside, "inside", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		int whole = fuzz_pack(root, packed, sizeof packed, &used);
		close(root);
		empty(outside, "inside");
		if (whole) HOLDS(unpack(packed, used, 0), "what was packed cannot be unpacked");
	}
	empty(outside, "inside");
	HOLDS(fchdir(here) == 0, "chdir");
	close(here);
	return 0;
}
