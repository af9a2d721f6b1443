/* The interpreter: reads a record, finds its row, calls it, stops at the first failure. */
#include "launcher.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static const struct op *const tables[] = {file_ops, mount_ops, namespace_ops, process_ops, exec_ops};

static const struct op *find_op(const char *name) {
	for (size_t table = 0; table < sizeof tables / sizeof *tables; table++)
		for (const struct op *op = tables[table]; op->name; op++)
			if (!strcmp(op->name, name)) return op;
	return NULL;
}

/* One record: its length, the operation's name, its fields. */
static int decode(struct reader *program, const struct op **op, struct value *values) {
	struct reader record = read_block(program);
	struct value name;
	struct reader head = record;
	uint32_t length = read_u32(&head);
	if (head.broken || (size_t)(head.end - head.at) < (size_t)length + 1) return -EBADMSG;
	struct reader only_name = {.at = record.at, .end = head.at + length + 1};
	if (!read_fields(&only_name, "s", &name)) return -EBADMSG;
	*op = find_op(name.bytes);
	if (!*op) return -ENOSYS;
	record.at = only_name.at;
	return read_fields(&record, (*op)->fields, values) ? 0 : -EBADMSG;
}

/* A program of its own inside a message: so many bytes. */
int read_program(struct reader *reader, struct program *program) {
	struct reader block = read_block(reader);
	if (block.broken) return -EBADMSG;
	*program = (struct program){.bytes = block.at, .length = (size_t)(block.end - block.at)};
	return 0;
}

/* All of it is looked at before any of it is done: a malformed program has no effect. */
int check_program(struct program program, uint32_t *index) {
	struct reader reader = {.at = program.bytes, .end = program.bytes + program.length};
	struct value values[MAX_FIELDS];
	const struct op *op;
	for (*index = 0; reader.at < reader.end; ++*index) {
		int error = decode(&reader, &op, values);
		if (error) return error;
	}
	return 0;
}

static int is_optional(const struct op *op, const struct value *values) {
	const char *mark = strchr(op->fields, 'o');
	return mark && values[mark - op->fields].number;
}

/* Whoever returns from here came to the program's end or failed: it may be the process that called, or its child by `clone`. */
int run_program(struct run *run, struct program program) {
	int error = check_program(program, &run->index);
	if (error) return error;
	umask(0); /* so that modes are what the program says */
	struct reader reader = {.at = program.bytes, .end = program.bytes + program.length};
	struct value values[MAX_FIELDS];
	const struct op *op;
	for (run->index = 0; reader.at < reader.end; run->index++) {
		decode(&reader, &op, values);
		error = op->call(run, values);
		if (!error) continue;
		if (!is_optional(op, values)) return error;
		send_report(run->report, REPORT_WARNING, run->section, run->index, (uint32_t)-error);
	}
	return 0;
}

int run_and_report(struct run *run, struct program program) {
	int error = run_program(run, program);
	if (error) send_report(run->report, REPORT_FAILED, run->section, run->index, (uint32_t)-error);
	else send_report(run->report, REPORT_DONE, run->section, run->index, 0);
	return error;
}
