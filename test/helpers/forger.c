/* Sends frames as they are given, in hexadecimal digits, or prints those that arrive; static, so that any root filesystem can run it. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int send_frame(int fd, const char *digits) {
	unsigned char frame[1500];
	size_t length = strlen(digits) / 2;
	if (length > sizeof frame) return 1;
	for (size_t i = 0; i < length; i++) {
		unsigned byte;
		if (sscanf(digits + 2 * i, "%2x", &byte) != 1) return 1;
		frame[i] = (unsigned char)byte;
	}
	return send(fd, frame, length, 0) < 0;
}

static void hear(int fd, time_t seconds) {
	unsigned char frame[1500];
	struct timeval limit = {.tv_usec = 100000};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	puts("listening");
	fflush(stdout);
	for (time_t end = time(NULL) + seconds; time(NULL) < end;) {
		ssize_t length = recv(fd, frame, sizeof frame, 0);
		for (ssize_t i = 0; i < length; i++) printf("%02x", frame[i]);
		if (length > 0) puts("");
	}
}

int main(int argc, char **argv) { /* send INTERFACE FRAME… | hear INTERFACE SECONDS */
	if (argc < 4) return 64;
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex(argv[2])};
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0) return perror("forger"), 1;
	if (!strcmp(argv[1], "hear")) return hear(fd, atoi(argv[3])), 0;
	for (int i = 3; i < argc; i++)
		if (send_frame(fd, argv[i])) return perror("forger"), 1;
	return 0;
}
