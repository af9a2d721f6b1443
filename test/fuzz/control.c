/*
 * Fuzzes the control socket: the real event loop of a supervisor (supervise.c, life.c, control.c, child.c, health.c, pause.c) turns, while a
 * script connects clients, sends what it likes, lets the container print, report, exit, and time pass (control-calls.h). A step is three bytes,
 * event, who, count, and so many bytes. Invariants stand in `look`.
 */
#include "control-calls.h"
#include <string.h>
#include <sys/file.h>
#undef is_exiting
#undef process_start_time
#undef send_signal
#undef open_pidfd
#include "../../engine/launcher/supervise.c"

enum { MOST_STEPS = 400, ENDS = 8, PROCESSES = 64 };
enum event { CONFIG, CONNECT, SEND, CLOSE, REPORT, EXIT, PRINT, WAIT, TAKE, END, EVENTS };

jmp_buf fuzz_end;
static struct supervisor subject;
static uint64_t now;
static pid_t next_pid;
static struct {
	pid_t pid;
	int exited, status;
} processes[PROCESSES];
static int reports[ENDS], report_count, outputs[ENDS], output_count; /* the container's ends, the newest last */
static int clients[ENDS];
static enum status seen_status;

_Noreturn void fuzz_exit(int status) {
	(void)status;
	longjmp(fuzz_end, 1);
}

static int note_end(int *list, int *count, int fd) {
	if (fd < 0) return -1;
	if (*count == ENDS) {
		close(list[0]);
		memmove(list, list + 1, (ENDS - 1) * sizeof *list);
		--*count;
	}
	list[(*count)++] = fd;
	return 0;
}

pid_t script_fork(void) {
	int place = (int)(next_pid % PROCESSES);
	processes[place].pid = next_pid;
	processes[place].exited = 0;
	return next_pid++;
}

int script_pipe(int *ends) {
	if ((pipe)(ends) < 0) return -1;
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	return note_end(outputs, &output_count, dup(ends[1]));
}

int script_socketpair(int *ends) {
	if ((socketpair)(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0) return -1;
	return note_end(reports, &report_count, dup(ends[1]));
}

int script_waitid(siginfo_t *info) {
	for (int i = 0; i < PROCESSES; i++)
		if (processes[i].exited && processes[i].pid) return info->si_pid = processes[i].pid, 0;
	return 0;
}

pid_t script_waitpid(pid_t pid, int *status) {
	for (int i = 0; i < PROCESSES; i++)
		if (processes[i].pid == pid && processes[i].exited) {
			*status = processes[i].status;
			processes[i].pid = 0;
			return pid;
		}
	return -1;
}

/* A pid of a process that was reaped may be anybody's by now. */
int script_signal(pid_t pid, int number) {
	HOLDS(number >= 1 && number <= 64, "a signal that does not exist is sent");
	HOLDS(pid > 1, "a signal is sent to everybody");
	for (int i = 0; i < PROCESSES; i++)
		if (processes[i].pid == pid) return 0;
	HOLDS(0, "a signal is sent to a process that was reaped");
	return -1;
}

int script_time(struct timespec *time) {
	*time = (struct timespec){.tv_sec = (time_t)(now / 1000), .tv_nsec = (long)(now % 1000) * 1000000};
	return 0;
}

static void look(void) {
	const struct supervisor *s = &subject;
	for (int i = 0; i < MAX_CLIENTS; i++) {
		const struct client *client = s->clients[i];
		if (!client || client->fd < 0) continue;
		HOLDS(client->in_used <= sizeof client->in, "a client's input has outgrown its place");
		HOLDS(client->out.used <= client->out.size && client->out.size < 64u << 20, "a client's output grows without end");
	}
	HOLDS(s->status != CREATED || seen_status == CREATED, "a container that ran is created again");
	HOLDS(!s->paused || s->status == RUNNING, "paused, and does not run");
	HOLDS(s->status != RUNNING || s->main.preparer, "runs without a process");
	HOLDS(!s->ending || s->status != RESTARTING || !s->over, "what is over waits for a restart");
	seen_status = s->status;
}

static void configure(const uint8_t *bytes, unsigned which) {
	struct spec *spec = &subject.spec;
	(void)bytes;
	static const char freezer[] = "\2\0\0\0/x\0\1\0\0\0" "1\0\1\0\0\0" "0";
	*spec = (struct spec){.id = "x", .oom_counter = "", .exit_path = "", .stop = {15, 1000}, .log = {.max_files = 1, .attributes = "", .path = ""}};
	spec->restart = (enum restart_policy)(which & 3);
	spec->stdin_open = which >> 2 & 1;
	spec->tty = which >> 3 & 1;
	spec->foreground = which >> 4 & 1;
	spec->health.enabled = which >> 5 & 1;
	spec->health.interval_ms = spec->health.start_interval_ms = 500;
	spec->health.timeout_ms = 300;
	spec->health.retries = 2;
	spec->health.timeout_text = "too long";
	if (which >> 6 & 1) spec->freezer = (struct value){.number = 3, .bytes = freezer, .length = sizeof freezer};
}

static void connect_client(unsigned who) {
	int ends[2];
	if (clients[who] >= 0) return;
	if ((socketpair)(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0) return;
	for (int i = 0; i < MAX_CLIENTS; i++) {
		if (subject.clients[i]) continue;
		subject.clients[i] = calloc(1, sizeof *subject.clients[i]);
		subject.clients[i]->fd = ends[1];
		clients[who] = ends[0];
		return;
	}
	close(ends[0]);
	close(ends[1]);
}

static void let_exit(unsigned which, int status) {
	for (int i = 0; i < PROCESSES; i++) {
		int at = (int)((next_pid - 1 - (pid_t)(which % 2) + PROCESSES - i) % PROCESSES);
		if (!processes[at].pid || processes[at].exited) continue;
		processes[at].exited = 1;
		processes[at].status = status;
		return;
	}
}

static void forget_end(int *list, int *count) {
	if (*count) close(list[--*count]);
}

static void act(enum event event, unsigned who, const uint8_t *bytes, size_t length) {
	char sink[4096];
	struct report report = {0};
	int *client = &clients[who % ENDS];
	switch (event) {
		case CONNECT: connect_client(who % ENDS); break;
		case SEND:
			if (*client >= 0 && send(*client, bytes, length, MSG_NOSIGNAL) < 0) break;
			break;
		case CLOSE:
			if (*client >= 0 && who & 128) shutdown(*client, SHUT_WR);
			else if (*client >= 0) close(*client), *client = -1;
			break;
		case REPORT:
			if (who == 2) forget_end(reports, &report_count);
			else if (report_count) {
				memcpy(&report, bytes, length < sizeof report ? length : sizeof report);
				/* A preparer tells pids of children of its own. */
				if (report.kind == REPORT_PID) report.value = (uint32_t)script_fork();
				if (send(reports[report_count - 1], who == 3 ? (const void *)bytes : &report, who == 3 ? length : sizeof report, MSG_NOSIGNAL) < 0) break;
			}
			break;
		case EXIT: let_exit(length ? bytes[0] : 0, (int)who); break;
		case PRINT:
			for (int i = 0; i < output_count && i < 2; i++)
				for (unsigned k = 0; k <= who; k++)
					if (write(outputs[i], bytes, length) < 0) break;
			break;
		case WAIT: now += (uint64_t)who * who; break;
		case TAKE:
			while (*client >= 0 && recv(*client, sink, sizeof sink, 0) > 0) continue;
			break;
		case END: forget_end(outputs, &output_count); break;
		default: break;
	}
}

static void clean(void) {
	struct supervisor *s = &subject;
	for (int i = 0; i < MAX_CLIENTS; i++)
		if (s->clients[i]) {
			if (s->clients[i]->fd >= 0) close(s->clients[i]->fd);
			free(s->clients[i]->out.bytes);
			free(s->clients[i]);
		}
	for (int i = 0; i < 2; i++) free(s->streams[i].buffer);
	free(s->state.bytes);
	free(s->log.file.pending.bytes);
	syscall(SYS_close_range, 600u, ~0u, 0u);
	report_count = output_count = 0;
}

/* All that an input opens lies above 600. */
static void raise_floor(void) {
	static int raised;
	(signal)(SIGPIPE, SIG_IGN); /* as block_signals has it */
	for (int fd = 0; !raised && fd < 600;) {
		fd = (open)("/dev/null", O_RDONLY | O_CLOEXEC);
		if (fd >= 600) close(fd);
		if (fd < 0) abort();
	}
	raised = 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	const uint8_t *at = data, *end = data + size;
	if (size < 3) return 0;
	raise_floor();
	memset(&subject, 0, sizeof subject);
	memset(processes, 0, sizeof processes);
	for (int i = 0; i < ENDS; i++) clients[i] = -1;
	now = 1000000;
	next_pid = 1000;
	seen_status = CREATED;
	if (setjmp(fuzz_end) == 0) {
		prepare(&subject, -1);
		subject.streams[0].fd = subject.streams[1].fd = -1;
		configure(data, data[1]);
		open_log(&subject.log, &subject.spec);
		publish(&subject);
		begin_start(&subject);
		for (int steps = 0; end - at >= 3 && steps < MOST_STEPS; steps++) {
			size_t length = at[2];
			if (length > (size_t)(end - at) - 3) length = (size_t)(end - at) - 3;
			act(at[0] % EVENTS, at[1], at + 3, length);
			at += 3 + length;
			turn(&subject);
			settle(&subject);
			look();
		}
	}
	clean();
	return 0;
}
