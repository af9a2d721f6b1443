/* Stands for journald: `journal-reader SOCKET` prints every message it gets, in base64 and one a line. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char message[1 << 20];

static void print(const unsigned char *at, long length) {
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (; length > 0; at += 3, length -= 3) {
		unsigned bits = (unsigned)at[0] << 16 | (length > 1 ? (unsigned)at[1] << 8 : 0) | (length > 2 ? at[2] : 0);
		char out[4] = {digits[bits >> 18], digits[bits >> 12 & 63], length > 1 ? digits[bits >> 6 & 63] : '=', length > 2 ? digits[bits & 63] : '='};
		fwrite(out, 1, 4, stdout);
	}
	putchar('\n');
	fflush(stdout);
}

int main(int argc, char **argv) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (argc != 2 || strlen(argv[1]) >= sizeof address.sun_path) return 2;
	strcpy(address.sun_path, argv[1]);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0) return 1;
	print((const unsigned char *)"ready", 5);
	for (ssize_t length; (length = recv(fd, message, sizeof message, 0)) >= 0;) print((unsigned char *)message, length);
	return 1;
}
