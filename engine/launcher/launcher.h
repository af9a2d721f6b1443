/* What the launcher's files share: values of a decoded operation, a run of a program, reports, and small helpers. */
#ifndef LAUNCHER_H
#define LAUNCHER_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* every file includes this one first */
#endif

#include <linux/limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define SLOT_COUNT 64
#define SLOT_BASE 64 /* slot N is descriptor 64 + N (ops.ts, slotFd) */
#define REPORT_FD 3  /* in a child that runs a program: where its reports go */
#define JOINED_FD 4  /* in a child that runs a program: pidfd of the process that `join` looked up last */
#define NO_NUMBER UINT64_MAX
#define MAX_FIELDS 13

enum section { SECTION_PROGRAM, SECTION_SETUP, SECTION_START, SECTION_PROBE, SECTION_SUPERVISOR, SECTION_PORTS };
/* Index of a failure in SECTION_SUPERVISOR (explanations.ts). */
enum supervisor_step { STEP_RUN_FOLDER, STEP_SPEC, STEP_LOG, STEP_CONTROL, STEP_FORK, STEP_VANISHED, STEP_ALONE, STEP_NAMES };

/* ---- wire.c: reading length-checked bytes. After a violation `broken` stays set and every read gives nothing. */
struct reader {
	const char *at, *end;
	int broken;
};
struct value {
	uint64_t number;   /* number; of lists: how many */
	const char *bytes; /* string, bytes, or where a list begins */
	uint32_t length;
};
uint32_t read_u32(struct reader *reader);
uint64_t read_u64(struct reader *reader);
struct reader read_block(struct reader *reader);
/* Signature: s string, b bytes, n number, o number that says "optional", S list of strings, N list of numbers. */
int read_fields(struct reader *reader, const char *signature, struct value *values);
const char *next_string(const char **cursor);
uint64_t next_number(const char **cursor);

/* ---- program.c: a program is a list of operations. */
struct program {
	const char *bytes;
	size_t length;
};
struct run {
	enum section section;
	uint32_t index;
	int report;               /* descriptor for reports, -1: nobody listens */
	int cloned;               /* we are the child of `clone` */
	int clone_as_sibling;     /* `clone` makes a child of our parent, and we end: see op_clone */
	int dies_with_parent;     /* the process that execs is killed when its parent dies */
	uint64_t joined_pid;      /* who JOINED_FD is: a pid, 0 for the container's init, NO_NUMBER for nobody */
	void (*after_clone)(struct run *run, pid_t child); /* in the parent of `clone`; does not return */
	void *context;
};
typedef int op_function(struct run *run, const struct value *values); /* 0 or -errno */
struct op {
	const char *name, *fields;
	op_function *call;
};
extern const struct op file_ops[], mount_ops[], namespace_ops[], process_ops[], exec_ops[];
int check_program(struct program program, uint32_t *index);
int run_program(struct run *run, struct program program); /* reports warnings only */
int run_and_report(struct run *run, struct program program);
int read_program(struct reader *reader, struct program *program);
int code_of_failure(int came_to_exec, uint32_t error, int otherwise);

/* ---- report.c: what a program's run tells. A report is four numbers, `data` is followed by bytes. */
enum report_kind { REPORT_DONE = 1, REPORT_FAILED, REPORT_WARNING, REPORT_DATA, REPORT_PID, REPORT_EXEC, REPORT_TERMINAL };
struct report {
	uint32_t kind, section, index, value; /* value: errno, length of data, pid */
};
int send_report(int fd, enum report_kind kind, uint32_t section, uint32_t index, uint32_t value);
int send_report_data(const struct run *run, const void *data, uint32_t length);
int send_terminal(const struct run *run, int master);
int receive_report(int socket, struct report *report, int *descriptor);

/* ---- paths.c: descriptors and paths. All give a descriptor or 0, or -errno. */
int open_in(int root, const char *inside, int flags, mode_t mode);
int open_parent_in(int root, const char *inside, int make_parents, char *leaf, size_t leaf_size);
int make_folders_in(int root, const char *inside);
int slot_fd(uint64_t slot);
int fill_slot(uint64_t slot, int fd);
int write_all(int fd, const void *data, size_t length);
int read_file_at(int folder, const char *name, char **data, size_t *length);
void close_from(unsigned first, unsigned last);
/* "/proc/self/fd/N": what mount(2) needs to reach a descriptor */
struct fd_path {
	char text[32];
};
struct fd_path path_of(int fd);

/* ---- process.c */
int become_sealed(char **argv);
void set_title(const char *title);
void remember_title_area(int argc, char **argv);
uint64_t process_start_time(pid_t pid);
int is_exiting(pid_t pid);
int enter_child(int report, int keep_stderr);
int open_pidfd(pid_t pid);
int send_signal(int pidfd, int signal);
int in_network(int network, int (*act)(void *), void *context);

/* ---- modes of the program: main.c has the table */
int serve_main(void);
int direct_main(const char *mode, char *file);
void copy_terminal(int master, pid_t child);
int check_main(int count, char **files);
void supervise(const char *run_folder, int report) __attribute__((noreturn));
int unpack_main(int argc, char **argv);
int weave_main(int argc, char **argv);
int init_main(int argc, char **argv);
int keep_main(char **argv);

/* ---- locks.c: what a session locks for Node. 0 or -errno; lock_folder: 1 while a child waits for it. */
int lock_file(uint32_t id, const char *path);
int lock_folder(uint32_t id, const char *path, int report);
void unlock(uint32_t id);

/* ---- user_namespace.c */
int unshare_as(int user, uint64_t flags);
int op_user_namespace(struct run *run, const struct value *v);

/* ---- pack.c, read_files.c, look.c, unpack.c: trees of files as records */
int op_pack(struct run *run, const struct value *v);
int op_look_in(struct run *run, const struct value *v);
int op_read_files(struct run *run, const struct value *v);
int op_unpack(struct run *run, const struct value *v);

#endif
