#pragma once
// A heap: 44 classes of units to 128 KiB and large blocks above.
//   threads: any when `Config::thread_safe`, else one at a time; but `close` only once nobody will begin a call, except
//   `free`, which may race with it and is refused then. Threads share 16 lanes, each a local heap with a lock; what one
//   lane allocated any other may free.
//   memory: segments and blocks of the Space, which go back to it at the latest when the heap is closed.
#include "slab/config.h"
#include "slab/debug.h"

namespace freestone::slab {

class Heap : public base::Shared<Heap> {
 public:
  /// `kInvalidSize` or `kInvalidArgument` for a growth out of range, `kOutOfMemory`.
  [[nodiscard]] static base::Result<base::Ref<Heap>> make(const Config& config, base::Ref<Space> space) noexcept;

  /// At least `size` bytes, aligned to 8. Their content is anything. When it fails nothing has
  /// changed: `kInvalidSize` for 0, `kOutOfMemory`, `kLimitExceeded`, `kClosed`.
  /// @param site any number that says who asked; kept in debug mode
  [[nodiscard]] base::Result<void*> alloc(size_t size, uint64_t site = 0) noexcept;
  /// As `alloc`; also `kInvalidAlignment` unless it is a power of two up to 4 GiB.
  [[nodiscard]] base::Result<void*> alloc_aligned(size_t size, size_t alignment, uint64_t site = 0) noexcept;
  /// As `alloc`, zero.
  [[nodiscard]] base::Result<void*> calloc(size_t size, uint64_t site = 0) noexcept;
  /// Where the block is now, with the content that fits; in place when its unit fits and is not too large. On failure
  /// the block is as it was.
  [[nodiscard]] base::Result<void*> realloc(void* block, size_t size, uint64_t site = 0) noexcept;
  /// `kInvalidAddress` for what is not the start of a live block of this heap: foreign, inner and double frees. Of
  /// several threads that free one block, one succeeds; if one of them is in the lane that allocated it, at the same
  /// instant, perhaps two, and the block is free once all the same. In debug mode `kOverlap` when the bytes behind the
  /// block were written.
  [[nodiscard]] base::Status free(void* block) noexcept;

  /// `into.size()` blocks of `size`, or none. One lock for all.
  [[nodiscard]] base::Status alloc_many(size_t size, std::span<void*> into, uint64_t site = 0) noexcept;
  /// Frees all that are live blocks, and returns how many: the others are passed over.
  size_t free_many(std::span<void* const> blocks) noexcept;

  /// Bytes that may be used of a live block: what its unit holds. `kInvalidAddress`.
  [[nodiscard]] base::Result<size_t> usable_size(const void* block) const noexcept;
  /// Whether `free` would accept it.
  [[nodiscard]] bool owns(const void* block) const noexcept { return usable_size(block).ok(); }

  /// Ends every block.
  void free_all() noexcept;
  /// Gives what is kept and not used back to the Space, and to the system what is free there and the pages of segments
  /// in which no unit is live. Returns the bytes that went to the system.
  uint64_t trim() noexcept;
  /// Ends every block and the heap: what is called from now on gives `kClosed`. A second call does nothing.
  void close() noexcept;
  [[nodiscard]] bool thread_safe() const noexcept { return config_.thread_safe; }
  [[nodiscard]] bool closed() const noexcept { return closed_.load(std::memory_order_relaxed); }

  /// Calls `visit(context, address, bytes)` for every live block, units by address and then large ones. `visit` must
  /// not use the heap. Blocks that come or go meanwhile may or may not be met.
  using Visit = void (*)(void* context, uint8_t* address, uint64_t bytes) noexcept;
  void walk(Visit visit, void* context) noexcept;
  [[nodiscard]] Stats stats() noexcept;
  /// Walks all five layers and checks each bitmap against what is above it. No other thread may use a heap of the
  /// Space. `kOverlap` says what contradicts what.
  [[nodiscard]] base::Status validate() noexcept;

  [[nodiscard]] Debug* debug() const noexcept { return debug_; }
  [[nodiscard]] Space& space() const noexcept { return *space_; }
  [[nodiscard]] LargeBlocks& large() noexcept { return large_; }

  /// A local heap for a caller that keeps to one thread itself and so needs no lock; null when there is no memory. One
  /// that was given back comes first.
  [[nodiscard]] LocalHeap* acquire_local() noexcept;
  /// What it holds stays with it, for the next who acquires.
  void release_local(LocalHeap* local) noexcept;
  /// Guards the list of local heaps. Held across fork.
  [[nodiscard]] base::SpinLock& lock() noexcept { return lock_; }

  // For the tiers between: segments and bytes against the limit.

  [[nodiscard]] base::Result<RecordIndex> make_segment(uint32_t class_index, LocalHeap* owner) noexcept;
  /// Returns the bytes that went back to the system.
  uint64_t end_segment(Slab& first) noexcept;
  [[nodiscard]] base::Status charge(uint64_t bytes) noexcept;
  void discharge(uint64_t bytes) noexcept;

 private:
  friend class base::Ref<Heap>;

  static constexpr uint32_t kLanes = 16;

  struct alignas(64) Lane {
    base::SpinLock lock;
    LocalHeap* local = nullptr;
  };

  /// The calling thread's lane, locked where threads may meet.
  class Turn {
   public:
    explicit Turn(Heap& heap) noexcept;
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
      if (locked_) lane_.lock.unlock();
    }
    /// Null when the heap is closed or has no memory for one.
    [[nodiscard]] LocalHeap* local() const noexcept { return local_; }

   private:
    Lane& lane_;
    LocalHeap* local_ = nullptr;
    const bool locked_;
  };

  Heap(const Config& config, base::Ref<Space> space) noexcept;
  ~Heap();

  [[nodiscard]] base::Result<void*> get(size_t size, size_t alignment, bool zeroed) noexcept;
  [[nodiscard]] base::Status put(void* block) noexcept;
  [[nodiscard]] base::Status unavailable() const noexcept;
  /// What the unit or block that begins there holds; 0 when none does.
  [[nodiscard]] uint64_t usable_of(const void* block) const noexcept;
  /// Calls `work(local)` for every local heap, each under its lane's lock.
  template <typename Work>
  void each_local(Work work) noexcept;
  void add(Lane& lane) noexcept;

  const Config config_;
  const base::Ref<Space> space_;
  LargeBlocks large_;
  ArenaGroup* group_ = nullptr;
  Debug* debug_ = nullptr;
  /// Relaxed: counts that order nothing.
  std::atomic<uint64_t> held_{0};
  std::atomic<uint64_t> refused_{0};
  /// Written under every lane's lock, and read under one.
  std::atomic<bool> closed_{false};
  base::SpinLock lock_;
  LocalHeap* locals_ = nullptr;
  LocalHeap* idle_ = nullptr;
  Lane lanes_[kLanes];
};

}  // namespace freestone::slab
