/*
 * Names for a container that shares no network with the host (macvlan, ipvlan): a child of its supervisor listens in the container's
 * network, on an address of its loopback, and passes questions on to the name server, which listens on the host's loopback. Bytes go
 * through as they are; nothing in them is looked at.
 *
 * RUN/containers/ID/names says from where to where, in one record of 40 bytes as in `ports` (hold.c).
 */
#include "supervise.h"
#include "hold.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RECORD = 40, SOURCE = 20, QUESTIONS = 128, CONVERSATIONS = 32, MESSAGE = 65536, KEPT = 3 };
enum { DATAGRAMS, STREAMS, HOST };

static unsigned char record[RECORD];
static int is_wanted, sockets[2] = {-1, -1};
static pid_t server;
static uint64_t began;

/* ---- the child: its descriptors are 3 + DATAGRAMS, 3 + STREAMS */

struct question {
	int fd;
	struct sockaddr_storage from;
	socklen_t length;
};

static int reach(int type) {
	struct sockaddr_storage to;
	socklen_t length = address_of(record[SOURCE], record + SOURCE + 2, record + SOURCE + 4, &to);
	int fd = socket(to.ss_family, type | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, length) == 0) return fd;
	if (fd >= 0) close(fd);
	return -1;
}

/* A socket of its own for each: so an answer can be nobody else's. The oldest one makes room. */
static void ask(struct question *questions, unsigned *next, char *message) {
	struct question one = {.length = sizeof one.from};
	ssize_t length = recvfrom(3 + DATAGRAMS, message, MESSAGE, MSG_DONTWAIT, (struct sockaddr *)&one.from, &one.length);
	if (length < 0) return;
	one.fd = reach(SOCK_DGRAM);
	if (one.fd < 0) return;
	if (send(one.fd, message, (size_t)length, 0) < 0) {
		close(one.fd);
		return;
	}
	struct question *place = &questions[(*next)++ % QUESTIONS];
	if (place->fd >= 0) close(place->fd);
	*place = one;
}

static void answer(struct question *question, char *message) {
	ssize_t length = recv(question->fd, message, MESSAGE, MSG_DONTWAIT);
	if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
	if (length > 0) sendto(3 + DATAGRAMS, message, (size_t)length, 0, (struct sockaddr *)&question->from, question->length);
	close(question->fd);
	question->fd = -1;
}

static int converse(void) {
	int client = accept4(3 + STREAMS, NULL, NULL, SOCK_CLOEXEC);
	if (client < 0) return 0;
	pid_t child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		int host = reach(SOCK_STREAM);
		if (host >= 0) copy_both(client, host);
		_exit(0);
	}
	close(client);
	return child > 0;
}

static void __attribute__((noreturn)) pass_on(void) {
	static char message[MESSAGE];
	static struct question questions[QUESTIONS];
	struct pollfd polls[2 + QUESTIONS];
	unsigned next = 0;
	int conversations = 0;
	for (int i = 0; i < QUESTIONS; i++) questions[i].fd = -1;
	for (;;) {
		while (conversations > 0 && waitpid(-1, NULL, WNOHANG) > 0) conversations--;
		const int is_full = conversations >= CONVERSATIONS;
		polls[DATAGRAMS] = (struct pollfd){.fd = 3 + DATAGRAMS, .events = POLLIN};
		polls[STREAMS] = (struct pollfd){.fd = is_full ? -1 : 3 + STREAMS, .events = POLLIN};
		for (int i = 0; i < QUESTIONS; i++) polls[2 + i] = (struct pollfd){.fd = questions[i].fd, .events = POLLIN};
		if (poll(polls, 2 + QUESTIONS, is_full ? 100 : -1) < 0) continue;
		for (int i = 0; i < QUESTIONS; i++)
			if (polls[2 + i].revents) answer(&questions[i], message);
		if (polls[DATAGRAMS].revents) ask(questions, &next, message);
		if (polls[STREAMS].revents) conversations += converse();
	}
}

/* Descriptors change places by way of ones that nobody has: dup3(2) closes what is at its target. */
static void keep_only(int *kept) {
	for (int i = 0; i < KEPT; i++) kept[i] = fcntl(kept[i], F_DUPFD_CLOEXEC, 3 + KEPT);
	for (int i = 0; i < KEPT; i++)
		if (kept[i] < 0 || dup3(kept[i], 3 + i, O_CLOEXEC) < 0) _exit(1);
	close_from(3 + KEPT, ~0U);
}

static void __attribute__((noreturn)) become_server(const char *id) {
	int kept[KEPT] = {sockets[DATAGRAMS], sockets[STREAMS], host_network()};
	char title[128];
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	keep_only(kept);
	if (setns(3 + HOST, CLONE_NEWNET) < 0) _exit(1);
	close(3 + HOST);
	snprintf(title, sizeof title, "tcompose-launcher names %s", id);
	set_title(title);
	pass_on();
}

/* ---- the supervisor */

static int start_server(const struct supervisor *s) {
	began = now_ms();
	server = fork();
	if (server == 0) become_server(s->spec.id);
	if (server > 0) return 0;
	server = 0;
	return -errno;
}

static int open_here(int which) {
	struct sockaddr_storage here;
	socklen_t length = address_of(record[0], record + 2, record + 4, &here);
	const int is_stream = which == STREAMS, on = 1;
	int fd = socket(here.ss_family, (is_stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) return -errno;
	if (is_stream) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&here, length) < 0 || (is_stream && listen(fd, 64) < 0)) {
		int error = -errno;
		close(fd);
		return error;
	}
	sockets[which] = fd;
	return 0;
}

static void end_server(int with_sockets) {
	if (server > 0) kill(server, SIGKILL);
	server = 0;
	for (int i = 0; with_sockets && i < 2; i++) {
		if (sockets[i] >= 0) close(sockets[i]);
		sockets[i] = -1;
	}
}

/* As the file says now; without one nothing is served. In the container's network. */
int serve_names(const struct supervisor *s) {
	char *bytes;
	size_t length = 0;
	int error = read_file_at(s->run_folder, "names", &bytes, &length);
	if (error && error != -ENOENT) return error;
	if (error || length == 0) {
		if (!error) free(bytes);
		is_wanted = 0;
		end_server(1);
		return 0;
	}
	const int is_same = is_wanted && length == RECORD && memcmp(record, bytes, RECORD) == 0;
	const int is_here = is_same || (is_wanted && length == RECORD && memcmp(record, bytes, SOURCE) == 0);
	if (length == RECORD) memcpy(record, bytes, RECORD);
	free(bytes);
	if (length != RECORD) return -EBADMSG;
	if (is_same && server > 0) return 0;
	end_server(!is_here);
	is_wanted = 1;
	for (int i = 0; !error && i < 2; i++)
		if (sockets[i] < 0) error = open_here(i);
	return error ? error : start_server(s);
}

/* It is started again, unless it does not live for a second. */
int note_names(const struct supervisor *s, pid_t pid) {
	if (pid != server) return 0;
	server = 0;
	if (is_wanted && now_ms() - began > 1000) start_server(s);
	return 1;
}
