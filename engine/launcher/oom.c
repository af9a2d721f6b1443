/*
 * Tells that the kernel killed a process of the container for want of memory, while the rest runs on. Version 2: memory.events is
 * polled for a change. Version 1: an eventfd, which is told *before* the kernel chooses its victim, so that the counter is looked
 * at again for a while.
 */
#include "supervise.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LOOK_AGAIN_MS 20
#define LOOKS 50

/* cgroup-v1/memory.rst, 9: "<eventfd> <fd of memory.oom_control>" into cgroup.event_control. */
static int register_eventfd(const char *counter, int control) {
	char path[4096], line[32];
	int folder_length = (int)(strrchr(counter, '/') - counter);
	if (snprintf(path, sizeof path, "%.*s/cgroup.event_control", folder_length, counter) >= (int)sizeof path) return -ENAMETOOLONG;
	int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), target = open(path, O_WRONLY | O_CLOEXEC);
	int error = event < 0 || target < 0 ? -errno : 0;
	if (!error) error = write_all(target, line, (size_t)snprintf(line, sizeof line, "%d %d", event, control));
	if (target >= 0) close(target);
	if (!error) return event;
	if (event >= 0) close(event);
	return error;
}

/* Without it the counter is still read at the end. */
void open_oom_watch(struct supervisor *s) {
	const char *counter = s->spec.oom_counter, *name = strrchr(counter, '/');
	s->oom.fd = -1;
	if (!name) return;
	int fd = open(counter, O_RDONLY | O_CLOEXEC);
	if (fd < 0) return;
	s->oom.is_eventfd = !strcmp(name, "/memory.oom_control");
	s->oom.fd = s->oom.is_eventfd ? register_eventfd(counter, fd) : fd;
	if (s->oom.is_eventfd) close(fd);
}

static void look(struct supervisor *s) {
	s->oom.look_at = 0;
	if (s->oom_killed || s->status != RUNNING) return;
	if (read_oom_counter(s->spec.oom_counter) > s->oom_before) {
		s->oom_killed = 1;
		publish(s);
	} else if (s->oom.looks_left && s->oom.looks_left--) s->oom.look_at = now_ms() + LOOK_AGAIN_MS;
}

void read_oom_watch(struct supervisor *s) {
	char bytes[1024];
	/* A file of the kernel's is ready again only when it has been read from its beginning. */
	ssize_t length = s->oom.is_eventfd ? read(s->oom.fd, bytes, 8) : pread(s->oom.fd, bytes, sizeof bytes, 0);
	if (length < 0 && errno != EAGAIN) {
		close(s->oom.fd); /* the group is gone */
		s->oom.fd = -1;
	}
	s->oom.looks_left = s->oom.is_eventfd ? LOOKS : 0;
	look(s);
}

void settle_oom(struct supervisor *s) {
	if (s->oom.look_at && now_ms() >= s->oom.look_at) look(s);
}
