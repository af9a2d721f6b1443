/*
 * Messages to a log server: journald by its native protocol, or syslog. Their shape comes as a template (engine/logs/templates.ts), whose
 * bytes below 16 stand for what only the moment knows. Nothing here waits, but for the first connection and at the end: what cannot be
 * sent yet is queued; a queue that is full either loses the newest (`drops`, or nobody is connected) or keeps the container waiting.
 */
#include "supervise.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CONNECT_MS = 5000, RETRY_MS = 1000, LAST_WORDS_MS = 2000, RECORD_LIMIT = 64, MAX_RELAY_WORDS = 32 };
enum { STAMP = 1, SECONDS, MICROSECONDS, NANOSECONDS, OWN_PID, MESSAGE, MEASURED_MESSAGE, PIECE, ORDINAL = 11 };

/* ---- the connection */

static int try_connect(struct remote *remote, int type) {
	const struct value *address = &remote->spec->address;
	sa_family_t family;
	if (address->length < sizeof family) return -EINVAL;
	memcpy(&family, address->bytes, sizeof family);
	int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) return -errno;
	if (connect(fd, (const struct sockaddr *)address->bytes, address->length) < 0 && errno != EINPROGRESS) {
		int error = -errno;
		close(fd);
		return error;
	}
	remote->fd = fd;
	return 0;
}

/* Ends with its input; or with us, who wait for that, but not for ever. */
static void become_relay(const struct value *list, int input) {
	static char *const no_variables[] = {NULL};
	sigset_t none;
	char *argv[MAX_RELAY_WORDS + 1] = {NULL};
	const char *cursor = list->bytes;
	for (uint64_t i = 0; i < list->number; i++) argv[i] = (char *)(uintptr_t)next_string(&cursor);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(input, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0) _exit(126);
	close_from(3, ~0u);
	execve(argv[0], argv, no_variables);
	_exit(127);
}

/* A program of the host that speaks what we do not (TLS): it reads what a server would, and dies where a server would hang up. */
static int start_relay(struct remote *remote) {
	const struct value *words = &remote->spec->relay;
	int ends[2];
	if (words->number > MAX_RELAY_WORDS) return -E2BIG;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) return -errno;
	pid_t pid = fork();
	if (pid == 0) become_relay(words, ends[1]);
	int error = pid < 0 ? -errno : 0;
	close(ends[1]);
	if (error) close(ends[0]);
	if (error) return error;
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	remote->fd = ends[0];
	remote->relay = pid;
	return 0;
}

/* It has read all when the end of its input has come; that it is reaped elsewhere already is fine. */
static void finish_relay(struct remote *remote, uint64_t end) {
	if (!remote->relay || remote->fd < 0) return;
	shutdown(remote->fd, SHUT_WR);
	while (waitpid(remote->relay, NULL, WNOHANG) == 0 && now_ms() < end) nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

/* `/dev/log` may be of either type. */
static int connect_here(void *context) {
	struct remote *remote = context;
	if (remote->spec->relay.number) return start_relay(remote);
	int type = remote->spec->is_stream ? SOCK_STREAM : SOCK_DGRAM;
	int error = try_connect(remote, type);
	return error == -EPROTOTYPE ? try_connect(remote, type == SOCK_STREAM ? SOCK_DGRAM : SOCK_STREAM) : error;
}

/* From the host's network: by the time of a second connection this process lives in the container's. */
static int connect_from_host(struct remote *remote) {
	return in_network(remote->host, connect_here, remote);
}

static int wait_until_connected(struct remote *remote) {
	struct pollfd poll_fd = {.fd = remote->fd, .events = POLLOUT};
	int error = 0;
	socklen_t size = sizeof error;
	if (poll(&poll_fd, 1, CONNECT_MS) == 0) return -ETIMEDOUT;
	if (getsockopt(remote->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0) return -errno;
	return -error;
}

int open_remote(struct remote *remote, const struct log_spec *spec) {
	remote->spec = spec;
	remote->host = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int error = remote->host < 0 ? -errno : connect_here(remote);
	return error ? error : wait_until_connected(remote);
}

static void disconnect(struct remote *remote) {
	close(remote->fd);
	remote->fd = -1;
	remote->sent = 0; /* of a message that went half, the whole goes again */
	remote->retry_at = now_ms() + RETRY_MS;
}

/* ---- the queue: messages, each after its length */

static int send_one(struct remote *remote, const char *bytes, uint32_t length) {
	ssize_t sent = send(remote->fd, bytes + remote->sent, length - remote->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0 && errno == EMSGSIZE) return 1; /* nothing will ever take it */
	if (sent < 0 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS) disconnect(remote);
	if (sent < 0) return 0;
	remote->sent += (uint32_t)sent;
	return remote->sent == length;
}

void flush_remote(struct remote *remote) {
	struct text *queue = &remote->queue;
	uint32_t length;
	while (remote->fd >= 0 && queue->used - remote->begin > sizeof length) {
		memcpy(&length, queue->bytes + remote->begin, sizeof length);
		if (!send_one(remote, queue->bytes + remote->begin + sizeof length, length)) break;
		remote->begin += sizeof length + length;
		remote->sent = 0;
	}
	if (remote->begin < queue->used / 2) return;
	queue->used -= remote->begin;
	memmove(queue->bytes, queue->bytes + remote->begin, queue->used);
	remote->begin = 0;
}

int remote_is_full(const struct remote *remote) {
	return remote->spec && remote->fd >= 0 && !remote->spec->drops && remote->queue.used - remote->begin > remote->spec->buffer_bytes;
}

int remote_waits(const struct remote *remote) {
	return remote->queue.used > remote->begin;
}

/* In time; called at every turn. */
void settle_remote(struct remote *remote) {
	if (!remote->retry_at || now_ms() < remote->retry_at) return;
	remote->retry_at = connect_from_host(remote) ? now_ms() + RETRY_MS : 0;
}

void finish_remote(struct remote *remote) {
	const uint64_t end = now_ms() + LAST_WORDS_MS;
	for (uint64_t now; remote->fd >= 0 && remote_waits(remote) && (now = now_ms()) < end; flush_remote(remote)) {
		struct pollfd poll_fd = {.fd = remote->fd, .events = POLLOUT};
		poll(&poll_fd, 1, (int)(end - now));
	}
	finish_relay(remote, end);
}

/* ---- messages */

static void add_time(struct text *out, struct timespec time, int kind) {
	char text[64];
	struct tm parts;
	if (kind == STAMP) {
		localtime_r(&time.tv_sec, &parts);
		add_bytes(out, text, strftime(text, sizeof text, "%b %e %H:%M:%S", &parts));
		return;
	}
	if (kind == SECONDS) time.tv_nsec = 0;
	if (kind == NANOSECONDS || kind == SECONDS) format_time(time, text);
	else {
		gmtime_r(&time.tv_sec, &parts);
		size_t length = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
		snprintf(text + length, sizeof text - length, ".%06ldZ", time.tv_nsec / 1000 % 1000000);
	}
	add_bytes(out, text, strlen(text));
}

/* journald's form for values that may hold a newline: the length in eight bytes, the lowest first. */
static void add_measured(struct text *out, const struct piece *piece) {
	unsigned char length[8];
	for (int i = 0; i < 8; i++) length[i] = (unsigned char)((uint64_t)piece->length >> 8 * i);
	add_bytes(out, length, sizeof length);
	add_bytes(out, piece->bytes, piece->length);
}

static void add_piece_fields(struct text *out, const struct piece *piece) {
	if (!piece->ordinal) return;
	if (!piece->is_whole) add_format(out, "CONTAINER_PARTIAL_MESSAGE=true\n");
	add_format(out, "CONTAINER_PARTIAL_ID=%llx%08lx\n", (unsigned long long)piece->time.tv_sec, (unsigned long)piece->time.tv_nsec);
	add_format(out, "CONTAINER_PARTIAL_ORDINAL=%u\nCONTAINER_PARTIAL_LAST=%s\n", piece->ordinal, piece->is_whole ? "true" : "false");
}

static void add_code(struct remote *remote, int code, const struct piece *piece) {
	struct text *out = &remote->queue;
	switch (code) {
		case OWN_PID: return add_format(out, "%d", getpid());
		case MESSAGE: return add_bytes(out, piece->bytes, piece->length);
		case MEASURED_MESSAGE: return add_measured(out, piece);
		case ORDINAL: return add_format(out, "%llu", (unsigned long long)++remote->ordinal);
		case PIECE: return add_piece_fields(out, piece);
		default: add_time(out, piece->time, code);
	}
}

void send_piece(struct remote *remote, const struct piece *piece) {
	struct text *queue = &remote->queue;
	const size_t waiting = queue->used - remote->begin;
	const size_t limit = remote->spec->buffer_bytes + (remote->spec->drops ? 0 : LINE_SIZE * RECORD_LIMIT);
	/* As Docker's ring: one that is too large by itself is taken by an empty queue. */
	if (waiting && waiting + piece->length > limit) return;
	size_t start = queue->used;
	uint32_t length = 0;
	add_bytes(queue, &length, sizeof length);
	if (queue->used == start) return; /* no memory left, and so no message */
	for (const char *at = remote->spec->templates[piece->is_error]; *at;) {
		size_t literal = strcspn(at, "\1\2\3\4\5\6\7\x08\x0b");
		add_bytes(queue, at, literal);
		at += literal;
		if (*at) add_code(remote, *at++, piece);
	}
	length = (uint32_t)(queue->used - start - sizeof length);
	memcpy(queue->bytes + start, &length, sizeof length);
	flush_remote(remote);
}
