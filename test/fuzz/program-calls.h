/* Included before each file of operations: their system calls become played ones. The headers come first, so that they stay as they are. */
#include "fuzz.h"
#include "played.h"
#include "../../engine/launcher/launcher.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <signal.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static inline int played_ignore(int any, ...) {
	(void)any;
	return played_result();
}
static inline int played_open_any(int any, ...) {
	(void)any;
	return played_open();
}
/* Arguments are evaluated, as for the real call. */
static inline long played_syscall_any(long number, ...) {
	va_list arguments;
	va_start(arguments, number);
	long command = number == SYS_bpf ? va_arg(arguments, int) : number == SYS_clone3 ? va_arg(arguments, long) : 0;
	va_end(arguments);
	return played_syscall(number, command);
}
static inline int played_nothing(int any, ...) {
	(void)any;
	return 0;
}
#define open(...) played_open_any(0, __VA_ARGS__)
#define openat(...) played_open_any(0, __VA_ARGS__)
#define memfd_create(...) played_open_any(0, __VA_ARGS__)
#define socket(...) played_open_any(0, __VA_ARGS__)
#define close(fd) played_close(fd)
#define dup2(from, to) played_dup(from, to)
#define dup3(from, to, flags) played_dup(from, to)
#define fcntl(...) played_ignore(0, __VA_ARGS__)
#define ioctl(fd, request, ...) ((void)(fd), played_ioctl(request))
#define read(fd, bytes, size) ((void)(fd), played_bytes(bytes, size))
#define pread(fd, bytes, size, at) ((void)(fd), played_bytes(bytes, size))
#define lseek(...) played_nothing(0, __VA_ARGS__)
#define recv(fd, bytes, size, flags) ((void)(fd), played_bytes(bytes, size))
#define write(fd, bytes, size) ((void)(fd), played_nothing(0, bytes) || played_result() ? -1 : (ssize_t)(size))
#define send(fd, bytes, size, flags) ((void)(fd), played_result() ? -1 : (ssize_t)(size))
#define fstat(fd, status) played_stat(status, sizeof *(status))
#define stat(path, status) played_stat(status, sizeof *(status))
#define fstatat(dir, path, status, flags) played_stat(status, sizeof *(status))
#define fstatfs(fd, status) played_stat(status, sizeof *(status))
#define fstatvfs(fd, status) played_stat(status, sizeof *(status))
#define getrlimit(resource, limit) played_stat(limit, sizeof *(limit))
#define prlimit(pid, resource, new, old) played_ignore(0, pid)
#define syscall(...) played_syscall_any(__VA_ARGS__)
#define fork() ((pid_t)-1)
#define vfork() ((pid_t)-1)
#define waitpid(...) played_ignore(0, __VA_ARGS__)
#define kill(...) played_ignore(0, __VA_ARGS__)
#define pipe2(ends, flags) ((ends)[0] = played_open(), (ends)[0] < 0 ? -1 : ((ends)[1] = played_open()) < 0 ? played_close((ends)[0]), -1 : 0)
#define socketpair(domain, type, protocol, ends) pipe2(ends, 0)
#define mkdir(...) played_ignore(0, __VA_ARGS__)
#define mkdirat(...) played_ignore(0, __VA_ARGS__)
#define mknodat(...) played_ignore(0, __VA_ARGS__)
#define symlinkat(...) played_ignore(0, __VA_ARGS__)
#define unlinkat(...) played_ignore(0, __VA_ARGS__)
#define fchownat(...) played_ignore(0, __VA_ARGS__)
#define fchmodat(...) played_ignore(0, __VA_ARGS__)
#define fchown(...) played_ignore(0, __VA_ARGS__)
#define chmod(...) played_ignore(0, __VA_ARGS__)
#define chdir(...) played_ignore(0, __VA_ARGS__)
#define fchdir(...) played_ignore(0, __VA_ARGS__)
#define setns(...) played_ignore(0, __VA_ARGS__)
#define unshare(...) played_ignore(0, __VA_ARGS__)
#define setsockopt(...) played_ignore(0, __VA_ARGS__)
#define nanosleep(...) played_nothing(0, __VA_ARGS__)
#define prctl(...) played_ignore(0, __VA_ARGS__)
#define setgroups(...) played_ignore(0, __VA_ARGS__)
#define setresuid(...) played_ignore(0, __VA_ARGS__)
#define setresgid(...) played_ignore(0, __VA_ARGS__)
#define setfsuid(...) played_nothing(0, __VA_ARGS__)
#define setfsgid(...) played_nothing(0, __VA_ARGS__)
#define setrlimit(...) played_ignore(0, __VA_ARGS__)
#define setsid() played_result()
#define sethostname(...) played_ignore(0, __VA_ARGS__)
#define setdomainname(...) played_ignore(0, __VA_ARGS__)
#define isatty(fd) (played_result() == 0)
#define faccessat(...) played_ignore(0, __VA_ARGS__)
#define signal(...) played_nothing(0, __VA_ARGS__)
#define sigprocmask(...) played_nothing(0, __VA_ARGS__)
#define umask(mask) ((void)(mask), (mode_t)0)
#define execve(...) played_ignore(0, __VA_ARGS__)
#define sendmsg(...) played_ignore(0, __VA_ARGS__)
#define recvmsg(...) played_ignore(0, __VA_ARGS__)
#define calloc(count, size) played_calloc(count, size)
#define malloc(size) played_calloc(1, size)
#define free(bytes) played_free(bytes)
#define _exit(status) fuzz_exit(status)
