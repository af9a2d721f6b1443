/* Two clocks, and the time of day as Go prints it. */
#include "supervise.h"
#include <stdio.h>

uint64_t now_ms(void) {
	struct timespec now;
	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct timespec time_of_day(void) {
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return now;
}

/* Of two deadlines; 0: never. */
uint64_t earliest(uint64_t one, uint64_t other) {
	if (!one || !other) return one ? one : other;
	return one < other ? one : other;
}

/* RFC 3339 with as many digits of the nanoseconds as are not zeros at the end, UTC. */
void format_time(struct timespec time, char text[static 36]) {
	struct tm parts;
	gmtime_r(&time.tv_sec, &parts);
	size_t length = strftime(text, 36, "%Y-%m-%dT%H:%M:%S", &parts);
	if (time.tv_nsec) {
		length += (size_t)snprintf(text + length, 36 - length, ".%09ld", time.tv_nsec % 1000000000);
		while (text[length - 1] == '0') length--;
	}
	text[length] = 'Z';
	text[length + 1] = '\0';
}
