/*
 * The floor of the benchmark: only what the kernel itself must do for N containers, each with an overlay root, namespaces,
 * a veth pair on a bridge, pivot_root and a program, and one iptables-restore for a published port each. No cgroups, no
 * security, no state, no supervision: nothing useful can be faster by much.
 *
 *   floor ROOTFS WORK N PROGRAM [ARG ...]
 *
 * Prints `up MILLISECONDS` when all programs run and all rules hold, waits for the end of its standard input, takes
 * everything away and prints `down MILLISECONDS`.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BRIDGE "floor0"
#define FIRST_PORT 20000
#define NAMESPACES (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP)

struct message {
	struct nlmsghdr header;
	char body[512];
};

static void die(const char *what)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	_exit(1);
}

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static char *text(const char *format, ...)
{
	char *out = NULL;
	va_list args;
	va_start(args, format);
	if (vasprintf(&out, format, args) < 0)
		die("vasprintf");
	va_end(args);
	return out;
}

/* ---- rtnetlink */

static void begin(struct message *m, int type, const void *fixed, size_t size)
{
	memset(m, 0, sizeof *m);
	m->header.nlmsg_len = NLMSG_LENGTH(size);
	m->header.nlmsg_type = type;
	m->header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE;
	memcpy(NLMSG_DATA(&m->header), fixed, size);
}

static struct rtattr *put(struct message *m, int type, const void *data, size_t size)
{
	struct rtattr *a = (void *)((char *)m + NLMSG_ALIGN(m->header.nlmsg_len));
	a->rta_type = type;
	a->rta_len = RTA_LENGTH(size);
	if (size)
		memcpy(RTA_DATA(a), data, size);
	m->header.nlmsg_len = NLMSG_ALIGN(m->header.nlmsg_len) + RTA_ALIGN(a->rta_len);
	return a;
}

static void end(struct message *m, struct rtattr *nest)
{
	nest->rta_len = (char *)m + m->header.nlmsg_len - (char *)nest;
}

static void send_message(int fd, struct message *m, const char *what)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[1024];
	} reply;
	if (send(fd, m, m->header.nlmsg_len, 0) < 0 || recv(fd, &reply, sizeof reply, 0) < 0)
		die(what);
	if (reply.header.nlmsg_type == NLMSG_ERROR && reply.error.error) {
		errno = -reply.error.error;
		die(what);
	}
}

static int open_netlink(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	return fd < 0 ? (die("netlink"), -1) : fd;
}

static void set_up(int fd, int index, uint32_t address, int prefix)
{
	struct message m;
	struct ifinfomsg link = {.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	struct ifaddrmsg addr = {.ifa_family = AF_INET, .ifa_prefixlen = prefix, .ifa_index = index};
	if (address) {
		begin(&m, RTM_NEWADDR, &addr, sizeof addr);
		put(&m, IFA_LOCAL, &address, 4);
		send_message(fd, &m, "address");
	}
	begin(&m, RTM_NEWLINK, &link, sizeof link);
	send_message(fd, &m, "link up");
}

static int add_bridge(int fd)
{
	struct message m;
	struct ifinfomsg link = {0};
	begin(&m, RTM_NEWLINK, &link, sizeof link);
	put(&m, IFLA_IFNAME, BRIDGE, sizeof BRIDGE);
	struct rtattr *info = put(&m, IFLA_LINKINFO, NULL, 0);
	put(&m, IFLA_INFO_KIND, "bridge", 6);
	end(&m, info);
	send_message(fd, &m, "bridge");
	int index = if_nametoindex(BRIDGE);
	set_up(fd, index, htonl(0xac1f0001), 16);
	return index;
}

/* The host's end is made on its bridge and up, the container's end in its namespace, with one message. */
static void add_veth(int fd, int bridge, int number, int namespace)
{
	struct message m;
	struct ifinfomsg link = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	char name[16];
	snprintf(name, sizeof name, "fl-%hu", (unsigned short)number);
	begin(&m, RTM_NEWLINK, &link, sizeof link);
	put(&m, IFLA_IFNAME, name, strlen(name) + 1);
	put(&m, IFLA_MASTER, &bridge, 4);
	struct rtattr *info = put(&m, IFLA_LINKINFO, NULL, 0);
	put(&m, IFLA_INFO_KIND, "veth", 4);
	struct rtattr *data = put(&m, IFLA_INFO_DATA, NULL, 0);
	struct ifinfomsg none = {0};
	struct rtattr *peer = put(&m, VETH_INFO_PEER, &none, sizeof none);
	peer->rta_len = RTA_LENGTH(sizeof none);
	put(&m, IFLA_IFNAME, "eth0", 5);
	put(&m, IFLA_NET_NS_FD, &namespace, 4);
	end(&m, peer);
	end(&m, data);
	end(&m, info);
	send_message(fd, &m, "veth");
}

static void add_default_route(int fd, uint32_t gateway)
{
	struct message m;
	struct rtmsg route = {.rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_BOOT, .rtm_type = RTN_UNICAST};
	begin(&m, RTM_NEWROUTE, &route, sizeof route);
	put(&m, RTA_GATEWAY, &gateway, 4);
	send_message(fd, &m, "route");
}

/* ---- containers */

static uint32_t address_of(int number)
{
	return htonl(0xac1f0002 + number);
}

static _Noreturn void run_container(int number, int host, int bridge, const char *rootfs, const char *work, char **argv)
{
	add_veth(host, bridge, number, open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
	int own = open_netlink();
	set_up(own, 1, 0, 0);
	set_up(own, if_nametoindex("eth0"), address_of(number), 16);
	add_default_route(own, htonl(0xac1f0001));

	char *folder = text("%s/%d", work, number), *root = text("%s/root", folder);
	mkdir(folder, 0755);
	mkdir(root, 0755);
	mkdir(text("%s/upper", folder), 0755);
	mkdir(text("%s/work", folder), 0755);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("overlay", root, "overlay", 0, text("lowerdir=%s,upperdir=%s/upper,workdir=%s/work", rootfs, folder, folder)))
		die("overlay");
	if (chdir(root) || (mkdir("proc", 0555) && errno != EEXIST) || mount("proc", "proc", "proc", 0, NULL))
		die("proc");
	if (syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) || chdir("/"))
		die("pivot_root");
	execv(argv[0], argv);
	die(argv[0]);
	_exit(1);
}

static pid_t start_container(int number, int bridge, const char *rootfs, const char *work, char **argv)
{
	int host = open_netlink();
	pid_t pid = syscall(SYS_clone, NAMESPACES | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid < 0)
		die("clone");
	if (pid == 0)
		run_container(number, host, bridge, rootfs, work, argv);
	close(host);
	return pid;
}

static void restore_rules(const char *rules)
{
	int pipe_fds[2];
	if (pipe2(pipe_fds, O_CLOEXEC))
		die("pipe");
	pid_t pid = fork();
	if (pid == 0) {
		dup2(pipe_fds[0], 0);
		execlp("iptables-restore", "iptables-restore", "--noflush", (char *)NULL);
		_exit(127);
	}
	close(pipe_fds[0]);
	if (write(pipe_fds[1], rules, strlen(rules)) < 0)
		die("rules");
	close(pipe_fds[1]);
	int status;
	if (waitpid(pid, &status, 0) < 0 || status)
		die("iptables-restore");
}

static char *port_map_rules(int count)
{
	char *out = NULL;
	size_t size;
	FILE *f = open_memstream(&out, &size);
	fprintf(f, "*nat\n:FLOOR - [0:0]\n-A PREROUTING -m addrtype --dst-type LOCAL -j FLOOR\n"
		   "-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j FLOOR\n"
		   "-A POSTROUTING -s 172.31.0.0/16 ! -o " BRIDGE " -j MASQUERADE\n");
	for (int i = 0; i < count; i++)
		fprintf(f, "-A FLOOR ! -i " BRIDGE " -p tcp --dport %d -j DNAT --to-destination %s:80\n", FIRST_PORT + i,
			inet_ntoa((struct in_addr){address_of(i)}));
	fprintf(f, "COMMIT\n*filter\n:FLOOR - [0:0]\n-A FORWARD -o " BRIDGE " -j FLOOR\n");
	for (int i = 0; i < count; i++)
		fprintf(f, "-A FLOOR -p tcp -d %s --dport 80 -j ACCEPT\n", inet_ntoa((struct in_addr){address_of(i)}));
	fprintf(f, "COMMIT\n");
	fclose(f);
	return out;
}

static const char NO_RULES[] = "*nat\n-D PREROUTING -m addrtype --dst-type LOCAL -j FLOOR\n"
			       "-D OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j FLOOR\n"
			       "-D POSTROUTING -s 172.31.0.0/16 ! -o " BRIDGE " -j MASQUERADE\n-F FLOOR\n-X FLOOR\nCOMMIT\n"
			       "*filter\n-D FORWARD -o " BRIDGE " -j FLOOR\n-F FLOOR\n-X FLOOR\nCOMMIT\n";

static void remove_link(int fd, const char *name)
{
	struct message m;
	struct ifinfomsg link = {.ifi_index = if_nametoindex(name)};
	begin(&m, RTM_DELLINK, &link, sizeof link);
	send_message(fd, &m, "remove link");
}

int main(int argc, char **argv)
{
	if (argc < 5) {
		fprintf(stderr, "usage: floor ROOTFS WORK N PROGRAM [ARG ...]\n");
		return 2;
	}
	int count = atoi(argv[3]), running[2], host = open_netlink();
	pid_t *pids = calloc(count, sizeof *pids);
	double begun = now_ms();
	/* Everybody holds the writing end until they exec: its end of file says that all programs run. */
	if (!pids || pipe2(running, O_CLOEXEC))
		die("pipe");
	int bridge = add_bridge(host);
	for (int i = 0; i < count; i++)
		pids[i] = start_container(i, bridge, argv[1], argv[2], argv + 4);
	restore_rules(port_map_rules(count));
	char byte;
	close(running[1]);
	if (read(running[0], &byte, 1) != 0)
		die("read");
	printf("up %.1f\n", now_ms() - begun);
	fflush(stdout);

	while (read(0, &byte, 1) > 0)
		;
	begun = now_ms();
	for (int i = 0; i < count; i++)
		kill(pids[i], SIGKILL);
	restore_rules(NO_RULES);
	for (int i = 0; i < count; i++)
		waitpid(pids[i], NULL, 0);
	remove_link(host, BRIDGE);
	printf("down %.1f\n", now_ms() - begun);
	return 0;
}
