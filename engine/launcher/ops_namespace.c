/* Operations on namespaces, and the two that give one to a child: clone, and netlink messages into it. User namespaces: user_namespace.c. */
#include "launcher.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static int op_unshare(struct run *run, const struct value *v) { /* flags user */
	(void)run;
	if (v[1].number != NO_NUMBER) return unshare_as(slot_fd(v[1].number), v[0].number);
	return unshare((int)v[0].number) < 0 ? -errno : 0;
}

static uint64_t parse_number(const char *text) {
	uint64_t number = 0;
	for (; *text >= '0' && *text <= '9'; text++) number = number * 10 + (uint64_t)(*text - '0');
	return number;
}

/* A pid may have gone to somebody else: it is the one that was meant when the start time agrees *after* the pidfd is held. */
static int remember_process(struct run *run, uint64_t pid, const char *start_time) {
	if (run->joined_pid == pid && fcntl(JOINED_FD, F_GETFD) >= 0) return 0;
	if (pid == 0) return -ESRCH; /* the supervisor had put the init's pidfd there */
	int fd = open_pidfd((pid_t)pid);
	if (fd < 0) return fd;
	int error = process_start_time((pid_t)pid) == parse_number(start_time) ? 0 : -ESRCH;
	if (!error && fd != JOINED_FD && dup3(fd, JOINED_FD, O_CLOEXEC) < 0) error = -errno;
	if (fd != JOINED_FD) close(fd);
	if (!error) run->joined_pid = pid;
	return error;
}

static int op_join(struct run *run, const struct value *v) { /* pid startTime flags */
	int error = remember_process(run, v[0].number, v[1].bytes);
	if (error) return error;
	return setns(JOINED_FD, (int)v[2].number) < 0 ? -errno : 0;
}

/* "pid PID START" of a supervisor's state file: it is written anew at each start, so a restart finds the donor of that moment. */
static int read_state(const char *path, uint64_t *pid, char *start_time, size_t size) {
	char text[1024];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) return errno == ENOENT ? -ESRCH : -errno;
	ssize_t length = read(fd, text, sizeof text - 1);
	close(fd);
	text[length < 0 ? 0 : length] = '\0';
	const char *line = strstr(text, "\npid ");
	*pid = line ? parse_number(line + 5) : 0;
	if (!*pid) return -ESRCH;
	const char *at = strchr(line + 5, ' ');
	size_t digits = at ? strspn(at + 1, "0123456789") : 0;
	if (!digits || digits >= size) return -ESRCH;
	memcpy(start_time, at + 1, digits);
	start_time[digits] = '\0';
	return 0;
}

/* When a donor's first process ends, so do those of its guests: all of them restart at about the same time. Five seconds for it to be first. */
static int remember_donor(struct run *run, const char *state) {
	uint64_t pid;
	char start_time[24];
	for (int attempt = 0;; attempt++) {
		int error = read_state(state, &pid, start_time, sizeof start_time);
		if (!error) error = remember_process(run, pid, start_time);
		if (error != -ESRCH || attempt == 250) return error;
		nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	}
}

static int op_join_container(struct run *run, const struct value *v) { /* state flags */
	int error = remember_donor(run, v[0].bytes);
	if (error || !v[1].number) return error;
	return setns(JOINED_FD, (int)v[1].number) < 0 ? -errno : 0;
}

/* A descriptor of its user namespace: its pid is still its own if it has not ended by when that is open. */
static int op_take_user(struct run *run, const struct value *v) { /* slot */
	char path[48];
	if (run->joined_pid == NO_NUMBER || run->joined_pid == 0) return -ESRCH;
	snprintf(path, sizeof path, "/proc/%u/ns/user", (unsigned)run->joined_pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int error = fd < 0 ? -errno : send_signal(JOINED_FD, 0);
	if (!error) return fill_slot(v[0].number, fd);
	if (fd >= 0) close(fd);
	return error == -ENOENT ? -ESRCH : error;
}

static int op_join_path(struct run *run, const struct value *v) { /* path flags */
	(void)run;
	int fd = open(v[0].bytes, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) return -errno;
	int error = setns(fd, (int)v[1].number) < 0 ? -errno : 0;
	close(fd);
	return error;
}

/* CLONE_PARENT: the child becomes a sibling, so that the supervisor can wait for it although a forked child prepared it. */
static int op_clone(struct run *run, const struct value *v) { /* flags cgroup */
	if (!run->after_clone) return -EINVAL; /* a supervisor's setup */
	struct clone_args args = {.flags = v[0].number, .exit_signal = SIGCHLD};
	if (run->clone_as_sibling) args.flags |= CLONE_PARENT, args.exit_signal = 0;
	if (v[1].number != NO_NUMBER) {
		int cgroup = slot_fd(v[1].number);
		if (cgroup < 0) return cgroup;
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup;
	}
	long child = syscall(SYS_clone3, &args, sizeof args);
	if (child < 0) return -errno;
	if (child > 0) run->after_clone(run, (pid_t)child);
	run->cloned = 1;
	if (run->dies_with_parent) prctl(PR_SET_PDEATHSIG, SIGKILL);
	return 0;
}

static int op_netlink_open(struct run *run, const struct value *v) { /* slot protocol */
	(void)run;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, (int)v[1].number);
	if (fd < 0) return -errno;
	/* The kernel answers within the call; a message without NLM_F_ACK would wait for ever. */
	struct timeval limit = {.tv_sec = 5};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	return fill_slot(v[0].number, fd);
}

/* The first one: what failed comes before what the end of a batch says. */
static int receive_acknowledgement(int fd) {
	union {
		char bytes[8192];
		struct nlmsghdr header;
	} reply;
	for (;;) {
		ssize_t length = recv(fd, &reply, sizeof reply, 0);
		if (length < 0 && errno == EINTR) continue;
		if (length < 0) return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if ((size_t)length < NLMSG_LENGTH(sizeof(struct nlmsgerr))) continue;
		if (reply.header.nlmsg_type != NLMSG_ERROR || reply.header.nlmsg_seq) continue;
		return ((struct nlmsgerr *)NLMSG_DATA(&reply.header))->error;
	}
}

/* One message, or a batch of them (nfnetlink): whole, and one of them asks for an answer. */
static int is_answered(const struct value *messages) {
	struct nlmsghdr header;
	int answered = 0;
	size_t at = 0;
	while (messages->length - at >= sizeof header) {
		memcpy(&header, messages->bytes + at, sizeof header);
		if (header.nlmsg_len < sizeof header || header.nlmsg_len > messages->length - at || header.nlmsg_seq) return 0;
		answered |= header.nlmsg_flags & NLM_F_ACK;
		at += NLMSG_ALIGN(header.nlmsg_len);
		if (at >= messages->length) return answered;
	}
	return 0;
}

static int is_among(int error, const struct value *list) {
	const char *cursor = list->bytes;
	for (uint64_t i = 0; i < list->number; i++)
		if (error < 0 && next_number(&cursor) == (uint64_t)-error) return 1;
	return 0;
}

static int op_netlink(struct run *run, const struct value *v) { /* slot message ignore outlast */
	(void)run;
	int fd = slot_fd(v[0].number);
	if (fd < 0) return fd;
	if (!is_answered(&v[1])) return -EBADMSG;
	for (int attempt = 0;; attempt++) {
		if (send(fd, v[1].bytes, v[1].length, 0) < 0) return -errno;
		int error = receive_acknowledgement(fd);
		if (is_among(error, &v[2])) return 0;
		if (attempt == 150 || !is_among(error, &v[3])) return error;
		nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	}
}

static int load_filter(const struct value *program) {
	union bpf_attr load;
	memset(&load, 0, sizeof load);
	load.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	load.insns = (uint64_t)(uintptr_t)program->bytes;
	load.insn_cnt = program->length / sizeof(struct bpf_insn);
	load.license = (uint64_t)(uintptr_t) "Apache-2.0";
	long fd = syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load);
	return fd < 0 ? -errno : (int)fd;
}

static int op_device_filter(struct run *run, const struct value *v) { /* cgroup program */
	(void)run;
	int cgroup = slot_fd(v[0].number);
	if (cgroup < 0 || v[1].length % sizeof(struct bpf_insn)) return cgroup < 0 ? cgroup : -EINVAL;
	int program = load_filter(&v[1]);
	if (program < 0) return program;
	union bpf_attr attach;
	memset(&attach, 0, sizeof attach);
	attach.target_fd = (uint32_t)cgroup;
	attach.attach_bpf_fd = (uint32_t)program;
	attach.attach_type = BPF_CGROUP_DEVICE;
	attach.attach_flags = BPF_F_ALLOW_MULTI;
	int error = syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof attach) < 0 ? -errno : 0;
	close(program);
	return error;
}

const struct op namespace_ops[] = {
	{"unshare", "nn", op_unshare},
	{"user-namespace", "nss", op_user_namespace},
	{"take-user", "n", op_take_user},
	{"join", "nsn", op_join},
	{"join-container", "sn", op_join_container},
	{"join-path", "sn", op_join_path},
	{"clone", "nn", op_clone},
	{"netlink-open", "nn", op_netlink_open},
	{"netlink", "nbNN", op_netlink},
	{"device-filter", "nb", op_device_filter},
	{0},
};
