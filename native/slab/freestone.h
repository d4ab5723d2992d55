#ifndef FREESTONE_H
#define FREESTONE_H
/* The slab heap for C: one heap for the process, a local one without a lock for each thread.
 *   threads: any, also while they end.   memory: as malloc of the C library: a block belongs to whoever has its
 * address. fork: a child that was forked by a process with several threads may allocate, if freestone_prepare_fork was
 * installed (the shared object does that). */
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define FREESTONE_API __attribute__((visibility("default")))
#else
#define FREESTONE_API
#endif

/* At least `size` bytes at a multiple of 16; for 0 as for 1. NULL with errno ENOMEM when there are none, or for more
 * than 4 GiB. Their content is anything. */
FREESTONE_API void* freestone_malloc(size_t size);
/* As freestone_malloc(count * size), zero; NULL when the product overflows. */
FREESTONE_API void* freestone_calloc(size_t count, size_t size);
/* `block` with another size, here or elsewhere, with the content that fits. NULL allocates; size 0 frees and gives
 * NULL. On failure NULL with errno ENOMEM, or EINVAL for what is no block, and the block is as it was. */
FREESTONE_API void* freestone_realloc(void* block, size_t size);
/* NULL is nothing. What is not the start of a live block is refused: errno is EINVAL and nothing changes. */
FREESTONE_API void freestone_free(void* block);
/* At a multiple of `alignment`, a power of two up to 4 GiB; else NULL with errno EINVAL. */
FREESTONE_API void* freestone_aligned_alloc(size_t alignment, size_t size);
/* How many bytes the block holds; 0 for what is no live block. */
FREESTONE_API size_t freestone_usable_size(const void* block);
/* Gives unused memory of the calling thread and of ended ones back. Returns bytes. */
FREESTONE_API size_t freestone_trim(void);

/* For pthread_atfork: the locks are held from the first call to one of the others. */
FREESTONE_API void freestone_prepare_fork(void);
FREESTONE_API void freestone_after_fork(void);

#ifdef __cplusplus
}
#endif

#endif
