/*
 * A container that was changed while it runs (a mount, more) starts again with what it is now: its program is read anew from the run
 * folder. Only what the next start or probe does changes; the rest of the spec holds for the life of this supervisor.
 */
#include "supervise.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int reload_program(struct supervisor *s) {
	static char *before; /* the bytes in use now; those of the beginning hold the rest of the spec and stay */
	struct spec fresh;
	char *bytes;
	size_t length;
	int error = read_file_at(s->run_folder, "program", &bytes, &length);
	if (error) return error;
	error = parse_spec(&fresh, bytes, length);
	if (!error && strcmp(fresh.id, s->spec.id)) error = -EINVAL;
	if (error) {
		free(bytes);
		return error;
	}
	s->spec.start = fresh.start;
	s->spec.probe = fresh.probe;
	free(before);
	before = bytes;
	return 0;
}
