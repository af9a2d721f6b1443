/*
 * Stands in for libFuzzer where there is no clang, and in the tests: each file as it is, then mutated so many times, always alike.
 * driver COUNT FILE ...   FUZZ_SEED, a number, makes it others. The input at work is kept in the file that FUZZ_KEEP names until it has been survived.
 */
#include "fuzz.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { LARGEST = 1 << 16 };
static uint64_t state = 0x9e3779b97f4a7c15;

static uint64_t next_random(void) {
	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

static size_t read_input(const char *path, uint8_t *bytes) {
	FILE *file = fopen(path, "rb");
	size_t size = file ? fread(bytes, 1, LARGEST, file) : 0;
	if (!file) exit(2);
	fclose(file);
	return size;
}

static void keep(const uint8_t *bytes, size_t size) {
	const char *path = getenv("FUZZ_KEEP");
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
	if (fd < 0) return;
	if (write(fd, bytes, size) < 0) perror(path);
	close(fd);
}

static size_t mutate(uint8_t *bytes, size_t size) {
	static const uint32_t odd[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe, 0x10000, 64};
	for (uint64_t changes = 1 + next_random() % 4; changes && size; changes--) {
		size_t at = next_random() % size, from = next_random() % size, length = next_random() % 32;
		size_t most = size - (at > from ? at : from);
		if (length > most) length = most;
		switch (next_random() % 6) {
			case 0: bytes[at] = (uint8_t)next_random(); break;
			case 1: bytes[at] ^= (uint8_t)(1u << next_random() % 8); break;
			case 2: memcpy(bytes + at, odd + next_random() % 8, size - at < 4 ? size - at : 4); break;
			case 3: memmove(bytes + at, bytes + from, length); break;
			case 4: size = at; break;
			default:
				if (size + length > LARGEST) break;
				memmove(bytes + at + length, bytes + at, size - at);
				size += length;
		}
	}
	return size;
}

static void try_input(const uint8_t *bytes, size_t size) {
	uint8_t *exact = malloc(size ? size : 1); /* so that a byte too far is seen */
	memcpy(exact, bytes, size);
	keep(bytes, size);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

int main(int argc, char **argv) {
	static uint8_t original[LARGEST], mutant[LARGEST];
	if (getenv("FUZZ_SEED")) state ^= strtoull(getenv("FUZZ_SEED"), NULL, 10) * 0x2545f4914f6cdd1d;
	unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 0, done = 0;
	for (int i = 2; i < argc; i++) {
		size_t size = read_input(argv[i], original);
		try_input(original, size);
		done++;
		for (unsigned long k = 0; k < count; k++, done++) {
			memcpy(mutant, original, size);
			try_input(mutant, mutate(mutant, size));
		}
	}
	if (getenv("FUZZ_KEEP")) unlink(getenv("FUZZ_KEEP"));
	printf("%lu executions\n", done);
	return 0;
}
