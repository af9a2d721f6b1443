/*
 * The control socket (engine/supervise/control.ts). A request is 16 bytes: kind, a, b. Commands are answered by a length of 4 and an
 * errno; `watch` by the present state and every later one, each after its length; `attach` by frames of output as Docker's API
 * has them, while what the client sends is the container's input. A watcher that does not read is cut off. An attached client that is
 * slow holds the container's output back, so that nothing is lost, but not for ever: one that takes nothing for ten seconds is cut off
 * too.
 * Who attaches as the owner is as close to the container as a shell to its program: the end of its input is the end of the container's,
 * and while it does not read, the container's output waits in its pipes.
 */
#include "supervise.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define UNSENT_LIMIT (1u << 20)
#define UNSENT_MUCH (UNSENT_LIMIT / 4)
#define STALL_MS 10000
#define ENDING_MS 500
#define OWNS 1   /* of `attach`, in a */
#define CLAIMS 2 /* the output waits for this one, who owns nothing else */
enum { STOP = 1, KILL, WATCH, RESIZE, ATTACH, PAUSE, UNPAUSE, RELOAD, HOLD };
struct request {
	uint32_t kind;
	int32_t a;
	int64_t b;
};

/* Bound by way of the working folder, since the whole path may be too long for a socket's address. */
int open_control(struct supervisor *s) {
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "control"};
	s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->listener < 0 || fchdir(s->run_folder) < 0) return -errno;
	unlink("control");
	mode_t before = umask(0177);
	int failed = bind(s->listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(s->listener, 2 * MAX_CLIENTS) < 0;
	int error = failed ? -errno : 0;
	umask(before);
	return chdir("/") < 0 && !error ? -errno : error;
}

/* Its memory is freed after the turn: callers up the stack may still look at it. */
static void drop(struct client *client) {
	if (client->fd >= 0) close(client->fd);
	client->fd = -1;
}

static void free_dropped(struct supervisor *s) {
	for (int i = 0; i < MAX_CLIENTS; i++) {
		if (!s->clients[i] || s->clients[i]->fd >= 0) continue;
		free(s->clients[i]->out.bytes);
		free(s->clients[i]);
		s->clients[i] = NULL;
	}
}

static void add_client(struct supervisor *s, int fd) {
	for (int i = 0; i < MAX_CLIENTS; i++) {
		if (s->clients[i]) continue;
		s->clients[i] = calloc(1, sizeof *s->clients[i]);
		if (!s->clients[i]) break;
		s->clients[i]->fd = fd;
		return;
	}
	close(fd);
}

/* All that wait: an unaccepted one takes a place in the queue, and who finds that full gets EAGAIN. */
void accept_clients(struct supervisor *s) {
	for (int fd; (fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) add_client(s, fd);
}

static void flush(struct client *client) {
	if (client->fd < 0 || !client->out.used) return;
	ssize_t sent = send(client->fd, client->out.bytes, client->out.used, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN && errno != EINTR) return drop(client);
	if (sent <= 0) return;
	client->moved_at = now_ms();
	client->out.used -= (size_t)sent;
	memmove(client->out.bytes, client->out.bytes + sent, client->out.used);
}

static void send_block(struct client *client, const void *bytes, size_t length) {
	uint32_t head = (uint32_t)length;
	add_bytes(&client->out, &head, sizeof head);
	add_bytes(&client->out, bytes, length);
	flush(client);
	if (client->out.used > UNSENT_LIMIT) drop(client);
}

/* A watcher that has not yet taken the last state gets only the newest one afterwards. */
static void send_state(struct supervisor *s, struct client *client) {
	client->behind = client->out.used > 0;
	if (!client->behind) send_block(client, s->state.bytes, s->state.used);
}

void tell_watchers(struct supervisor *s) {
	for (int i = 0; i < MAX_CLIENTS; i++)
		if (s->clients[i] && s->clients[i]->watches) send_state(s, s->clients[i]);
}

static void send_output(struct client *client, const unsigned char head[static 8], const char *bytes, size_t length) {
	if (!client->out.used) client->moved_at = now_ms();
	add_bytes(&client->out, head, 8);
	add_bytes(&client->out, bytes, length);
	flush(client);
	if (client->out.used > UNSENT_LIMIT && !client->owns) drop(client);
}

int has_unsent(const struct supervisor *s, size_t more_than) {
	for (int i = 0; i < MAX_CLIENTS; i++)
		if (s->clients[i] && s->clients[i]->fd >= 0 && s->clients[i]->owns && s->clients[i]->out.used > more_than) return 1;
	return 0;
}

/* Docker's frame: 1 or 2 for the stream, three zeros, the length with its highest byte first. */
void tell_attached(struct supervisor *s, const struct stream *stream, const char *bytes, size_t length) {
	const unsigned char head[8] = {stream->is_error ? 2 : 1, [6] = (unsigned char)(length >> 8), (unsigned char)length};
	for (int i = 0; length && i < MAX_CLIENTS; i++)
		if (s->clients[i] && s->clients[i]->attached) send_output(s->clients[i], head, bytes, length);
}

static int is_behind(const struct client *client) {
	return client && client->fd >= 0 && client->attached && !client->owns && client->out.used > UNSENT_MUCH;
}

int clients_hold_back(const struct supervisor *s) {
	for (int i = 0; i < MAX_CLIENTS; i++)
		if (is_behind(s->clients[i])) return 1;
	return 0;
}

/* When the next one has had its time; 0: none. */
uint64_t next_stall(const struct supervisor *s) {
	uint64_t at = 0;
	for (int i = 0; i < MAX_CLIENTS; i++) {
		const struct client *client = s->clients[i];
		if (!is_behind(client)) continue;
		if (!at || client->moved_at + STALL_MS < at) at = client->moved_at + STALL_MS;
	}
	return at;
}

void settle_stalls(struct supervisor *s) {
	for (int i = 0; i < MAX_CLIENTS; i++) {
		struct client *client = s->clients[i];
		if (is_behind(client) && now_ms() >= client->moved_at + STALL_MS) drop(client);
	}
}

/* A container that restarts ends the sessions of those who were attached to the run that is over; who claims is waited for again. */
void end_attached(struct supervisor *s) {
	for (int i = 0; i < MAX_CLIENTS; i++) {
		struct client *client = s->clients[i];
		if (!client || !client->attached) continue;
		client->is_over = 1;
		if (client->claims && client->fd >= 0) s->claimed = 0;
		if (!client->out.used) drop(client);
	}
}

/* The last words, before this process ends and its sockets with it. */
void finish_clients(struct supervisor *s) {
	for (int i = 0; i < MAX_CLIENTS; i++) {
		struct client *client = s->clients[i];
		while (client && client->fd >= 0 && client->attached && client->out.used) {
			struct pollfd poll_fd = {.fd = client->fd, .events = POLLOUT};
			if (poll(&poll_fd, 1, s->ending ? ENDING_MS : STALL_MS) == 0) break;
			flush(client);
		}
	}
}

static int resize(const struct supervisor *s, int32_t rows, int64_t columns) {
	const int fits = rows >= 0 && rows <= 0xffff && columns >= 0 && columns <= 0xffff;
	struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
	if (!fits) return -EINVAL;
	if (!s->spec.tty || s->input < 0) return -ENOTTY;
	return ioctl(s->input, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

/* Who says SIGKILL and no grace kills, and so it is told (engine/events): an end of which nobody asked to be a stop. */
static int stop(struct supervisor *s, const struct request *request) {
	const int was_stopped = s->stopped, is_kill = request->a == SIGKILL && request->b == 0;
	const int64_t grace_ms = request->b == INT64_MIN ? s->spec.stop.grace_ms : request->b;
	int error = stop_container(s, request->a ? request->a : s->spec.stop.signal, grace_ms);
	if (is_kill) s->stopped = was_stopped;
	return error;
}

static int command(struct supervisor *s, const struct request *request) {
	switch (request->kind) {
		case STOP: return stop(s, request);
		case KILL: return signal_container(s, request->a, request->b != 0);
		case RESIZE: return resize(s, request->a, request->b);
		case PAUSE: return pause_container(s);
		case UNPAUSE: return unpause_container(s);
		case RELOAD: return reload_program(s);
		case HOLD: {
			int error = hold_other_ports(s);
			return error ? error : serve_names(s);
		}
		default: return -ENOSYS;
	}
}

static void answer(struct supervisor *s, struct client *client, const struct request *request) {
	if (request->kind == WATCH) {
		client->watches = 1;
		return send_state(s, client);
	}
	if (request->kind == ATTACH) {
		client->attached = 1;
		client->owns = (request->a & OWNS) != 0;
		client->claims = (request->a & CLAIMS) != 0;
		s->claimed |= client->owns || client->claims;
		return;
	}
	uint32_t error = (uint32_t)-command(s, request);
	send_block(client, &error, sizeof error);
}

static void pass_input_on(struct supervisor *s, struct client *client) {
	ssize_t written = s->input < 0 || !s->spec.stdin_open ? (ssize_t)client->in_used : write(s->input, client->in, client->in_used);
	if (written < 0 && errno != EAGAIN && errno != EINTR) written = (ssize_t)client->in_used; /* nobody reads it any more */
	if (written <= 0) return;
	client->in_used -= (size_t)written;
	memmove(client->in, client->in + written, client->in_used);
}

/* A terminal has no end: there it is a character. */
static void end_input(struct supervisor *s, const struct client *client) {
	if (!client->owns || client->attached < 2 || client->in_used || s->input < 0 || s->spec.tty) return;
	close(s->input);
	s->input = -1;
}

static void take_requests(struct supervisor *s, struct client *client) {
	struct request request;
	while (!client->attached && client->in_used >= sizeof request) {
		memcpy(&request, client->in, sizeof request);
		client->in_used -= sizeof request;
		memmove(client->in, client->in + sizeof request, client->in_used);
		answer(s, client, &request);
	}
}

static void read_client(struct supervisor *s, struct client *client) {
	ssize_t length = read(client->fd, client->in + client->in_used, sizeof client->in - client->in_used);
	if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
	/* An attached client may close its half and read on. */
	if (length == 0 && client->attached) client->attached = 2;
	else if (length <= 0) return drop(client);
	else client->in_used += (size_t)length;
	take_requests(s, client);
}

static int room_for_input(const struct client *client) {
	return client->attached < 2 && client->in_used < sizeof client->in;
}

int poll_clients(struct supervisor *s, struct pollfd *polls) {
	free_dropped(s);
	for (int i = 0; i < MAX_CLIENTS; i++) {
		const struct client *client = s->clients[i];
		polls[i] = (struct pollfd){.fd = client ? client->fd : -1};
		if (client && room_for_input(client)) polls[i].events |= POLLIN;
		if (client && client->out.used) polls[i].events |= POLLOUT;
	}
	return MAX_CLIENTS;
}

static void serve_client(struct supervisor *s, struct client *client, short events) {
	if (events & (POLLERR | POLLNVAL)) return drop(client);
	if (events & POLLHUP && !(events & POLLIN)) return drop(client);
	if (events & POLLOUT) flush(client);
	if (events & POLLIN) read_client(s, client);
	if (client->behind && !client->out.used) send_state(s, client);
	if (client->is_over && !client->out.used) drop(client);
}

/* Those that were there at the poll: one accepted later has no place in it yet. */
void serve_clients(struct supervisor *s, const struct pollfd *polls) {
	for (int i = 0; i < MAX_CLIENTS; i++) {
		struct client *client = s->clients[i];
		if (!client || client->fd < 0) continue;
		if (polls[i].revents) serve_client(s, client, polls[i].revents);
		if (client->attached && client->in_used) pass_input_on(s, client);
		end_input(s, client);
	}
}
