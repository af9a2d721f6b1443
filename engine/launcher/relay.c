/*
 * Connections to a published port that no port map can lead to the container: the kernel lets none of them leave ::1, and an IPv6 client
 * has no way to a container with IPv4 alone. They arrive at the socket that holds the port, and a child for each copies both ways.
 * This process lives in the container's network, so the container is near.
 */
#include "supervise.h"
#include "hold.h"
#include <errno.h>
#include <netinet/in.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_RELAYS = 256, EVENTS = 16, BUFFER = 32768 };

static int listeners = -1;
static pid_t relays[MAX_RELAYS];

struct way {
	int from, to, is_over;
	size_t begin, end; /* of what was read and is not written yet */
	char bytes[BUFFER];
};

static int has_some(const struct way *way) {
	return way->begin < way->end;
}

/* What is read is written before more is read: a slow reader slows the writer down. */
static int copy_some(struct way *way) {
	ssize_t length = has_some(way) ? write(way->to, way->bytes + way->begin, way->end - way->begin) : read(way->from, way->bytes, sizeof way->bytes);
	if (length < 0) return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	if (has_some(way)) way->begin += (size_t)length;
	else if (length > 0) way->begin = 0, way->end = (size_t)length;
	else {
		way->is_over = 1;
		shutdown(way->to, SHUT_WR);
	}
	return 0;
}

static struct pollfd wait_of(const struct way *way) {
	if (has_some(way)) return (struct pollfd){.fd = way->to, .events = POLLOUT};
	return (struct pollfd){.fd = way->is_over ? -1 : way->from, .events = POLLIN};
}

/* Neither way waits for the other: who answers while it is still being asked may not read on before the answer is taken. */
void copy_both(int client, int other) {
	static struct way ways[2];
	ways[0].from = ways[1].to = client;
	ways[0].to = ways[1].from = other;
	if (fcntl(client, F_SETFL, O_RDWR | O_NONBLOCK) < 0 || fcntl(other, F_SETFL, O_RDWR | O_NONBLOCK) < 0) return;
	while (!ways[0].is_over || !ways[1].is_over) {
		struct pollfd polls[2] = {wait_of(&ways[0]), wait_of(&ways[1])};
		if (poll(polls, 2, -1) < 0 && errno != EINTR) return;
		for (int i = 0; i < 2; i++)
			if (polls[i].revents && copy_some(&ways[i])) return;
	}
}

static int connect_to(const struct target *target) {
	struct sockaddr_storage address;
	socklen_t length = address_of(target->family, target->port, target->address, &address);
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, length) < 0) return -1;
	return fd;
}

static void __attribute__((noreturn)) relay(int client, const struct target *target) {
	struct target to = *target;
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (client != 3 && dup3(client, 3, O_CLOEXEC) < 0) _exit(1);
	close_from(4, ~0U);
	int container = connect_to(&to);
	if (container >= 0) copy_both(3, container);
	_exit(0);
}

static pid_t *free_place(void) {
	for (int i = 0; i < MAX_RELAYS; i++)
		if (!relays[i]) return &relays[i];
	return NULL;
}

/* Beyond what is relayed at once, a connection waits in the kernel's queue until another is over. */
static void accept_one(const struct listener *listener) {
	pid_t *place = free_place();
	int client = place ? accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC) : -1;
	if (client < 0) return;
	pid_t child = fork();
	if (child == 0) relay(client, &listener->target);
	if (child > 0) *place = child;
	close(client);
}

void accept_relays(void) {
	struct epoll_event events[EVENTS];
	int count = epoll_wait(listeners, events, EVENTS, 0);
	for (int i = 0; i < count; i++) accept_one(events[i].data.ptr);
}

/* -1 while nothing is to be accepted. */
int relay_descriptor(void) {
	return free_place() ? listeners : -1;
}

int note_relay(pid_t pid) {
	for (int i = 0; i < MAX_RELAYS; i++) {
		if (relays[i] != pid) continue;
		relays[i] = 0;
		return 1;
	}
	return 0;
}

/* `listener` stays where it is until `relay_no_more`. */
int relay_from(struct listener *listener) {
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = listener};
	if (listeners < 0) listeners = epoll_create1(EPOLL_CLOEXEC);
	if (listeners < 0 || listen(listener->fd, 64) < 0) return -errno;
	return epoll_ctl(listeners, EPOLL_CTL_ADD, listener->fd, &event) < 0 ? -errno : 0;
}

/* Before its memory goes. A child may still have the socket open for a moment, so closing it is not enough (epoll(7), Q6). */
void relay_no_more(const struct listener *listener) {
	if (listeners >= 0 && listener->fd >= 0) epoll_ctl(listeners, EPOLL_CTL_DEL, listener->fd, NULL);
}
