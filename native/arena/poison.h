#pragma once
// Tells AddressSanitizer, where it is, which bytes may be touched.
//   threads: any.    memory: none.
#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define FREESTONE_HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FREESTONE_HAS_ASAN 1
#endif
#endif
#if defined(FREESTONE_HAS_ASAN)
#include <sanitizer/asan_interface.h>
#endif

namespace freestone::arena {

#if defined(FREESTONE_HAS_ASAN)
inline constexpr bool kPoisons = true;
inline void poison(const void* address, size_t size) noexcept { __asan_poison_memory_region(address, size); }
inline void unpoison(const void* address, size_t size) noexcept { __asan_unpoison_memory_region(address, size); }
#else
inline constexpr bool kPoisons = false;
inline void poison(const void*, size_t) noexcept {}
inline void unpoison(const void*, size_t) noexcept {}
#endif

}  // namespace freestone::arena
