/* What a container leaves in cgroups: a counter to read, folders to remove. */
#include "supervise.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* `oom_kill N` of memory.oom_control or memory.events; a failure reads as none. */
uint64_t read_oom_counter(const char *path) {
	char text[1024];
	int fd = *path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0) return 0;
	ssize_t length = read(fd, text, sizeof text - 1);
	close(fd);
	text[length < 0 ? 0 : length] = '\0';
	const char *line = strstr(text, "oom_kill ");
	return line ? strtoull(line + 9, NULL, 10) : 0;
}

/* Folders that the container made inside go first. Returns whether the folder is gone. */
static int remove_folder(int parent, const char *path) {
	if (unlinkat(parent, path, AT_REMOVEDIR) == 0 || errno == ENOENT) return 1;
	int fd = openat(parent, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	if (!folder) return 0;
	for (struct dirent *entry; (entry = readdir(folder));)
		if (entry->d_type == DT_DIR && strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) remove_folder(fd, entry->d_name);
	closedir(folder);
	return unlinkat(parent, path, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

/* Returns how many. 0 stands for a process outside of our own process namespace, which kill(2) would take for ourselves. */
static int kill_each(const char *group) {
	char file[4096], line[32];
	int count = 0;
	if (snprintf(file, sizeof file, "%s/cgroup.procs", group) >= (int)sizeof file) return 0;
	FILE *members = fopen(file, "re");
	if (!members) return 0;
	while (fgets(line, sizeof line, members)) {
		pid_t pid = (pid_t)strtol(line, NULL, 10);
		if (pid > 1) count += kill(pid, SIGKILL) == 0;
	}
	fclose(members);
	return count;
}

/* Version 2 does it at once; version 1 has no such file. */
static void kill_members(const char *path) {
	char file[4096];
	if (snprintf(file, sizeof file, "%s/cgroup.kill", path) >= (int)sizeof file) return;
	int fd = open(file, O_WRONLY | O_CLOEXEC);
	if (fd < 0) {
		kill_each(path);
		return;
	}
	write_all(fd, "1", 1);
	close(fd);
}

/*
 * In a process namespace of its own all end with the first; in one that is shared only the group tells whose they are. One by one,
 * since more may start here: kernels from 6.14 on kill whatever is later born into a group that once had a cgroup.kill.
 */
void kill_cgroups(const struct value *folders) {
	for (int attempt = 0; attempt < 20; attempt++) {
		const char *cursor = folders->bytes;
		int count = 0;
		for (uint64_t i = 0; i < folders->number; i++) count += kill_each(next_string(&cursor));
		if (!count) return;
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
}

/* A task that is about to be gone still holds its group for a moment: tries again, with waits from 1 ms to half a second. */
void remove_cgroups(const struct value *folders) {
	long wait_ms = 1;
	for (int attempt = 0; attempt < 10; attempt++, wait_ms *= 2) {
		const char *cursor = folders->bytes;
		int left = 0;
		for (uint64_t i = 0; i < folders->number; i++) {
			const char *path = next_string(&cursor);
			if (remove_folder(AT_FDCWD, path)) continue;
			kill_members(path);
			left++;
		}
		if (!left) return;
		nanosleep(&(struct timespec){.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000}, NULL);
	}
}
