/*
 * Freezing all processes of a container. The kernel's file, and the words for on and off, come from the spec: cgroup.freeze of
 * version 2, freezer.state of version 1. Whether all have come to a halt is for the caller to see: nothing is waited for here.
 */
#include "supervise.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { FREEZE = 1, THAW };

static int write_freezer(const struct supervisor *s, int word) {
	if (s->spec.freezer.number != 3) return -EOPNOTSUPP;
	const char *cursor = s->spec.freezer.bytes, *path = next_string(&cursor), *words[3] = {path};
	for (int i = FREEZE; i <= THAW; i++) words[i] = next_string(&cursor);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0) return -errno;
	int error = write_all(fd, words[word], strlen(words[word]));
	close(fd);
	return error;
}

/* A probe under way is dropped: frozen half-way, it would only run out of time. */
int pause_container(struct supervisor *s) {
	if (s->paused) return 0;
	if (s->status != RUNNING || s->main.exited) return -EAGAIN;
	suspend_health(s);
	int error = write_freezer(s, FREEZE);
	if (error) {
		write_freezer(s, THAW);
		resume_health(s);
		return error;
	}
	s->paused = 1;
	publish(s);
	return 0;
}

/* `quietly`: it has ended or is about to; its state is told soon. */
static int thaw(struct supervisor *s, int quietly) {
	if (!s->paused) return 0;
	int error = write_freezer(s, THAW);
	if (error) return error;
	s->paused = 0;
	if (quietly) return 0;
	resume_health(s);
	publish(s);
	return 0;
}

int unpause_container(struct supervisor *s) {
	return s->status == RUNNING ? thaw(s, 0) : -EAGAIN;
}

/* A signal reaches a frozen process when it thaws, SIGKILL on version 1 too; and a start must not be born frozen. */
void thaw_container(struct supervisor *s) {
	thaw(s, s->main.exited);
}
