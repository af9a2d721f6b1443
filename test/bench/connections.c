/*
 * New connections a second, by as little as can be: a program in Node is slower than what is measured.
 *
 *   connections serve PORT                 answers each connection with one byte for the one that it got
 *   connections ask ADDRESS PORT COUNT     one after the other, each closed by a reset so that none stays; prints seconds
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int fail(const char *what) {
	perror(what);
	return 1;
}

static int reset(int fd) {
	struct linger at_once = {.l_onoff = 1};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	return close(fd);
}

static int serve(struct sockaddr_in *address) {
	int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)address, sizeof *address) < 0 || listen(fd, 128) < 0) return fail("listen");
	for (;;) {
		char byte;
		int client = accept(fd, NULL, NULL);
		if (client < 0) return fail("accept");
		/* Its end is waited for: who closes first has what is left of the connection. */
		while (read(client, &byte, 1) > 0)
			if (write(client, &byte, 1) < 0) break;
		reset(client);
	}
}

static double now(void) {
	struct timespec at;
	clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static int ask(struct sockaddr_in *address, long count) {
	double begun = now();
	for (long i = 0; i < count; i++) {
		char byte = 'x';
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		if (fd < 0 || connect(fd, (struct sockaddr *)address, sizeof *address) < 0) return fail("connect");
		/* An answer: a proxy has accepted long before it has connected. */
		if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1) return fail("answer");
		reset(fd);
	}
	printf("%f\n", now() - begun);
	return 0;
}

int main(int argc, char **argv) {
	int asks = argc == 5 && !strcmp(argv[1], "ask");
	if (!asks && (argc != 3 || strcmp(argv[1], "serve"))) return 2;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[asks ? 3 : 2]))};
	if (asks && inet_pton(AF_INET, argv[2], &address.sin_addr) != 1) return 2;
	signal(SIGPIPE, SIG_IGN);
	return asks ? ask(&address, atol(argv[4])) : serve(&address);
}
