/* Between hold.c and relay.c: sockets that hold the host's ports, and where what arrives at them is taken. */
#ifndef HOLD_H
#define HOLD_H

#include <sys/socket.h>

struct target {
	unsigned char family; /* 4, 6; 0: nothing ever arrives */
	unsigned char port[2], address[16]; /* as in a packet */
};
struct listener {
	int fd; /* -1: this kernel lacks the family or protocol */
	struct target target;
};
socklen_t address_of(unsigned char family, const unsigned char *port, const unsigned char *address, struct sockaddr_storage *out);
int relay_from(struct listener *listener);
void relay_no_more(const struct listener *listener);
void copy_both(int client, int other);
int host_network(void);

#endif
