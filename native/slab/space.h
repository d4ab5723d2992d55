#pragma once
// What all heaps share: one region of frames, the directory of it, and the arenas in it.
//   threads: any; one lock, taken for whole segments and large blocks only.
//   memory: address space is reserved when it is made, memory is committed as it is used, and goes back to the system
//   by `purge`. A Space lives until the last heap over it is gone; that of the process for ever.
#include <mutex>

#include "slab/arenas.h"

namespace freestone::slab {

class Space : public base::Shared<Space> {
 public:
  /// Over a region of frames that nobody else uses: frames of at most 64 KiB, at least 64 MiB in all.
  [[nodiscard]] static base::Result<base::Ref<Space>> make(base::Ref<frames::FrameAllocator> frames,
                                                           const System& system = kSystem) noexcept;
  /// Over a new region of so many bytes.
  [[nodiscard]] static base::Result<base::Ref<Space>> make(uint64_t bytes) noexcept;
  /// That of the process: 1 TiB of address space, or as much as half of that, half of it, … as there is. Made by the
  /// first call that succeeds and never destroyed.
  [[nodiscard]] static base::Result<base::Ref<Space>> process() noexcept;

  [[nodiscard]] frames::FrameAllocator& frames() const noexcept { return *frames_; }
  [[nodiscard]] const base::Ref<frames::FrameAllocator>& frames_ref() const noexcept { return frames_; }
  [[nodiscard]] Directory& directory() noexcept { return directory_; }
  [[nodiscard]] const Directory& directory() const noexcept { return directory_; }
  /// To look at, under the lock or alone.
  [[nodiscard]] const Arenas& arenas() const noexcept { return arenas_; }

  /// A segment of empty slabs that belong to `owner`. Its first slab. @param group null: the arenas that all share
  [[nodiscard]] base::Result<RecordIndex> make_segment(uint32_t class_index, LocalHeap* owner, ArenaGroup* group,
                                                       const Growth& growth) noexcept;
  /// Takes a segment out of the directory, so that no thread can begin to free into it.
  void hide_segment(const Slab& first) noexcept;
  /// Ends a hidden segment that no thread visits. Any heap may take its slots next. Returns the bytes that went back to
  /// the system.
  uint64_t end_segment(Slab& first) noexcept;

  /// Bytes of a bit of `Slab::purged`: a page, or a 64th of a segment that has more pages than bits.
  [[nodiscard]] static uint32_t purge_bytes(uint32_t class_index) noexcept;
  /// The bits of `Slab::purged` for the pages that no unit of the segment touches but free ones.
  [[nodiscard]] static uint64_t free_pages_of(const Slab& first) noexcept;
  /// Gives the memory of those pages back that did not go yet. For the owner of the segment, with no cursor into it.
  /// Returns bytes.
  uint64_t purge_free_pages(Slab& first) noexcept;

  /// A block of at least `bytes`, rounded up to pages. `zero` is set to whether its content is.
  [[nodiscard]] base::Result<RecordIndex> make_large(uint64_t bytes, uint64_t alignment, Heap* heap,
                                                     bool& zero) noexcept;
  /// Returns the bytes that went back to the system.
  uint64_t end_large(RecordIndex index) noexcept;

  /// The class of the live unit of `heap` that begins at `pointer`; `kClasses` when none does. Any thread, no lock.
  [[nodiscard]] uint32_t class_at(const void* pointer, const Heap* heap) noexcept;

  /// Gives a heap's own arenas to everyone.
  void merge(ArenaGroup& group) noexcept;

  /// Pages for an object of this tier, zero; null when there are none.
  [[nodiscard]] void* allocate_pages(size_t bytes) noexcept;
  void free_pages(void* pages, size_t bytes) noexcept;

  /// Gives the memory of free slots back to the system. Returns bytes.
  uint64_t trim() noexcept;

  struct Counts {
    uint64_t arenas = 0;
    uint64_t arena_bytes = 0;
    /// Free slots whose memory the system has not got back, in bytes.
    uint64_t cached_bytes = 0;
    uint64_t metadata_bytes = 0;
    uint64_t hint_hits = 0;
    uint64_t hint_misses = 0;
  };
  [[nodiscard]] Counts counts() noexcept;

  /// Calls `visit(slab)` for every slab of `heap`, by address; null: of all. Segments neither come nor go meanwhile, so
  /// `visit` must not allocate or free.
  template <typename Visit>
  void walk(const Heap* heap, Visit visit) noexcept;

  /// The bitmaps of arenas, granules and slots against each other and the directory.
  [[nodiscard]] base::Status validate() noexcept;

  /// Held across fork, so that the child finds all in order.
  [[nodiscard]] base::SpinLock& lock() noexcept { return lock_; }

 private:
  friend class base::Ref<Space>;
  static constexpr System kSystem{};

  Space(base::Ref<frames::FrameAllocator> frames, const System& system) noexcept
      : frames_(std::move(frames)), system_(&system) {}
  ~Space() = default;

  /// The heap that a slab's owner is part of.
  [[nodiscard]] static const Heap* heap_of(const Slab& slab) noexcept;

  const base::Ref<frames::FrameAllocator> frames_;
  const System* const system_;
  base::SpinLock lock_;
  Directory directory_;
  Arenas arenas_;
  ArenaGroup shared_;
  /// The frames below may have memory that is not zero: a purge failed, or a file keeps what was written.
  bool soiled_ = false;
};

template <typename Visit>
void Space::walk(const Heap* heap, Visit visit) noexcept {
  const std::lock_guard guard(lock_);
  for (uint32_t index = 0; index < arenas_.count(); ++index) {
    const Arena& arena = arenas_.arena(index);
    for (uint32_t slot = arena.first_slot(); slot < arena.first_slot() + arena.slots();) {
      const Entry entry = directory_.entry(slot);
      const uint32_t kind = kind_of(entry);
      if (kind == 0 || kind > kClasses) {
        ++slot;
        continue;
      }
      const ClassInfo& info = kClassTable[kind - 1];
      for (uint32_t i = 0; i < info.slabs; ++i) {
        Slab& slab = directory_.slab(record_of(entry) + i);
        if (heap == nullptr || heap_of(slab) == heap) visit(slab);
      }
      slot += 1U << info.segment_order;
    }
  }
}

}  // namespace freestone::slab
