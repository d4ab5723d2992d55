#include "slab/freestone.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>

namespace {

/// The heap of the process is never given up, and what it holds through mapped memory looks lost.
const bool heap_is_made = [] {
  __lsan_disable();
  freestone_free(freestone_malloc(1));
  __lsan_enable();
  return true;
}();

}  // namespace
#endif

TEST_CASE("the C interface: sizes, alignments, zeros, moves and errno") {
  for (const size_t size :
       {size_t{0}, size_t{1}, size_t{24}, size_t{1000}, size_t{131072}, size_t{131073}, size_t{3} << 20}) {
    void* block = freestone_malloc(size);
    REQUIRE(block != nullptr);
    CHECK(reinterpret_cast<uintptr_t>(block) % 16 == 0);
    CHECK(freestone_usable_size(block) >= size);
    std::memset(block, 0x5A, size);
    block = freestone_realloc(block, size * 2 + 1);
    REQUIRE(block != nullptr);
    const auto* const bytes = static_cast<const uint8_t*>(block);
    CHECK(std::all_of(bytes, bytes + size, [](uint8_t byte) { return byte == 0x5A; }));
    errno = 0;
    freestone_free(block);
    CHECK(errno == 0);
    freestone_free(block);
    CHECK(errno == EINVAL);
    CHECK(freestone_usable_size(block) == 0);
    CHECK(freestone_realloc(block, 8) == nullptr);
  }
  for (size_t alignment = 1; alignment <= size_t{1} << 22; alignment *= 2) {
    void* const block = freestone_aligned_alloc(alignment, 100);
    REQUIRE(block != nullptr);
    CHECK(reinterpret_cast<uintptr_t>(block) % alignment == 0);
    freestone_free(block);
  }
  auto* const zeros = static_cast<uint8_t*>(freestone_calloc(1000, 1000));
  REQUIRE(zeros != nullptr);
  CHECK(std::all_of(zeros, zeros + 1000000, [](uint8_t byte) { return byte == 0; }));
  freestone_free(zeros);
  errno = 0;
  CHECK(freestone_calloc(SIZE_MAX / 2, 3) == nullptr);
  CHECK(errno == ENOMEM);
  CHECK(freestone_malloc(SIZE_MAX) == nullptr);
  errno = 0;
  CHECK(freestone_aligned_alloc(48, 8) == nullptr);
  CHECK(errno == EINVAL);
  freestone_free(nullptr);
  int on_stack = 0;
  freestone_free(&on_stack);
  CHECK(errno == EINVAL);
}

TEST_CASE("threads of the C interface come, go, and free what others allocated") {
  std::vector<void*> left;
  for (int round = 0; round < 20; ++round) {
    std::vector<std::vector<void*>> blocks(4);
    std::vector<std::thread> threads;
    for (auto& list : blocks) {
      threads.emplace_back([&list] {
        for (size_t i = 0; i < 500; ++i) {
          list.push_back(freestone_malloc(1 + i * 7));
          std::memset(list.back(), 1, 1 + i * 7);
        }
        for (size_t i = 0; i < 250; ++i) freestone_free(list[i]);
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (auto& list : blocks) left.insert(left.end(), list.begin() + 250, list.end());
    if (round % 2 == 1) {
      int error = 0;
      std::thread([&left, &error] {
        errno = 0;
        for (void* const block : left) freestone_free(block);
        error = errno;
      }).join();
      CHECK(error == 0);
      left.clear();
    }
  }
}
