/* The supervisor of one container: one process, one event loop (supervise.c), what follows from it (life.c), its parts in files of their own. */
#ifndef SUPERVISE_H
#define SUPERVISE_H

#include "launcher.h"
#include "spec.h"
#include <poll.h>

#define LINE_SIZE 16384 /* longer lines are logged in pieces, as Docker's copier does */
#define MAX_CLIENTS 64
#define RESULTS_KEPT 5
#define OUTPUT_KEPT 4096
#define RESULT_SIZE (OUTPUT_KEPT + 128)
#define MAX_POLLS (11 + MAX_CLIENTS)

/* ---- moment.c: two clocks. Deadlines are milliseconds that never jump, 0 for none; what people read is the time of day. */
uint64_t now_ms(void);
struct timespec time_of_day(void);
uint64_t earliest(uint64_t one, uint64_t other);
void format_time(struct timespec time, char text[static 36]);

/* ---- text.c: a string that grows */
struct text {
	char *bytes;
	size_t used, size;
};
void add_bytes(struct text *text, const void *bytes, size_t length);
void add_format(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void add_base64(struct text *text, const void *bytes, size_t length);

/* ---- child.c: a process that runs a section of the spec */
struct child {
	pid_t preparer; /* forked by us; runs what stands before `clone` */
	pid_t pid;      /* the process itself: the preparer until `clone` has told another */
	int pidfd, reports;
	int executed, failed, exited, wait_status;
	uint64_t start_time;
	struct report failure;
};
struct streams {
	int input, output, error;
};
void forget_child(struct child *child);
int start_child(struct child *child, enum section section, struct program program, struct streams streams, int init);
int read_child_reports(struct child *child, int session, int *terminal);
int note_exit(struct child *child, pid_t pid, int status);
int is_settled(const struct child *child);
int exit_code_of(const struct child *child);

/* ---- log_file.c */
struct log_file {
	int folder, fd, compress;
	const char *name;
	uint64_t size, max_bytes, max_files, number; /* number: of the file that is written to */
	uint64_t spare, read_at, trim_at;            /* spare: files beyond max_files, kept for a reader seen at read_at */
	pid_t compressor;
	int source, target; /* of the compressor */
	struct text pending;
};
int open_log_file(struct log_file *log, const struct log_spec *spec);
void make_room_in_log(struct log_file *log);
void flush_log_file(struct log_file *log);
void settle_log_file(struct log_file *log);
int note_compressed(struct log_file *log, pid_t pid, int status);

/* ---- log_remote.c */
struct piece {
	const char *bytes;
	size_t length;
	int is_whole, is_error;
	uint32_t ordinal; /* of a line in pieces, from 1; else 0 */
	struct timespec time;
};
struct remote {
	const struct log_spec *spec; /* NULL: there is none */
	int fd, host;                /* host: its network namespace */
	pid_t relay;                 /* the program that passes on, if there is one */
	uint64_t retry_at;
	uint64_t ordinal; /* of the last message */
	size_t begin; /* of the queue: before it, what was sent */
	uint32_t sent;
	struct text queue;
};
int open_remote(struct remote *remote, const struct log_spec *spec);
void send_piece(struct remote *remote, const struct piece *piece);
void flush_remote(struct remote *remote);
void settle_remote(struct remote *remote);
void finish_remote(struct remote *remote);
int remote_is_full(const struct remote *remote);
int remote_waits(const struct remote *remote);

/* ---- log.c */
struct log {
	const struct log_spec *spec;
	struct log_file file;
	struct remote remote;
};
struct stream {
	int fd;
	const char *name;
	int is_error;
	uint32_t pieces; /* of the line that is not whole yet; it began at `began` */
	struct timespec began;
	size_t used;
	char *buffer;
};
int open_log(struct log *log, const struct spec *spec);
int read_stream(struct log *log, struct stream *stream, const char **fresh, size_t *fresh_length);
void close_stream(struct log *log, struct stream *stream);
void close_log(struct log *log);

/* ---- the supervisor */
enum status { CREATED, RUNNING, RESTARTING, EXITED };
enum health_status { HEALTH_NONE, HEALTH_STARTING, HEALTHY, UNHEALTHY };
struct result {
	struct timespec start, end;
	int exit_code;
	uint32_t length;
	char output[RESULT_SIZE];
};
struct health {
	enum health_status status;
	uint32_t streak;
	uint64_t next_at, deadline, began_ms;
	struct child probe;
	int output, executed, timed_out;
	struct result current, log[RESULTS_KEPT];
	uint32_t results; /* how many there ever were */
};
struct client {
	int fd, watches, behind, attached;
	int is_over;       /* to be closed when it has taken all of `out` */
	uint64_t moved_at; /* it took some of `out` */
	int owns;          /* attached, and the container is its: see control.c */
	int claims;        /* attached to all runs: it comes again after a restart */
	size_t in_used;
	char in[4096];
	struct text out;
};
struct supervisor {
	struct spec spec;
	int run_folder, signals, listener, session;
	enum status status;
	struct child main;
	struct stream streams[2];
	int input; /* where attached clients write: a pipe or the terminal */
	struct log log;
	int ending, over;   /* ending: no restart any more; over: nothing runs, and that is final */
	int pending_signal; /* of a stop that came while it was starting */
	int64_t pending_grace;
	int stopped, last_signal; /* stopped: somebody asked for the end */
	uint32_t signal_count;
	uint64_t kill_at, restart_at, drain_until, started_ms, backoff_ms;
	uint32_t restart_count, tries; /* tries: restarts since the last run that was long enough */
	struct timespec started_at, finished_at;
	int exit_code, oom_killed;
	uint64_t oom_before;
	struct {
		int fd, is_eventfd, looks_left;
		uint64_t look_at;
	} oom;
	int paused; /* frozen while RUNNING */
	int claimed;           /* foreground: who started it has attached */
	uint64_t claimable_until;
	struct report error;
	struct health health;
	struct client *clients[MAX_CLIENTS]; /* NULL: free */
	struct text state;
};

/* ---- state.c */
void publish(struct supervisor *s);
void publish_end(struct supervisor *s);

/* ---- control.c */
int open_control(struct supervisor *s);
int poll_clients(struct supervisor *s, struct pollfd *polls);
void serve_clients(struct supervisor *s, const struct pollfd *polls);
void accept_clients(struct supervisor *s);
void tell_watchers(struct supervisor *s);
int clients_hold_back(const struct supervisor *s);
uint64_t next_stall(const struct supervisor *s);
void settle_stalls(struct supervisor *s);
void end_attached(struct supervisor *s);
void finish_clients(struct supervisor *s);
void tell_attached(struct supervisor *s, const struct stream *stream, const char *bytes, size_t length);
int has_unsent(const struct supervisor *s, size_t more_than);

/* ---- health.c */
void begin_health(struct supervisor *s);
void end_health(struct supervisor *s);
void suspend_health(struct supervisor *s);
void resume_health(struct supervisor *s);
void settle_health(struct supervisor *s);
void read_probe_output(struct supervisor *s);
uint64_t next_health_event(const struct supervisor *s);

/* ---- pause.c */
int pause_container(struct supervisor *s);
int unpause_container(struct supervisor *s);

/* ---- reload.c */
int reload_program(struct supervisor *s);

/* ---- hold.c */
int hold_ports(const struct supervisor *s, uint32_t *index);
int hold_other_ports(struct supervisor *s);

/* ---- names.c */
int serve_names(const struct supervisor *s);
int note_names(const struct supervisor *s, pid_t pid);

/* ---- relay.c */
void accept_relays(void);
int relay_descriptor(void);
int note_relay(pid_t pid);
void thaw_container(struct supervisor *s);

/* ---- oom.c */
void open_oom_watch(struct supervisor *s);
void read_oom_watch(struct supervisor *s);
void settle_oom(struct supervisor *s);

/* ---- life.c */
void begin_start(struct supervisor *s);
void fail(struct supervisor *s, uint32_t section, uint32_t index, int error) __attribute__((noreturn));
int stop_container(struct supervisor *s, int signal, int64_t grace_ms);
int signal_container(struct supervisor *s, int signal, int cancels_restart);
int output_waits(const struct supervisor *s);
int output_is_held_back(const struct supervisor *s);
void settle_start(struct supervisor *s);
void settle_exit(struct supervisor *s);
void settle_deadlines(struct supervisor *s);

/* ---- cleanup.c */
uint64_t read_oom_counter(const char *path);
void remove_cgroups(const struct value *folders);
void kill_cgroups(const struct value *folders);

#endif
