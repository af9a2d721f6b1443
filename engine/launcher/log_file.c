/*
 * The files of a log: the one that is written to, older ones that rotation renames (NAME.1, NAME.2), and those compressed by a child
 * (NAME.2.gz). A rotated file's time of modification carries its number in the nanoseconds, and so does its compressed form: that is how
 * a reader who holds one open knows it again (engine/logs/log-files.ts). While somebody reads the log, files stay for some seconds longer
 * than their number allows: on a busy machine a follower may not have come to open them yet.
 */
#include "supervise.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BILLION 1000000000u
/* For how long a file waits for those who are behind, and how much may wait. */
#define BEHIND_MS 10000
#define BEHIND_BYTES (256u << 20)
#define BEHIND_FILES 64
static const char *const kinds[] = {"", ".gz"};

struct name {
	char text[NAME_MAX + 1];
};
static struct name name_of(const struct log_file *log, unsigned age, const char *kind) {
	struct name name;
	if (age) snprintf(name.text, sizeof name.text, "%s.%u%s", log->name, age, kind);
	else snprintf(name.text, sizeof name.text, "%s%s", log->name, kind);
	return name;
}
static struct name unfinished(const struct log_file *log) {
	return name_of(log, 0, ".gz.new");
}

static int open_file(struct log_file *log) {
	struct stat status;
	log->fd = openat(log->folder, log->name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (log->fd < 0) return -errno;
	log->size = fstat(log->fd, &status) == 0 ? (uint64_t)status.st_size : 0;
	return 0;
}

/* ---- compression: one child at a time, whose result takes the place of the file wherever rotation has moved that to by then */

static void become_gzip(int input, int output) {
	static char *const argv[] = {"gzip", "-c", NULL}, *const environment[] = {NULL};
	sigset_t none;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (nice(10) < 0) errno = 0; /* as well without */
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(null, 2) < 0) _exit(127);
	close_from(3, ~0u);
	execve("/usr/bin/gzip", argv, environment);
	execve("/bin/gzip", argv, environment);
	_exit(127);
}

static int start_gzip(struct log_file *log, unsigned age) {
	log->source = openat(log->folder, name_of(log, age, "").text, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (log->source < 0) return 0;
	log->target = openat(log->folder, unfinished(log).text, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	pid_t pid = log->target < 0 ? -1 : fork();
	if (pid == 0) become_gzip(log->source, log->target);
	if (pid > 0) {
		log->compressor = pid;
		return 1;
	}
	if (log->target >= 0) close(log->target);
	close(log->source);
	return 0;
}

static void compress_next(struct log_file *log) {
	if (!log->compress || log->compressor) return;
	for (unsigned age = (unsigned)log->max_files - 1; age > 0; age--)
		if (start_gzip(log, age)) return;
}

static int is_at(const struct log_file *log, unsigned age, const struct stat *wanted) {
	struct stat status;
	return fstatat(log->folder, name_of(log, age, "").text, &status, AT_SYMLINK_NOFOLLOW) == 0 && status.st_ino == wanted->st_ino;
}

/* The compressed one first, then the plain one goes: a reader finds one of them at any time. */
static void take_compressed(struct log_file *log) {
	struct stat source;
	if (fstat(log->source, &source) < 0 || futimens(log->target, (struct timespec[]){source.st_atim, source.st_mtim}) < 0) return;
	for (unsigned age = 1; age < log->max_files + log->spare; age++) {
		if (!is_at(log, age, &source)) continue;
		if (renameat(log->folder, unfinished(log).text, log->folder, name_of(log, age, ".gz").text) == 0)
			unlinkat(log->folder, name_of(log, age, "").text, 0);
		return;
	}
}

/* 1: it was ours. After a failure (no gzip here, a full disk) the next rotation tries again. */
int note_compressed(struct log_file *log, pid_t pid, int status) {
	if (!log->compressor || pid != log->compressor) return 0;
	const int succeeded = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	if (succeeded) take_compressed(log);
	unlinkat(log->folder, unfinished(log).text, 0);
	close(log->source);
	close(log->target);
	log->compressor = 0;
	if (succeeded) compress_next(log);
	return 1;
}

/* ---- files that stay for readers who are behind */

static void remove_all(const struct log_file *log, unsigned age) {
	for (int kind = 0; kind < 2; kind++) unlinkat(log->folder, name_of(log, age, kinds[kind]).text, 0);
}

/* A lease for writing is given only while nobody else has the file open (F_SETLEASE in fcntl(2)). */
static int is_read(int fd) {
	if (fcntl(fd, F_SETLEASE, F_WRLCK) < 0) return errno == EAGAIN;
	fcntl(fd, F_SETLEASE, F_UNLCK);
	return 0;
}

static uint64_t most_spare(const struct log_file *log) {
	const uint64_t fit = BEHIND_BYTES / (log->max_bytes ? log->max_bytes : 1);
	return fit < BEHIND_FILES ? fit : BEHIND_FILES;
}

static int was_rotated_long_ago(const struct log_file *log, unsigned age) {
	struct stat status;
	for (int kind = 0; kind < 2; kind++)
		if (fstatat(log->folder, name_of(log, age, kinds[kind]).text, &status, AT_SYMLINK_NOFOLLOW) == 0)
			return status.st_mtim.tv_sec + BEHIND_MS / 1000 < time_of_day().tv_sec;
	return 1;
}

/* The files from the age `first` on have had their time, but for those that a reader may not have seen. */
static void remove_surplus(struct log_file *log, unsigned first) {
	const uint64_t now = now_ms();
	const uint64_t most = first + (log->read_at && now < log->read_at + BEHIND_MS ? most_spare(log) : 0);
	unsigned end = (unsigned)(log->max_files + log->spare);
	while (end > first && (end > most || was_rotated_long_ago(log, end - 1))) remove_all(log, --end);
	log->spare = end - first;
	log->trim_at = log->spare ? now + BEHIND_MS : 0;
}

/* ---- writing and rotation */

static void find_number(struct log_file *log) {
	struct stat status;
	for (int kind = 0; kind < 2; kind++)
		if (fstatat(log->folder, name_of(log, 1, kinds[kind]).text, &status, AT_SYMLINK_NOFOLLOW) == 0)
			log->number = (uint64_t)status.st_mtim.tv_nsec + 1;
}

int open_log_file(struct log_file *log, const struct log_spec *spec) {
	log->max_bytes = spec->max_bytes;
	log->max_files = spec->max_files;
	log->compress = spec->compress;
	const char *slash = strrchr(spec->path, '/');
	if (!slash || !slash[1]) return -EINVAL;
	char *folder = strndup(spec->path, (size_t)(slash - spec->path));
	if (!folder) return -ENOMEM;
	log->folder = open(*folder ? folder : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	free(folder);
	log->name = slash + 1;
	int error = log->folder < 0 ? -errno : open_file(log);
	if (error) return error;
	find_number(log);
	log->spare = BEHIND_FILES; /* as many as the run before may have left */
	remove_surplus(log, (unsigned)log->max_files);
	compress_next(log);
	return 0;
}

/* A full disk must not leave half a line, and must not stop the container: what cannot be written is lost. */
void flush_log_file(struct log_file *log) {
	if (!log->pending.used) return;
	if (log->fd < 0) open_file(log); /* after a rotation on a disk without room for a new file */
	if (log->fd >= 0) {
		if (write_all(log->fd, log->pending.bytes, log->pending.used) == 0) log->size += log->pending.used;
		else if (ftruncate(log->fd, (off_t)log->size) < 0) log->size += 0;
	}
	log->pending.used = 0;
}

static void shift(const struct log_file *log, unsigned age) {
	for (int kind = 0; kind < 2; kind++)
		renameat(log->folder, name_of(log, age, kinds[kind]).text, log->folder, name_of(log, age + 1, kinds[kind]).text);
}

void settle_log_file(struct log_file *log) {
	if (log->trim_at && now_ms() >= log->trim_at) remove_surplus(log, (unsigned)log->max_files);
}

/* The file is never emptied in place: whoever reads it keeps what he has opened. */
static void rotate(struct log_file *log) {
	flush_log_file(log);
	if (log->fd < 0) return; /* or the older files would move on with every line, and be gone */
	struct timespec now = time_of_day();
	now.tv_nsec = (long)(log->number++ % BILLION);
	if (futimens(log->fd, (struct timespec[]){{.tv_nsec = UTIME_OMIT}, now}) < 0) log->number += 0;
	if (is_read(log->fd)) log->read_at = now_ms();
	close(log->fd);
	remove_surplus(log, (unsigned)log->max_files - 1);
	for (unsigned age = (unsigned)(log->max_files - 1 + log->spare); age-- > 0;) shift(log, age);
	open_file(log);
	compress_next(log);
}

void make_room_in_log(struct log_file *log) {
	if (log->max_bytes && log->size + log->pending.used >= log->max_bytes) rotate(log);
}
