/*
 * The host's ports of a container, held by sockets of its supervisor for as long as it lives, so that nobody else takes them. What
 * port maps lead to the container never reaches these sockets; what does is relayed (relay.c).
 *
 * RUN/containers/ID/ports says which, in records of 40 bytes: family (4, 6, or 0 for both), protocol, port and address as in a packet; and the same,
 * without a protocol, of where in the container it leads.
 */
#include "supervise.h"
#include "hold.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RECORD_SIZE = 40, SOCKET_SIZE = 20, MANY = 256, HIGH = 4096 };

struct held {
	unsigned char record[RECORD_SIZE];
	struct listener *listener; /* of its own place in memory: relay.c remembers it */
};
static struct held *held;
static size_t held_count;
static int host = -1; /* the host's network namespace */

socklen_t address_of(unsigned char family, const unsigned char *port, const unsigned char *address, struct sockaddr_storage *out) {
	memset(out, 0, sizeof *out);
	if (family == 4) {
		struct sockaddr_in *v4 = (struct sockaddr_in *)out;
		v4->sin_family = AF_INET;
		memcpy(&v4->sin_port, port, 2);
		memcpy(&v4->sin_addr, address, 4);
		return sizeof *v4;
	}
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	v6->sin6_family = AF_INET6;
	memcpy(&v6->sin6_port, port, 2);
	memcpy(&v6->sin6_addr, address, 16);
	return sizeof *v6;
}

static int set(int fd, int level, int option, int value) {
	return setsockopt(fd, level, option, &value, sizeof value) < 0 ? -errno : 0;
}

/*
 * TCP listens, so that `ss` shows who has the port, and so that old connections (TIME_WAIT) are not in the way: a socket that may
 * share its address with them is alone with it once it listens.
 */
static int bind_one(int fd, unsigned char family, const unsigned char *record) {
	struct sockaddr_storage address;
	socklen_t length = address_of(family, record + 2, record + 4, &address);
	const int listens = record[1] == IPPROTO_TCP;
	if (family == 6) set(fd, IPPROTO_IPV6, IPV6_V6ONLY, record[0] == 6);
	if (record[1] == IPPROTO_UDP) set(fd, SOL_SOCKET, SO_RCVBUF, 1);
	if (listens) set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	int error = bind(fd, (struct sockaddr *)&address, length) < 0 ? -errno : 0;
	if (!error && listens && listen(fd, 0) < 0) error = -errno;
	return error;
}

static int socket_of(unsigned char family, unsigned char protocol) {
	int type = protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM;
	return socket(family == 4 ? AF_INET : AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
}

/* A descriptor, -1 where there is no such protocol, or -errno below that. A kernel without IPv6 has one family for both. */
static int open_one(const unsigned char *record, int high) {
	unsigned char family = record[0] ? record[0] : 6;
	int fd = socket_of(family, record[1]);
	if (fd < 0 && errno == EAFNOSUPPORT && !record[0]) fd = socket_of(family = 4, record[1]);
	if (fd < 0) return errno == EAFNOSUPPORT || errno == EPROTONOSUPPORT || errno == ESOCKTNOSUPPORT ? -1 : -errno - 1;
	int error = bind_one(fd, family, record);
	if (error) {
		close(fd);
		return error - 1;
	}
	if (!high) return fd;
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, HIGH);
	if (moved < 0) return fd;
	close(fd);
	return moved;
}

static void aim(struct listener *listener, const unsigned char *record) {
	listener->target.family = record[20];
	memcpy(listener->target.port, record + 22, 2);
	memcpy(listener->target.address, record + 24, 16);
}

static struct listener *make_listener(const unsigned char *record, int high, int *error) {
	struct listener *listener = calloc(1, sizeof *listener);
	*error = -ENOMEM;
	if (!listener) return NULL;
	listener->fd = open_one(record, high);
	aim(listener, record);
	*error = listener->fd < -1 ? listener->fd + 1 : 0;
	if (!*error && listener->fd >= 0 && listener->target.family) *error = relay_from(listener);
	if (!*error) return listener;
	if (listener->fd >= 0) close(listener->fd);
	free(listener);
	return NULL;
}

static void let_go(struct listener *listener) {
	relay_no_more(listener);
	if (listener->fd >= 0) close(listener->fd);
	free(listener);
}

static int compare(const void *a, const void *b) {
	return memcmp(((const struct held *)a)->record, ((const struct held *)b)->record, SOCKET_SIZE);
}

/* They are kept sorted: a container may have thousands. */
static struct listener *known(const unsigned char *record) {
	struct held key;
	if (!held_count) return NULL;
	memcpy(key.record, record, SOCKET_SIZE);
	const struct held *found = bsearch(&key, held, held_count, sizeof *held, compare);
	return found ? found->listener : NULL;
}

/* All of them or none: what is new is opened before anything is let go of. */
static int hold(const unsigned char *records, size_t count, uint32_t *index) {
	struct held *next = calloc(count + 1, sizeof *next), *last = held;
	size_t last_count = held_count, i;
	int error = next ? 0 : -ENOMEM;
	for (i = 0; !error && i < count; i++) {
		const unsigned char *record = records + i * RECORD_SIZE;
		memcpy(next[i].record, record, RECORD_SIZE);
		next[i].listener = known(record);
		if (!next[i].listener) next[i].listener = make_listener(record, count > MANY, &error);
	}
	if (error) {
		*index = i ? (uint32_t)i - 1 : 0;
		for (size_t j = 0; next && j + 1 < i; j++)
			if (!known(next[j].record)) let_go(next[j].listener);
		free(next);
		return error;
	}
	qsort(next, count, sizeof *next, compare);
	held = next;
	held_count = count;
	for (size_t j = 0; j < count; j++) aim(next[j].listener, next[j].record);
	for (size_t j = 0; j < last_count; j++)
		if (!known(last[j].record)) let_go(last[j].listener);
	free(last);
	return 0;
}

/* The container inherits the limit as it was. Descriptors above it stay open, and leave the low ones to what comes later. */
static int hold_many(const unsigned char *records, size_t count, uint32_t *index) {
	struct rlimit before, raised;
	if (count <= MANY || getrlimit(RLIMIT_NOFILE, &before) < 0) return hold(records, count, index);
	const rlim_t needed = (rlim_t)count + held_count + HIGH;
	raised = (struct rlimit){needed, before.rlim_max > needed ? before.rlim_max : needed};
	setrlimit(RLIMIT_NOFILE, &raised);
	int error = hold(records, count, index);
	setrlimit(RLIMIT_NOFILE, &before);
	return error;
}

static int hold_file(int run_folder, uint32_t *index) {
	char *bytes;
	size_t length;
	*index = 0;
	int error = read_file_at(run_folder, "ports", &bytes, &length);
	if (error) return error == -ENOENT ? 0 : error;
	error = length % RECORD_SIZE ? -EBADMSG : hold_many((unsigned char *)bytes, length / RECORD_SIZE, index);
	free(bytes);
	return error;
}

/* While this process is in the host's network still. `index`: of the record that failed. */
int hold_ports(const struct supervisor *s, uint32_t *index) {
	*index = 0;
	host = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	return host < 0 ? -errno : hold_file(s->run_folder, index);
}

/* A descriptor. */
int host_network(void) {
	return host;
}

static int hold_here(void *context) {
	const struct supervisor *s = context;
	uint32_t index;
	return hold_file(s->run_folder, &index);
}

int hold_other_ports(struct supervisor *s) {
	return in_network(host, hold_here, s);
}
