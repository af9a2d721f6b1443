/* What the fuzzers share. Each is one function that takes an input; libFuzzer or driver.c calls it. */
#ifndef FUZZ_H
#define FUZZ_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An invariant: who breaks it is a crash that is kept. */
#define HOLDS(condition, what) \
	do \
		if (!(condition)) { \
			fprintf(stderr, "broken: %s (%s:%d)\n", what, __FILE__, __LINE__); \
			abort(); \
		} \
	while (0)

/* Where `_exit` of the code under test comes back to. */
extern jmp_buf fuzz_end;
_Noreturn void fuzz_exit(int status);

#endif
