// The C interface over one Heap. Not part of the addon: of the shared object that replaces malloc, and of the tests.
#include "slab/freestone.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "slab/slab.h"

namespace {

using freestone::base::SpinLock;
using freestone::slab::aligned_class_of;
using freestone::slab::Freed;
using freestone::slab::Heap;
using freestone::slab::kClasses;
using freestone::slab::kMaxUnit;
using freestone::slab::LocalHeap;
using freestone::slab::Space;
using freestone::slab::wide_class_of;

/// What is asked for while the heap itself is being made, by the thread that makes it: nothing of it is ever reused.
class Cradle {
 public:
  /// @param alignment a power of two, at least 16
  [[nodiscard]] void* take(size_t size, size_t alignment) noexcept {
    if (size > sizeof(bytes_) || alignment > sizeof(bytes_)) return nullptr;
    const size_t needed = size + alignment + 16;
    // Relaxed: each caller gets bytes of its own.
    const size_t at = used_.fetch_add(needed, std::memory_order_relaxed);
    if (at + needed > sizeof(bytes_)) return nullptr;
    const uintptr_t least = reinterpret_cast<uintptr_t>(bytes_) + at + 16;
    auto* const block = reinterpret_cast<uint8_t*>((least + alignment - 1) & ~(alignment - 1));
    std::memcpy(block - 16, &size, sizeof(size));
    return block;
  }
  [[nodiscard]] bool holds(const void* block) const noexcept {
    return reinterpret_cast<uintptr_t>(block) - reinterpret_cast<uintptr_t>(bytes_) < sizeof(bytes_);
  }
  [[nodiscard]] static size_t size_of(const void* block) noexcept {
    size_t size = 0;
    std::memcpy(&size, static_cast<const uint8_t*>(block) - 16, sizeof(size));
    return size;
  }

 private:
  alignas(16) uint8_t bytes_[512 * 1024] = {};
  std::atomic<size_t> used_{0};
};

constinit Cradle cradle;
/// The heap, once it is there. Release and acquire: who sees it sees all of it.
constinit std::atomic<Heap*> process_heap{nullptr};
constinit SpinLock making_heap;

constinit thread_local LocalHeap* local = nullptr;
constinit thread_local bool is_making = false;
/// The thread's destructors have run: what it still asks for is served by a local heap that it gives back at once.
constinit thread_local bool is_ending = false;

struct Leaver {
  bool armed = false;
  ~Leaver() {
    is_ending = true;
    if (local != nullptr) process_heap.load(std::memory_order_acquire)->release_local(local);
    local = nullptr;
  }
};
thread_local Leaver leaver;

Heap* make_heap() noexcept {
  const std::lock_guard guard(making_heap);
  if (Heap* const made = process_heap.load(std::memory_order_acquire); made != nullptr) return made;
  is_making = true;
  Heap* heap = nullptr;
  if (auto space = Space::process(); space.ok()) {
    if (auto made = Heap::make({}, space.take()); made.ok()) {
      // A reference that is never given up: threads may free while the process ends.
      static freestone::base::Ref<Heap>* kept = nullptr;
      kept = new (std::nothrow) freestone::base::Ref<Heap>(made.take());
      heap = kept == nullptr ? nullptr : kept->get();
    }
  }
  is_making = false;
  process_heap.store(heap, std::memory_order_release);
  return heap;
}

[[nodiscard]] Heap* the_heap() noexcept {
  Heap* const heap = process_heap.load(std::memory_order_acquire);
  return heap != nullptr ? heap : make_heap();
}

/// The calling thread's local heap for the length of one call.
class Turn {
 public:
  Turn() noexcept : local_(local) {
    if (local_ != nullptr) return;
    Heap* const heap = the_heap();
    if (heap == nullptr) return;
    local_ = heap->acquire_local();
    returns_ = is_ending;
    if (returns_ || local_ == nullptr) return;
    local = local_;
    // Last: noting the destructor allocates.
    leaver.armed = true;
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    if (returns_ && local_ != nullptr) process_heap.load(std::memory_order_acquire)->release_local(local_);
  }
  [[nodiscard]] LocalHeap* get() const noexcept { return local_; }

 private:
  LocalHeap* local_;
  bool returns_ = false;
};

void* out_of_memory() noexcept {
  errno = ENOMEM;
  return nullptr;
}

// Not inline: what they save on the stack is not for those who never come here.

[[gnu::noinline]] void* search(LocalHeap* mine, uint32_t class_index) noexcept {
  const int error = errno;
  void* const block = mine->alloc_slowly(class_index);
  if (block == nullptr) return out_of_memory();
  errno = error;
  return block;
}

[[gnu::noinline]] void* allocate_slowly(size_t size, size_t alignment, bool zeroed) noexcept {
  if (is_making) return cradle.take(size, alignment < 16 ? 16 : alignment);
  const int error = errno;
  const uint32_t class_index = size > kMaxUnit   ? kClasses
                               : alignment <= 16 ? wide_class_of(size)
                                                 : aligned_class_of(size, alignment);
  void* block = nullptr;
  if (class_index < kClasses) {
    const Turn turn;
    if (turn.get() != nullptr) block = turn.get()->alloc(class_index);
    if (block != nullptr && zeroed) std::memset(block, 0, size);
  } else if (Heap* const heap = the_heap(); heap != nullptr) {
    const auto made = heap->large().alloc(size, alignment, zeroed);
    if (made.ok()) block = made.value();
  }
  if (block == nullptr) return out_of_memory();
  errno = error;
  return block;
}

[[gnu::noinline]] void free_slowly(void* block) noexcept {
  if (cradle.holds(block)) return;
  const int error = errno;
  Freed freed = Freed::kInvalid;
  {
    const Turn turn;
    if (turn.get() != nullptr) freed = turn.get()->free(block);
  }
  if (freed == Freed::kLarge && the_heap()->large().free(block).ok()) freed = Freed::kDone;
  errno = freed == Freed::kDone ? error : EINVAL;
}

}  // namespace

extern "C" {

void* freestone_malloc(size_t size) {
  LocalHeap* const mine = local;
  if (mine != nullptr && size <= kMaxUnit) [[likely]] {
    const uint32_t class_index = wide_class_of(size);
    void* block = nullptr;
    return mine->alloc_quickly(class_index, block) ? block : search(mine, class_index);
  }
  return allocate_slowly(size, 16, false);
}

void* freestone_calloc(size_t count, size_t size) {
  size_t bytes = 0;
  if (__builtin_mul_overflow(count, size, &bytes)) return out_of_memory();
  return allocate_slowly(bytes, 16, true);
}

void freestone_free(void* block) {
  LocalHeap* const mine = local;
  if (mine != nullptr && mine->free_quickly(block)) [[likely]]
    return;
  if (block != nullptr) free_slowly(block);
}

size_t freestone_usable_size(const void* block) {
  if (block == nullptr) return 0;
  if (cradle.holds(block)) return Cradle::size_of(block);
  Heap* const heap = process_heap.load(std::memory_order_acquire);
  if (heap == nullptr) return 0;
  const auto size = heap->usable_size(block);
  return size.ok() ? size.value() : 0;
}

void* freestone_realloc(void* block, size_t size) {
  if (block == nullptr) return freestone_malloc(size);
  if (size == 0) {
    freestone_free(block);
    return nullptr;
  }
  const size_t usable = freestone_usable_size(block);
  if (usable == 0) {
    errno = EINVAL;
    return nullptr;
  }
  if (size <= usable && size >= usable / 2) return block;
  void* const moved = freestone_malloc(size);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, block, std::min(size, usable));
  freestone_free(block);
  return moved;
}

void* freestone_aligned_alloc(size_t alignment, size_t size) {
  if (!freestone::base::is_power_of_two(alignment)) {
    errno = EINVAL;
    return nullptr;
  }
  return allocate_slowly(std::max<size_t>(size, 1), alignment, false);
}

size_t freestone_trim(void) {
  Heap* const heap = the_heap();
  if (heap == nullptr) return 0;
  const uint64_t own = local == nullptr ? 0 : local->trim();
  return static_cast<size_t>(own + heap->trim());
}

void freestone_prepare_fork(void) {
  Heap* const heap = the_heap();
  if (heap == nullptr) return;
  // In the order in which allocating takes them.
  heap->lock().lock();
  heap->large().lock().lock();
  heap->space().lock().lock();
}

void freestone_after_fork(void) {
  Heap* const heap = process_heap.load(std::memory_order_acquire);
  if (heap == nullptr) return;
  heap->space().lock().unlock();
  heap->large().lock().unlock();
  heap->lock().unlock();
}
}
