#pragma once
// Global arenas: large aligned runs of frames that are cut into segments, and the bitmaps that find one with space.
//   threads: under the lock of the Space.    memory: metadata beside the region; an arena is never given back.
#include <array>

#include "frames/frames.h"
#include "slab/directory.h"

namespace freestone::slab {

/// The smallest arena and what all are multiples of: 64 slots, one word of a bitmap.
inline constexpr uint64_t kGranuleBytes = uint64_t{64} << kSlotShift;
/// An arena has at most 64 granules, whose bitmaps of what has space are a word each.
inline constexpr uint64_t kMaxArenaBytes = kGranuleBytes * 64;
inline constexpr uint32_t kMaxArenas = 16384;

/// How arenas grow: `initial << clamp(count / batch, 0, max_shift)`.
struct Growth {
  /// Bytes, a power of two from 4 MiB to 256 MiB.
  uint64_t initial = kGranuleBytes;
  /// At least 1.
  uint32_t batch = 8;
  /// `initial << max_shift` is at most 256 MiB.
  uint32_t max_shift = 3;

  [[nodiscard]] constexpr uint64_t bytes_of(uint64_t count) const noexcept {
    const uint64_t step = count / batch;
    return initial << (step < max_shift ? step : max_shift);
  }
  /// `kInvalidSize` or `kInvalidArgument` for what is out of range.
  [[nodiscard]] base::Status check() const noexcept;
};

/// Which arenas of a group have room, by the size of segments. The arenas that all heaps share are one group; those
/// dedicated to a heap are another.
class ArenaGroup {
 public:
  /// An arena that has room for 2^order slots; `kMaxArenas` when none has. Two levels of words.
  [[nodiscard]] uint32_t find(uint32_t order) const noexcept;
  [[nodiscard]] bool has(uint32_t order, uint32_t arena) const noexcept {
    return (space_[order][arena / 64] >> (arena % 64) & 1) != 0;
  }
  void set(uint32_t order, uint32_t arena, bool space) noexcept;

  /// The arena last used, by order: a hint that is checked before it is used.
  std::array<uint32_t, kSegmentOrders> last_used{};
  uint32_t count = 0;
  uint64_t hint_hits = 0;
  uint64_t hint_misses = 0;

 private:
  uint64_t space_[kSegmentOrders][kMaxArenas / 64] = {};
  uint64_t summary_[kSegmentOrders][kMaxArenas / 64 / 64] = {};
};

struct Arena {
  ArenaGroup* group = nullptr;
  uint32_t first_granule = 0;
  uint32_t granules = 0;
  /// By order: granules with room for a segment of it.
  std::array<uint64_t, kSegmentOrders> space{};

  [[nodiscard]] uint32_t first_slot() const noexcept { return first_granule * 64; }
  [[nodiscard]] uint32_t slots() const noexcept { return granules * 64; }
};

class Arenas {
 public:
  Arenas() noexcept = default;
  Arenas(const Arenas&) = delete;
  Arenas& operator=(const Arenas&) = delete;
  ~Arenas();

  [[nodiscard]] base::Status init(const System& system, const Directory& directory,
                                  frames::FrameAllocator& frames) noexcept;

  /// The first of 2^order free adjacent slots, aligned to their number; used before, if there are such. Makes an arena
  /// when none of the group has room.
  [[nodiscard]] base::Result<uint32_t> take(ArenaGroup& group, const Growth& growth, uint32_t order) noexcept;
  /// Slots that are no segment any more. @param purged whether their memory went back to the system
  void give_back(uint32_t slot, uint32_t order, bool purged) noexcept;
  /// A heap gives up its arenas to everyone.
  void merge(ArenaGroup& from, ArenaGroup& into) noexcept;

  /// Free slots whose memory the system has not got back.
  [[nodiscard]] uint64_t resident_free_slots() const noexcept { return resident_free_; }
  /// Gives the memory of all free slots back. Returns bytes.
  uint64_t purge_free() noexcept;

  [[nodiscard]] uint32_t count() const noexcept { return count_; }
  [[nodiscard]] const Arena& arena(uint32_t index) const noexcept { return arenas_[index]; }
  [[nodiscard]] bool is_free(uint32_t slot) const noexcept { return (free_[slot / 64] >> (slot % 64) & 1) != 0; }
  [[nodiscard]] bool is_resident(uint32_t slot) const noexcept {
    return (resident_[slot / 64] >> (slot % 64) & 1) != 0;
  }

  /// Every bitmap against the one above it. `kOverlap` says what contradicts what.
  [[nodiscard]] base::Status validate() const noexcept;

 private:
  [[nodiscard]] base::Status grow(ArenaGroup& group, const Growth& growth) noexcept;
  /// Brings the bitmaps above a granule up to date.
  void update(Arena& arena, uint32_t granule) noexcept;

  const System* system_ = nullptr;
  const Directory* directory_ = nullptr;
  frames::FrameAllocator* frames_ = nullptr;
  uint8_t* memory_ = nullptr;
  uint64_t memory_bytes_ = 0;
  Arena* arenas_ = nullptr;
  /// By granule: free slots; slots that were used since they last were purged; the arena.
  uint64_t* free_ = nullptr;
  uint64_t* resident_ = nullptr;
  uint32_t* arena_of_ = nullptr;
  uint32_t count_ = 0;
  uint64_t resident_free_ = 0;
};

}  // namespace freestone::slab
