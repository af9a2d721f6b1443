/* The launcher's files for unpack.c of this folder: static parts of one input must not be seen by the next. */
#include "unpack-calls.h"
#include "../../engine/launcher/unpack_stream.c"
#include "../../engine/launcher/unpack_kept.c"
#include "../../engine/launcher/unpack_place.c"
#include "../../engine/launcher/unpack.c"

int fuzz_unpack(int at, unsigned flags) {
	buffer_at = buffer_end = 0;
	while (folder_times) {
		struct folder_time *next = folder_times->next;
		free(folder_times);
		folder_times = next;
	}
	free(parent_path);
	parent_path = NULL;
	parent_fd = -1;
	entries = kept_count = 0;
	unpacking = (struct unpacking){.wishes = flags, .root = at, .path = ""};
	return unpack_all();
}
