/*
 * Included before the files of a supervisor: no process is started or signalled, no file is written, no time passes but by the script.
 * Sockets and pipes are real.
 */
#include "fuzz.h"
#include "../../engine/launcher/supervise.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

pid_t script_fork(void);
int script_pipe(int *ends);
int script_socketpair(int *ends);
int script_waitid(siginfo_t *info);
pid_t script_waitpid(pid_t pid, int *status);
int script_signal(pid_t pid, int number);
int script_time(struct timespec *time);
#define fork() script_fork()
#define pipe2(ends, flags) script_pipe(ends)
#define socketpair(domain, type, protocol, ends) script_socketpair(ends)
#define waitid(which, id, info, options) script_waitid(info)
#define waitpid(pid, status, options) script_waitpid(pid, status)
#define kill(pid, number) script_signal(pid, number)
#define open_pidfd(pid) (-ESRCH)
#define send_signal(fd, number) script_signal(-1, number)
#define process_start_time(pid) ((uint64_t)77)
#define is_exiting(pid) 0
#define clock_gettime(clock, time) script_time(time)
#define nanosleep(time, rest) 0
#define poll(polls, count, timeout) poll(polls, count, 0)
#define open(...) (errno = ENOENT, -1)
#define openat(...) (errno = ENOENT, -1)
#define unlinkat(...) 0
#define renameat(...) 0
#define remove_cgroups(folders) ((void)(folders))
#define kill_cgroups(folders) ((void)(folders))
#define read_oom_counter(path) ((uint64_t)0)
#define _exit(status) fuzz_exit(status)
