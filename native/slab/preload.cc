// malloc and its kin over the C interface, for a shared object that is loaded before a program:
//   LD_PRELOAD=freestone_malloc.so program
#include <pthread.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>

#include "slab/freestone.h"

namespace {

constexpr size_t kPage = 4096;

__attribute__((constructor)) void install() {
  pthread_atfork(freestone_prepare_fork, freestone_after_fork, freestone_after_fork);
}

}  // namespace

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"

extern "C" {

FREESTONE_API void* malloc(size_t size) noexcept { return freestone_malloc(size); }
FREESTONE_API void* calloc(size_t count, size_t size) noexcept { return freestone_calloc(count, size); }
FREESTONE_API void* realloc(void* block, size_t size) noexcept { return freestone_realloc(block, size); }
FREESTONE_API void free(void* block) noexcept { freestone_free(block); }
FREESTONE_API size_t malloc_usable_size(void* block) noexcept { return freestone_usable_size(block); }
FREESTONE_API int malloc_trim(size_t) noexcept { return freestone_trim() > 0 ? 1 : 0; }

FREESTONE_API void* reallocarray(void* block, size_t count, size_t size) noexcept {
  size_t bytes = 0;
  if (!__builtin_mul_overflow(count, size, &bytes)) return freestone_realloc(block, bytes);
  errno = ENOMEM;
  return nullptr;
}

FREESTONE_API void* aligned_alloc(size_t alignment, size_t size) noexcept {
  return freestone_aligned_alloc(alignment, size);
}
FREESTONE_API void* memalign(size_t alignment, size_t size) noexcept {
  return freestone_aligned_alloc(alignment, size);
}
FREESTONE_API void* valloc(size_t size) noexcept { return freestone_aligned_alloc(kPage, size); }
FREESTONE_API void* pvalloc(size_t size) noexcept {
  return freestone_aligned_alloc(kPage, (size + kPage - 1) & ~(kPage - 1));
}

FREESTONE_API int posix_memalign(void** into, size_t alignment, size_t size) noexcept {
  if (alignment % sizeof(void*) != 0 || (alignment & (alignment - 1)) != 0 || alignment == 0) return EINVAL;
  const int error = errno;
  void* const block = freestone_aligned_alloc(alignment, size);
  errno = error;
  if (block == nullptr) return ENOMEM;
  *into = block;
  return 0;
}
}

#pragma GCC diagnostic pop
