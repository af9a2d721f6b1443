/*
 * Fuzzes the launch plan: programs and supervisor files are decoded, and then executed by the real operations on system calls that are
 * only played (program-calls.h). Invariants: nothing is read beyond the input; no descriptor is left over or closed twice, however calls fail.
 */
#include "fuzz.h"
#include "../../engine/launcher/spec.h"
#include "played.h"

static void note_clone(struct run *run, pid_t child) {
	(void)run, (void)child;
	fuzz_exit(0);
}

static void execute(struct program program, enum section section) {
	struct run run = {.section = section, .report = REPORT_FD, .joined_pid = section == SECTION_PROBE ? 0 : NO_NUMBER, .dies_with_parent = section == SECTION_START};
	run.after_clone = section == SECTION_SETUP ? NULL : note_clone;
	played_begin(program.bytes, program.length);
	if (setjmp(fuzz_end) == 0) {
		run_program(&run, program);
		HOLDS(played_left() == 0, "a descriptor is left open");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct spec spec;
	uint32_t index;
	const char *bytes = (const char *)data;
	struct program program = {.bytes = bytes, .length = size};
	if (!parse_spec(&spec, bytes, size)) {
		execute(spec.setup, SECTION_SETUP);
		execute(spec.start, SECTION_START);
		execute(spec.probe, SECTION_PROBE);
	} else if (!check_program(program, &index)) execute(program, SECTION_PROGRAM);
	return 0;
}

/* Trees of files have a fuzzer of their own. */
int op_pack(struct run *run, const struct value *v) {
	(void)run, (void)v;
	return -1;
}
int op_look_in(struct run *run, const struct value *v) {
	(void)run, (void)v;
	return -1;
}
int op_read_files(struct run *run, const struct value *v) {
	(void)run, (void)v;
	return -1;
}
int op_unpack(struct run *run, const struct value *v) {
	(void)run, (void)v;
	return -1;
}
