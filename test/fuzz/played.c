/* See played.h. Random numbers from the input: the same input plays the same. */
#include "fuzz.h"
#include "played.h"
#include "../../engine/launcher/launcher.h"
#include <errno.h>
#include <linux/bpf.h>
#include <linux/sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

jmp_buf fuzz_end;
enum { FIRST = 200, LAST = 1023 };
static unsigned char is_open[LAST + 1];
static uint64_t state;

_Noreturn void fuzz_exit(int status) {
	(void)status;
	longjmp(fuzz_end, 1);
}

static unsigned chance(unsigned of) {
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state >> 33) % of;
}

/* Memory that the end of a process would give back. */
enum { MOST_MEMORY = 256 };
static void *memory[MOST_MEMORY];

void *played_calloc(size_t count, size_t size) {
	for (int i = 0; i < MOST_MEMORY; i++)
		if (!memory[i]) return memory[i] = chance(50) ? calloc(count, size) : NULL;
	return NULL;
}

void played_free(void *bytes) {
	for (int i = 0; i < MOST_MEMORY; i++)
		if (memory[i] == bytes) memory[i] = NULL;
	free(bytes);
}

void played_begin(const void *seed, size_t length) {
	const unsigned char *at = seed;
	memset(is_open, 0, sizeof is_open);
	for (int i = 0; i < MOST_MEMORY; i++) played_free(memory[i]);
	state = length;
	for (size_t i = 0; i < length; i++) state = (state ^ at[i]) * 1099511628211u;
}

int played_left(void) {
	int left = 0;
	for (int fd = FIRST; fd <= LAST; fd++) left += is_open[fd];
	return left;
}

int played_result(void) {
	static const int errors[] = {ENOENT, EEXIST, EPERM, EACCES, EINVAL, ENOTDIR, ESRCH, EAGAIN, ENOMEM, EPIPE, ELOOP};
	if (chance(4)) return 0;
	errno = errors[chance(sizeof errors / sizeof *errors)];
	return -1;
}

int played_open(void) {
	if (played_result()) return -1;
	for (int fd = FIRST; fd <= LAST; fd++)
		if (!is_open[fd]) return is_open[fd] = 1, fd;
	errno = EMFILE;
	return -1;
}

static int is_shared(int fd) {
	return fd == REPORT_FD || fd == JOINED_FD || (fd >= SLOT_BASE && fd < SLOT_BASE + SLOT_COUNT);
}

int played_close(int fd) {
	HOLDS(fd < 0 || fd < 3 || is_shared(fd) || (fd <= LAST && is_open[fd]), "a descriptor is closed that is not open");
	if (fd < 0 || (is_shared(fd) && !is_open[fd])) return errno = EBADF, -1;
	is_open[fd] = 0;
	return 0;
}

int played_dup(int from, int to) {
	HOLDS(from < 0 || is_shared(from) || from < 3 || is_open[from], "a descriptor is copied that is not open");
	HOLDS(to < 3 || is_shared(to), "something is put where no operation may reach");
	if (from < 0 || played_result()) return -1;
	is_open[to] = 1;
	return to;
}

int played_stat(void *status, size_t size) {
	static const mode_t modes[] = {S_IFDIR | 0755, S_IFREG | 0644, S_IFCHR | 0666, S_IFIFO | 0600, S_IFLNK | 0777, S_IFSOCK | 0777};
	memset(status, 0, size);
	if (size == sizeof(struct stat)) ((struct stat *)status)->st_mode = modes[chance(6)];
	return played_result();
}

static long played_clone(const struct clone_args *args) {
	if (played_result()) return -1;
	if (!chance(3)) return 0;
	if (args->flags & CLONE_PIDFD && !args->pidfd) return errno = EFAULT, -1;
	if (args->flags & CLONE_PIDFD) *(int *)args->pidfd = played_open();
	return 4321;
}

/* `command`: the one of bpf(2), the arguments of clone3(2). */
long played_syscall(long number, long command) {
	switch (number) {
		case SYS_openat2:
		case SYS_open_tree:
		case SYS_pidfd_open: return played_open();
		case SYS_bpf: return command == BPF_PROG_LOAD ? played_open() : played_result();
		case SYS_clone3: return played_clone((const struct clone_args *)command);
		default: return played_result();
	}
}

long played_bytes(void *bytes, size_t size) {
	unsigned char *at = bytes;
	if (played_result()) return -1;
	size_t length = size ? chance((unsigned)(size < 4096 ? size : 4096) + 1) : 0;
	for (size_t i = 0; i < length; i++) at[i] = (unsigned char)(chance(3) ? '0' + chance(10) : chance(256));
	return (long)length;
}

int played_ioctl(unsigned long request) {
	return request == TIOCGPTPEER || (request & 0xff00) == 0xb700 /* NSIO */ ? played_open() : played_result();
}
