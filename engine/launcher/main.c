/* tcompose-launcher: executes programs of operations (ops.ts), and stays as the supervisor of each container. */
#include "launcher.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int usage(void) {
	static const char text[] = "tcompose-launcher belongs to tcompose and is not for use by hand\n"
														 "  serve        requests on standard input, replies on standard output (launcher.ts)\n"
														 "  exec FILE    runs a program here; what fails before its exec is told in FILE.error\n"
														 "  terminal FILE, detach FILE  the same, on a terminal of the container's; in the background\n"
														 "  bound FILE   the same, and ends with who called\n"
														 "  check FILE.. says whether programs and supervisor files are well-formed\n"
														 "  unpack ..    unpacks an image layer (unpack.c)\n"
														 "  weave ..     puts the tar of a layer together again (weave.c)\n"
														 "  keep ..      runs a server that goes to the background, and again whenever it ends (keep.c)\n"
														 "  init ..      is process 1 of a container and starts another (init.c)\n";
	write_all(STDERR_FILENO, text, sizeof text - 1);
	return 2;
}

/* A session has no request yet that could be answered with a failure: its exit status is the errno (launcher.ts). */
static int sealed(int argc, char **argv) {
	int error = become_sealed(argv);
	if (error && !strcmp(argv[1], "serve")) return -error;
	if (error) {
		fprintf(stderr, "tcompose-launcher: cannot seal its own binary: %s\n", strerror(-error));
		return 125;
	}
	remember_title_area(argc, argv);
	return strcmp(argv[1], "serve") ? direct_main(argv[1], argv[2]) : serve_main();
}

static int is_direct(const char *mode) {
	return !strcmp(mode, "exec") || !strcmp(mode, "terminal") || !strcmp(mode, "detach") || !strcmp(mode, "bound");
}

static int dispatch(int argc, char **argv) {
	const char *mode = argc > 1 ? argv[1] : "";
	if (!strcmp(mode, "serve") && argc == 2) return sealed(argc, argv);
	if (is_direct(mode) && argc == 3) return sealed(argc, argv);
	if (!strcmp(mode, "check")) return check_main(argc - 2, argv + 2);
	if (!strcmp(mode, "keep") && argc > 5) return keep_main(argv + 2);
	if (!strcmp(mode, "init")) return init_main(argc, argv);
	if (!strcmp(mode, "unpack")) return unpack_main(argc, argv);
	if (!strcmp(mode, "weave")) return weave_main(argc, argv);
	return usage();
}

int main(int argc, char **argv) {
	int status = dispatch(argc, argv);
	fflush(stdout);
	_exit(status);
}
