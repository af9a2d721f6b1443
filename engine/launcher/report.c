/* Reports: how the run of a program tells what became of it, through a pipe to the session or a packet socket to the supervisor. */
#include "launcher.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int send_report(int fd, enum report_kind kind, uint32_t section, uint32_t index, uint32_t value) {
	if (fd < 0) return 0;
	struct report report = {.kind = kind, .section = section, .index = index, .value = value};
	return write_all(fd, &report, sizeof report);
}

int send_report_data(const struct run *run, const void *data, uint32_t length) {
	int error = send_report(run->report, REPORT_DATA, run->section, run->index, length);
	return error || run->report < 0 ? error : write_all(run->report, data, length);
}

/* The master of a container's terminal travels beside its report (SCM_RIGHTS). */
int send_terminal(const struct run *run, int master) {
	struct report report = {.kind = REPORT_TERMINAL, .section = run->section, .index = run->index};
	struct iovec part = {.iov_base = &report, .iov_len = sizeof report};
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	*header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
	memcpy(CMSG_DATA(header), &master, sizeof master);
	return sendmsg(run->report, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* 1: a report; 0: the other end is closed everywhere; -errno (-EAGAIN: nothing yet). */
int receive_report(int socket, struct report *report, int *descriptor) {
	struct iovec part = {.iov_base = report, .iov_len = sizeof *report};
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	*descriptor = -1;
	ssize_t length = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (length < 0) return -errno;
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	if (header && header->cmsg_type == SCM_RIGHTS) memcpy(descriptor, CMSG_DATA(header), sizeof *descriptor);
	if (length == 0) return 0;
	return length == sizeof *report ? 1 : -EBADMSG;
}
