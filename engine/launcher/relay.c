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

enum { MAX_RELAYS = 256, EVENTS = 16, BUFFER = 65536 };

static int listeners = -1;
static pid_t relays[MAX_RELAYS];

struct way {
	int from, to, is_over;
};

/* What is read is written before more is read: a slow reader slows the writer down. */
static int copy_some(struct way *way) {
	static char buffer[BUFFER];
	ssize_t length = read(way->from, buffer, sizeof buffer);
	if (length < 0) return errno == EINTR ? 0 : -errno;
	if (length > 0) return write_all(way->to, buffer, (size_t)length);
	way->is_over = 1;
	shutdown(way->to, SHUT_WR);
	return 0;
}

void copy_both(int client, int container) {
	struct way ways[] = {{client, container, 0}, {container, client, 0}};
	while (!ways[0].is_over || !ways[1].is_over) {
		struct pollfd polls[2];
		for (int i = 0; i < 2; i++) polls[i] = (struct pollfd){.fd = ways[i].is_over ? -1 : ways[i].from, .events = POLLIN};
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

/* `listener` stays where it is for as long as its socket is open. */
int relay_from(struct listener *listener) {
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = listener};
	if (listeners < 0) listeners = epoll_create1(EPOLL_CLOEXEC);
	if (listeners < 0 || listen(listener->fd, 64) < 0) return -errno;
	return epoll_ctl(listeners, EPOLL_CTL_ADD, listener->fd, &event) < 0 ? -errno : 0;
}
