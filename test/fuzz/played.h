/* System calls that are only played: what they answer follows from the input, and which descriptors are open is kept book of. */
#ifndef PLAYED_H
#define PLAYED_H

#include <stddef.h>

void played_begin(const void *seed, size_t length);
int played_left(void); /* open descriptors that are no slots */
int played_open(void);
int played_close(int fd);
int played_dup(int from, int to);
int played_result(void);
int played_stat(void *status, size_t size);
long played_syscall(long number, long command);
int played_ioctl(unsigned long request);
void *played_calloc(size_t count, size_t size);
void played_free(void *bytes);
long played_bytes(void *bytes, size_t size);

#endif
