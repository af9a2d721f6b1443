/*
 * Unpacks one image layer into a folder: `tcompose-launcher unpack DIR`, records on standard input (engine/launcher/unpack.ts
 * writes them and knows the tar format; nothing of it is known here). A failure is one line on standard output: errno, step, path.
 *
 * Invariant: nothing outside DIR is touched, whatever the records say. Parents are resolved by openat2(RESOLVE_IN_ROOT) to a
 * descriptor; the last component is only ever used relative to that descriptor, and never followed.
 */
#include "launcher.h"
#include "records.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define OPAQUE "trusted.overlay.opaque"
#define BUFFER_BYTES (1u << 20)
#define HEAD_BYTES_MAX (16u << 20)

struct record {
  struct head head;
  char *path, *link;
  uint8_t *xattrs, *segments;
};

struct folder_time {
  struct folder_time *next;
  struct timespec at;
  char path[];
};

/* What an `unpack` operation asks for (ops.ts); a layer asks for nothing. */
enum { KEEP_KINDS = 1, CALLER_OWNS = 2, CROSS_MOUNTS = 4 };
static uint64_t wishes;

static int root = -1;
static struct folder_time *folder_times;
static uint8_t buffer[BUFFER_BYTES];
static size_t buffer_at, buffer_end;

/* The parent of the last entry stays open: archives are written folder by folder. */
static int parent_fd = -1;
static char *parent_path;

static const char *current_path = "";

static _Noreturn void fail(const char *step, int error) {
  dprintf(STDOUT_FILENO, "%d %s %s", error, step, current_path);
  _exit(1);
}

static void *allocate(size_t bytes) {
  void *memory = malloc(bytes ? bytes : 1);
  if (!memory)
    fail("allocate", ENOMEM);
  return memory;
}

/* ---- input */

static void fill(void) {
  ssize_t got;
  do
    got = read(STDIN_FILENO, buffer, sizeof buffer);
  while (got < 0 && errno == EINTR);
  if (got <= 0) /* the writer died or gave up: whoever finds the folder sees no layer.json */
    fail("read", got < 0 ? errno : EPIPE);
  buffer_at = 0;
  buffer_end = (size_t)got;
}

static void take(void *into, size_t bytes) {
  for (uint8_t *to = into; bytes > 0;) {
    if (buffer_at == buffer_end)
      fill();
    size_t part = buffer_end - buffer_at < bytes ? buffer_end - buffer_at : bytes;
    memcpy(to, buffer + buffer_at, part);
    buffer_at += part;
    to += part;
    bytes -= part;
  }
}

static void take_record(struct record *record) {
  static uint8_t *rest;
  static size_t rest_bytes;
  struct head *head = &record->head;
  take(head, sizeof *head);
  uint64_t wanted = (uint64_t)head->path_length + 1 + head->link_length + 1 + head->xattrs_length + (uint64_t)head->segments * 16;
  if (head->length > HEAD_BYTES_MAX || head->length != sizeof *head + wanted)
    fail("frame", EPROTO);
  if (wanted > rest_bytes) {
    current_path = "";
    free(rest);
    rest = allocate(wanted);
    rest_bytes = wanted;
  }
  take(rest, wanted);
  record->path = (char *)rest;
  record->link = record->path + head->path_length + 1;
  record->xattrs = (uint8_t *)record->link + head->link_length + 1;
  record->segments = record->xattrs + head->xattrs_length;
  if (record->path[head->path_length] || record->link[head->link_length])
    fail("frame", EPROTO);
  current_path = record->path;
}

/* ---- resolving */

/* EAGAIN: something was renamed somewhere on the machine while a link with `..` was resolved (openat2(2)). */
static int open_inside(const char *path, int flags) {
  struct open_how how = { .flags = (uint64_t)flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | (wishes & CROSS_MOUNTS ? 0 : RESOLVE_NO_XDEV) };
  int fd, tries = 0;
  do
    fd = (int)syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof how);
  while (fd < 0 && (errno == EAGAIN || errno == EINTR) && ++tries < 10000);
  return fd;
}

static int is_whiteout(const struct stat *at) {
  return S_ISCHR(at->st_mode) && at->st_rdev == makedev(0, 0);
}

static void forget_parent(void) {
  if (parent_fd >= 0 && parent_fd != root)
    close(parent_fd);
  free(parent_path);
  parent_fd = -1;
  parent_path = NULL;
}

/* Removes a tree without following anything. One descriptor a level: what is too deep for that fails, and so does the layer. */
static void remove_tree(int dir, const char *name) {
  if (unlinkat(dir, name, 0) == 0)
    return;
  if (errno != EISDIR && errno != EPERM)
    fail("replace", errno);
  int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *entries = fd < 0 ? NULL : fdopendir(fd);
  if (!entries)
    fail("replace", errno);
  for (struct dirent *entry; (entry = readdir(entries));)
    if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
      remove_tree(dirfd(entries), entry->d_name);
  closedir(entries);
  if (unlinkat(dir, name, AT_REMOVEDIR) < 0)
    fail("replace", errno);
}

static void make_room(int dir, const char *name) {
  struct stat at;
  if (fstatat(dir, name, &at, AT_SYMLINK_NOFOLLOW) == 0 && wishes & KEEP_KINDS && S_ISDIR(at.st_mode))
    fail("over-folder", EISDIR);
  else if (fstatat(dir, name, &at, AT_SYMLINK_NOFOLLOW) == 0)
    remove_tree(dir, name);
  else if (errno != ENOENT)
    fail("replace", errno);
}

/* Lower layers' folder of that name must not shine through a folder that this layer first removed and then made anew. */
static void make_opaque(int fd) {
  if (fsetxattr(fd, OPAQUE, "y", 1, 0) < 0)
    fail("opaque", errno);
}

/* A folder called `name`, merged with one that is there; anything else in its place is replaced. Returns it open. */
static int make_folder(int dir, const char *name, mode_t mode) {
  struct stat at;
  int replaces_whiteout = 0;
  if (mkdirat(dir, name, mode) < 0) {
    if (errno != EEXIST || fstatat(dir, name, &at, AT_SYMLINK_NOFOLLOW) < 0)
      fail("mkdir", errno);
    if (!S_ISDIR(at.st_mode)) {
      if (wishes & KEEP_KINDS)
        fail("over-file", ENOTDIR);
      replaces_whiteout = is_whiteout(&at);
      make_room(dir, name);
      if (mkdirat(dir, name, mode) < 0)
        fail("mkdir", errno);
    }
  }
  int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    fail("open", errno);
  if (replaces_whiteout)
    make_opaque(fd);
  return fd;
}

/* Makes what is missing of a path, one component at a time: each prefix is resolved anew, since links may lead elsewhere. */
static int make_parents(char *path) {
  int at = root;
  for (char *end = path; *end; end += *end == '/') {
    char *name = end;
    end += strcspn(end, "/");
    char kept = *end;
    struct stat there;
    *end = 0;
    int next = open_inside(path, O_PATH | O_DIRECTORY);
    if (next < 0 && (errno == ENOENT ||
         (errno == ENOTDIR && fstatat(at, name, &there, AT_SYMLINK_NOFOLLOW) == 0 && is_whiteout(&there)))) {
      /* a link that leads nowhere is in the way of what is to be beneath it: as tar, refuse */
      if (fstatat(at, name, &there, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(there.st_mode))
        fail("parent", ENOENT);
      next = make_folder(at, name, 0755);
    }
    if (next < 0)
      fail("parent", errno);
    *end = kept;
    if (at != root)
      close(at);
    at = next;
  }
  return at;
}

static int open_parent(char *path) {
  int fd = open_inside(path, O_PATH | O_DIRECTORY);
  return fd < 0 ? make_parents(path) : fd;
}

/* Splits a path and opens its parent. `name` points into `path`. */
static int enter_parent(char *path, const char **name) {
  char *slash = strrchr(path, '/');
  *name = slash ? slash + 1 : path;
  size_t length = slash ? (size_t)(slash - path) : 0;
  if (parent_path && strlen(parent_path) == length && memcmp(parent_path, path, length) == 0)
    return parent_fd;
  forget_parent();
  parent_path = allocate(length + 1);
  memcpy(parent_path, path, length);
  parent_path[length] = 0;
  parent_fd = length ? open_parent(parent_path) : root;
  return parent_fd;
}

/* ---- attributes */

/* Kernel, file system or policy may not know an attribute; only capabilities matter so much that a layer without is wrong. */
static void set_xattrs(const struct record *record, int fd, const char *path) {
  const uint8_t *at = record->xattrs, *end = at + record->head.xattrs_length;
  while (end - at >= 8) {
    uint32_t name_length, value_length;
    memcpy(&name_length, at, 4);
    memcpy(&value_length, at + 4, 4);
    at += 8;
    if ((uint64_t)(end - at) < (uint64_t)name_length + value_length || !name_length || at[name_length - 1])
      fail("frame", EPROTO);
    const char *name = (const char *)at;
    const uint8_t *value = at + name_length;
    int failed = path ? lsetxattr(path, name, value, value_length, 0) : fsetxattr(fd, name, value, value_length, 0);
    if (failed && (strcmp(name, "security.capability") == 0 || (errno != ENOTSUP && errno != EPERM)))
      fail("xattr", errno);
    at = value + value_length;
  }
}

static struct timespec mtime_of(const struct record *record) {
  return (struct timespec){ .tv_sec = record->head.mtime_sec, .tv_nsec = record->head.mtime_nsec };
}

/* Owner first: a change of owner clears set-id bits and capabilities. */
static void set_attributes(const struct record *record, int fd) {
  if (!(wishes & CALLER_OWNS) && fchown(fd, record->head.uid, record->head.gid) < 0)
    fail("chown", errno);
  set_xattrs(record, fd, NULL);
  if (fchmod(fd, record->head.mode & 07777) < 0)
    fail("chmod", errno);
}

/* For what cannot be opened: links, devices, pipes. The name was made by us a moment ago and is not followed. */
static void set_attributes_at(const struct record *record, int dir, const char *name) {
  struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, mtime_of(record) };
  if (!(wishes & CALLER_OWNS) && fchownat(dir, name, record->head.uid, record->head.gid, AT_SYMLINK_NOFOLLOW) < 0)
    fail("chown", errno);
  if (record->head.xattrs_length) {
    /* By way of the working folder: /proc may be a container's. */
    if (fchdir(dir) < 0)
      fail("chdir", errno);
    set_xattrs(record, -1, name);
  }
  if (record->head.kind != 'l' && fchmodat(dir, name, record->head.mode & 07777, 0) < 0)
    fail("chmod", errno);
  if (utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
    fail("utimes", errno);
}

/* ---- kinds of records */

static void put_folder(const struct record *record, int dir, const char *name) {
  int is_root = !*record->path;
  int fd = is_root ? root : make_folder(dir, name, 0700);
  set_attributes(record, fd);
  if (!is_root)
    close(fd);
  /* Entries to come would change it again: times of folders are set at the end. */
  struct folder_time *later = allocate(sizeof *later + strlen(record->path) + 1);
  strcpy(later->path, record->path);
  later->at = mtime_of(record);
  later->next = folder_times;
  folder_times = later;
}

static void write_data(int fd, uint64_t offset, uint64_t bytes) {
  while (bytes > 0) {
    if (buffer_at == buffer_end)
      fill();
    size_t part = buffer_end - buffer_at < bytes ? buffer_end - buffer_at : (size_t)bytes;
    ssize_t put = pwrite(fd, buffer + buffer_at, part, (off_t)offset);
    if (put < 0 && errno == EINTR)
      continue;
    if (put <= 0)
      fail("write", put < 0 ? errno : ENOSPC);
    buffer_at += (size_t)put;
    offset += (uint64_t)put;
    bytes -= (uint64_t)put;
  }
}

static void put_file(const struct record *record, int dir, const char *name) {
  const int flags = O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC;
  int fd = openat(dir, name, flags, 0600);
  if (fd < 0 && errno == EEXIST) {
    make_room(dir, name);
    fd = openat(dir, name, flags, 0600);
  }
  if (fd < 0)
    fail("create", errno);
  uint64_t left = record->head.stored;
  for (uint32_t i = 0; i < record->head.segments; i++) {
    uint64_t segment[2];
    memcpy(segment, record->segments + i * 16, 16);
    if (segment[1] > left)
      fail("frame", EPROTO);
    write_data(fd, segment[0], segment[1]);
    left -= segment[1];
  }
  write_data(fd, 0, left);
  if (record->head.size != record->head.stored && ftruncate(fd, (off_t)record->head.size) < 0)
    fail("write", errno);
  struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, mtime_of(record) };
  set_attributes(record, fd);
  if (futimens(fd, times) < 0)
    fail("utimes", errno);
  if (close(fd) < 0)
    fail("write", errno);
}

static void put_symlink(const struct record *record, int dir, const char *name) {
  make_room(dir, name);
  if (symlinkat(record->link, dir, name) < 0)
    fail("symlink", errno);
  set_attributes_at(record, dir, name);
}

static void put_hard_link(const struct record *record, int dir, const char *name) {
  struct stat at, target_at;
  char *slash = strrchr(record->link, '/');
  const char *target = slash ? slash + 1 : record->link;
  if (slash)
    *slash = 0;
  int target_dir = open_inside(slash ? record->link : "", O_PATH | O_DIRECTORY);
  if (target_dir < 0 || fstatat(target_dir, target, &target_at, AT_SYMLINK_NOFOLLOW) < 0)
    fail("link", errno);
  int is_there = fstatat(dir, name, &at, AT_SYMLINK_NOFOLLOW) == 0;
  if (!is_there || at.st_ino != target_at.st_ino || at.st_dev != target_at.st_dev) {
    make_room(dir, name);
    if (linkat(target_dir, target, dir, name, 0) < 0)
      fail("link", errno);
  }
  close(target_dir);
}

static void put_node(const struct record *record, int dir, const char *name) {
  mode_t type = record->head.kind == 'c' ? S_IFCHR : record->head.kind == 'b' ? S_IFBLK : S_IFIFO;
  make_room(dir, name);
  if (mknodat(dir, name, type | 0600, makedev(record->head.major, record->head.minor)) < 0)
    fail("mknod", errno);
  set_attributes_at(record, dir, name);
}

/* A whiteout hides what lower layers have, never what this one has, whichever came first (OCI image-spec, layer.md). */
static void put_whiteout(const struct record *record, int dir, const char *name) {
  struct stat at;
  (void)record;
  if (mknodat(dir, name, S_IFCHR, makedev(0, 0)) == 0)
    return;
  if (errno != EEXIST || fstatat(dir, name, &at, AT_SYMLINK_NOFOLLOW) < 0)
    fail("whiteout", errno);
  if (!S_ISDIR(at.st_mode))
    return;
  int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    fail("open", errno);
  make_opaque(fd);
  close(fd);
}

static void put_opaque(const struct record *record, int dir, const char *name) {
  int fd = *record->path ? make_folder(dir, name, 0755) : root;
  make_opaque(fd);
  if (fd != root)
    close(fd);
}

static const struct {
  uint32_t kind;
  void (*put)(const struct record *, int dir, const char *name);
} records[] = {
  { 'd', put_folder }, { 'f', put_file }, { 'l', put_symlink },  { 'h', put_hard_link }, { 'c', put_node },
  { 'b', put_node },   { 'p', put_node }, { 'w', put_whiteout }, { 'o', put_opaque },
};

static void put(struct record *record) {
  const char *name;
  int dir = enter_parent(record->path, &name);
  for (size_t i = 0; i < sizeof records / sizeof *records; i++)
    if (records[i].kind == record->head.kind) {
      records[i].put(record, dir, name);
      return;
    }
  fail("frame", EPROTO);
}

/* Latest first in the list: of two entries of one folder only the last may count, so set it last. */
static void set_folder_times(void) {
  struct folder_time *reversed = NULL;
  for (struct folder_time *next; folder_times; folder_times = next) {
    next = folder_times->next;
    folder_times->next = reversed;
    reversed = folder_times;
  }
  for (struct folder_time *next; reversed; reversed = next) {
    struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, reversed->at };
    current_path = reversed->path;
    int fd = open_inside(reversed->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (fd >= 0 && futimens(fd, times) < 0)
      fail("utimes", errno);
    if (fd >= 0) /* else it was replaced by something else later in the archive */
      close(fd);
    next = reversed->next;
    free(reversed);
  }
}

static int unpack_all(void) {
  struct record record;
  umask(0);
  for (take_record(&record); record.head.kind != 'e'; take_record(&record))
    put(&record);
  set_folder_times();
  return 0;
}

/* Never returns: like `exec`, the rest of the program is another's. */
int op_unpack(struct run *run, const struct value *v) { /* root flags */
  (void)run;
  int slot = slot_fd(v[0].number);
  if (slot < 0)
    return slot;
  wishes = v[1].number;
  /* To be read as well: a slot is often opened for paths only. */
  root = openat(slot, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (root < 0)
    fail("open", errno);
  _exit(unpack_all());
}

int unpack_main(int argc, char **argv) {
  if (argc != 3)
    fail("usage", EINVAL);
  root = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (root < 0)
    fail("open", errno);
  return unpack_all();
}
