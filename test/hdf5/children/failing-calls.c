// Lets calls of the system fail for one file of a process: loaded with LD_PRELOAD.
//   FREESTONE_FAULT_FILE      the path of the file, as it is given to open; with * at its end what paths begin with
//   FREESTONE_FAULT_CONTROL   a file of sizeof(struct control) bytes, mapped: what is written to it holds from then on
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { WRITE = 1, READ = 2, TRUNCATE = 4, SYNC = 8, OPEN = 16, ALLOCATE = 32, STAT = 64, CLOSE = 128 };
enum effect { NOTHING = 0, ERROR = 1, SHORT = 2, SHORT_THEN_ERROR = 3 };

struct control {
  uint32_t kinds;   // which calls are counted
  uint32_t effect;
  uint32_t error;
  uint32_t first;   // the first one that is changed, from 1
  uint32_t times;   // and how many in a row
  _Atomic uint32_t calls;
  _Atomic uint32_t hits;
};

static struct control* control;
static const char* path;
static _Atomic unsigned char watched[4096];

__attribute__((constructor)) static void begin(void) {
  path = getenv("FREESTONE_FAULT_FILE");
  const char* name = getenv("FREESTONE_FAULT_CONTROL");
  if (path == NULL || name == NULL) return;
  int (*real)(const char*, int, ...) = dlsym(RTLD_NEXT, "open");
  const int fd = real(name, O_RDWR);
  if (fd < 0) abort();
  void* const mapped = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) abort();
  control = mapped;
}

static int is_watched(int fd) { return fd >= 0 && fd < 4096 && watched[fd]; }

// What is to happen to a call: NOTHING, ERROR (errno is set) or SHORT.
static enum effect next(enum kind kind) {
  if (control == NULL || (control->kinds & kind) == 0) return NOTHING;
  const uint32_t call = atomic_fetch_add(&control->calls, 1) + 1;
  if (control->effect == NOTHING || call < control->first || call - control->first >= control->times) return NOTHING;
  const uint32_t hit = atomic_fetch_add(&control->hits, 1);
  errno = (int)control->error;
  if (control->effect == SHORT_THEN_ERROR) return hit == 0 ? SHORT : ERROR;
  return control->effect;
}

#define REAL(name, type) \
  static type real;      \
  if (real == NULL) real = (type)dlsym(RTLD_NEXT, name)

// A superblock is smaller than a sector, which a device writes whole or not at all: it is not cut. Anything else is cut between
// words: the system cuts between pages.
static size_t cut(size_t count, off_t at) {
  if (at == 0 && count <= 512) return count;
  const size_t half = count / 2 + count % 2;
  const off_t end = (at + (off_t)half) / 8 * 8;
  return end > at ? (size_t)(end - at) : half;
}

#define TRANSFER(name, kind, buffer)                                                 \
  ssize_t name(int fd, buffer data, size_t count, off_t at) {                        \
    typedef ssize_t (*type)(int, buffer, size_t, off_t);                             \
    REAL(#name, type);                                                               \
    const enum effect effect = is_watched(fd) ? next(kind) : NOTHING;                \
    if (effect == ERROR) return -1;                                                  \
    return real(fd, data, effect == SHORT ? cut(count, at) : count, at);             \
  }
TRANSFER(pwrite, WRITE, const void*)
TRANSFER(pwrite64, WRITE, const void*)
TRANSFER(pread, READ, void*)
TRANSFER(pread64, READ, void*)

#define TRANSFER_VECTOR(name, single, kind)                                          \
  ssize_t name(int fd, const struct iovec* parts, int count, off_t at) {             \
    typedef ssize_t (*type)(int, const struct iovec*, int, off_t);                   \
    REAL(#name, type);                                                               \
    const enum effect effect = is_watched(fd) ? next(kind) : NOTHING;                \
    if (effect == ERROR) return -1;                                                  \
    if (effect == NOTHING || count < 1) return real(fd, parts, count, at);           \
    const struct iovec half = {parts[0].iov_base, cut(parts[0].iov_len, at)};        \
    return real(fd, &half, 1, at);                                                   \
  }
TRANSFER_VECTOR(pwritev, pwrite, WRITE)
TRANSFER_VECTOR(pwritev64, pwrite64, WRITE)
TRANSFER_VECTOR(preadv, pread, READ)
TRANSFER_VECTOR(preadv64, pread64, READ)

#define CHANGE(name, kind, parameters, arguments, failure)                           \
  int name parameters {                                                              \
    typedef int(*type) parameters;                                                   \
    REAL(#name, type);                                                               \
    if (is_watched(fd) && next(kind) == ERROR) return failure;                       \
    return real arguments;                                                           \
  }
CHANGE(ftruncate, TRUNCATE, (int fd, off_t size), (fd, size), -1)
CHANGE(ftruncate64, TRUNCATE, (int fd, off_t size), (fd, size), -1)
CHANGE(fsync, SYNC, (int fd), (fd), -1)
CHANGE(fdatasync, SYNC, (int fd), (fd), -1)
CHANGE(fallocate, ALLOCATE, (int fd, int mode, off_t at, off_t size), (fd, mode, at, size), -1)
CHANGE(fallocate64, ALLOCATE, (int fd, int mode, off_t at, off_t size), (fd, mode, at, size), -1)
// These two give the error as their result.
CHANGE(posix_fallocate, ALLOCATE, (int fd, off_t at, off_t size), (fd, at, size), errno)
CHANGE(posix_fallocate64, ALLOCATE, (int fd, off_t at, off_t size), (fd, at, size), errno)
CHANGE(fstat, STAT, (int fd, struct stat* info), (fd, info), -1)
CHANGE(fstat64, STAT, (int fd, struct stat64* info), (fd, info), -1)

int close(int fd) {
  typedef int (*type)(int);
  REAL("close", type);
  if (!is_watched(fd)) return real(fd);
  watched[fd] = 0;
  // Closed it is all the same, as by the system.
  const enum effect effect = next(CLOSE);
  const int error = errno;
  const int result = real(fd);
  if (effect != ERROR) return result;
  errno = error;
  return -1;
}

static int opened(int fd) {
  if (fd >= 0 && fd < 4096) watched[fd] = 1;
  return fd;
}

// Not every closing comes by here: Node's own calls the system.
static int other(int fd) {
  if (fd >= 0 && fd < 4096) watched[fd] = 0;
  return fd;
}

static int is_meant(const char* file) {
  if (path == NULL) return 0;
  const size_t length = strlen(path);
  if (length > 0 && path[length - 1] == '*') return strncmp(path, file, length - 1) == 0;
  return strcmp(path, file) == 0;
}

#define OPEN_CALL(name, parameters, arguments)                                       \
  int name parameters {                                                              \
    typedef int (*type) parameters;                                                  \
    REAL(#name, type);                                                               \
    mode_t mode = 0;                                                                 \
    if (flags & (O_CREAT | O_TMPFILE)) {                                             \
      va_list list;                                                                  \
      va_start(list, flags);                                                         \
      mode = (mode_t)va_arg(list, int);                                              \
      va_end(list);                                                                  \
    }                                                                                \
    if (!is_meant(file)) return other(real arguments);                               \
    return next(OPEN) == ERROR ? -1 : opened(real arguments);                        \
  }
OPEN_CALL(open, (const char* file, int flags, ...), (file, flags, mode))
OPEN_CALL(open64, (const char* file, int flags, ...), (file, flags, mode))
OPEN_CALL(openat, (int folder, const char* file, int flags, ...), (folder, file, flags, mode))
OPEN_CALL(openat64, (int folder, const char* file, int flags, ...), (folder, file, flags, mode))
