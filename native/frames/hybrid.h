#pragma once
// One area, the part of a zone that lies on one node: bitmap and buddy lists over the same blocks, with what each CPU
// keeps of them.
//   threads: any.    memory: all of it lies in the allocator's metadata.
//
// A block is lent by the buddy lists to the bitmap for runs below 512 frames, and goes back when its frames are all
// free. A lent block is in one of four states (`BlockState`):
//
//                  acquire (compare-and-swap)                   no frame free
//        kListed ------------------------------> kOwned ----------------------------> kFull, kPromoted
//           ^                                     |  ^ ^                                     |
//           |            settle: some are free    |  | |   free, all 512                     |
//           +-------------------------------------+  | +------ kListed                       |
//           |                                        +-- lend: from the buddy lists          |
//           +------------- free (compare-and-swap) ------------------------------------------+
//
// and goes back from kOwned, when `hold_all` has taken every frame. Listed blocks are in the summary of their class,
// which is that of the length of their longest free run (`class_of`). The state decides; a summary that
// says otherwise is corrected by whoever notices. The bitmap alone decides who has a frame: threads that still take a
// block for theirs may claim in it at any time, and get frames only while it is lent.
//
// No free frame is forgotten. A free of a frame in an owned block leaves the state alone, for the owner to see: the
// owner, before it lets go, publishes the new state and then looks at the bitmap again (`settle`), while the free first
// clears the bits and then reads the state. Both pairs are sequentially consistent, so that either the owner sees the
// frame or the free sees the new state. The class of a listed block is not too small either: a free that makes a longer
// run than its class says moves it (`after_free`). It may be too large, for claims leave it alone; who finds that out
// settles the block anew.
#include <algorithm>
#include <span>

#include "frames/bitmap.h"
#include "frames/block_record.h"
#include "frames/buddy.h"
#include "frames/cpu_slot.h"
#include "frames/region.h"
#include "frames/summary.h"
#include "frames/zone.h"

namespace freestone::frames {

/// What became of a request.
enum class Outcome : uint8_t {
  kDone,
  /// No room in this area, or watermarks forbid.
  kNoRoom,
  /// There is room, and the system has no memory for it.
  kNoMemory,
};

class Hybrid {
 public:
  struct Parts {
    Zone* zone = nullptr;
    ZoneMemory* memory = nullptr;
    Region* region = nullptr;
    /// Of the whole region.
    BlockBits* bits = nullptr;
    BlockRecord* records = nullptr;
    BlockRange blocks;
    /// May be less than the blocks have; the last block has the rest.
    uint64_t frames = 0;
    std::span<CpuSlot> slots;
    /// `summary_words` of them, zero.
    std::atomic<uint64_t>* summary_words = nullptr;
    /// Blocks that a CPU may keep.
    uint32_t keep_blocks = 0;
    uint32_t zone_position = 0;
    uint32_t node_position = 0;
  };
  [[nodiscard]] static size_t summary_words(uint32_t blocks) noexcept {
    return Summary::words_for(blocks) * kListClasses * kLanes;
  }
  void init(const Parts& parts) noexcept;

  /// `frames` from 1 to 2^20. @param alignment a power of two up to 2^20
  [[nodiscard]] Outcome allocate(uint32_t frames, uint32_t alignment, bool exact, bool emergency,
                                 uint64_t& frame) noexcept;
  /// One frame from the block that the slot is filling; false, with nothing changed, when that has none. For areas
  /// whose zone has no watermarks. @param bits of the whole region
  [[nodiscard]] static bool allocate_quickly(CpuSlot& slot, BlockBits* bits, uint64_t& frame) noexcept {
    CpuSlot::Lane& lane = slot.lanes[0];
    // Acquire: pairs with `install`, after which the block is lent.
    const uint32_t held = lane.block.load(std::memory_order_acquire);
    if (held == 0) [[unlikely]]
      return false;
    const uint32_t from = lane.word.load(std::memory_order_relaxed);
    uint32_t word = from;
    bool filled = false;
    const uint32_t position = bits[held - 1].claim_one(word, filled);
    if (position == kNoPosition) [[unlikely]]
      return false;
    slot.count(&RunCounts::taken_ones, 1);
    if (word != from) lane.word.store(word, std::memory_order_relaxed);
    frame = uint64_t{held - 1} * kBlockFrames + position;
    if (filled) [[unlikely]]
      slot.area->leave_if_full(slot, 0, held - 1);
    return true;
  }
  /// `frames` from 2 to 2^20, from the block that the slot is filling or from the buddy lists; false, with nothing
  /// changed, when those have none. For areas whose zone has no watermarks.
  [[nodiscard]] bool allocate_nearby(CpuSlot& slot, uint32_t frames, uint64_t& frame) noexcept {
    return frames < kBlockFrames ? allocate_filling(slot, frames, frame) : allocate_run(slot, frames, frame);
  }
  /// Frees a run of one frame without a mover; false, with nothing changed, when it is none. For areas whose zone has
  /// no watermarks. @param slot of its area
  [[nodiscard]] static bool free_quickly(CpuSlot& slot, BlockBits* bits, const BlockRecord* records,
                                         uint64_t frame) noexcept {
    const auto block = static_cast<BlockIndex>(frame / kBlockFrames);
    const auto position = static_cast<uint32_t>(frame % kBlockFrames);
    uint32_t open = 0;
    if (!bits[block].release_one(position, open)) [[unlikely]]
      return false;
    slot.count(&RunCounts::returned_ones, 1);
    // Sequentially consistent: see the top.
    const Standing now = Standing::of(records[block].state.load(std::memory_order_seq_cst));
    if (now.state == BlockState::kOwned) {
      use_next(slot, block, position, 1);
    } else if (now.state != BlockState::kListed || bits[block].most_class(position, open) > now.free_class) {
      slot.area->after_free(block, position);
    }
    return true;
  }
  /// Frees a run of 512 frames and more that is as long as a power of two and has no mover; false, with nothing
  /// changed, when it is none. For areas whose zone has no watermarks. @param slot of its area
  [[nodiscard]] static bool free_run_quickly(CpuSlot& slot, BlockRecord* records, uint64_t frame,
                                             uint32_t frames) noexcept;
  /// Up to `count` single frames; how many there were room for.
  [[nodiscard]] size_t allocate_ones(FrameId* into, size_t count, bool emergency) noexcept;

  /// False, with nothing changed, unless it is a live run. @param movers cleared for the frame, if any
  [[nodiscard]] bool free(uint64_t frame, uint32_t frames, std::atomic<uint64_t>* movers) noexcept;
  /// Makes a run longer or shorter at its end; both lengths are below 512 frames and lie in one block. `kNoRoom`, with
  /// nothing changed, when it is no live run, when what is behind it is taken, or when watermarks forbid.
  [[nodiscard]] Outcome resize(uint64_t frame, uint32_t frames, uint32_t to) noexcept;
  /// Freeing in two steps, for all or none of several: a pinned run is refused to everyone else, until it is made live
  /// again or is freed. `pin` is false, with nothing changed, unless it is a live run.
  [[nodiscard]] bool pin(uint64_t frame, uint32_t frames) noexcept;
  void unpin(uint64_t frame, uint32_t frames) noexcept;
  void free_pinned(uint64_t frame, uint32_t frames, std::atomic<uint64_t>* movers) noexcept;
  /// The same for single frames of one word of the bitmap. @param first the word's first frame
  [[nodiscard]] bool pin_ones(uint64_t first, uint32_t mask) noexcept;
  void unpin_ones(uint64_t first, uint32_t mask) noexcept;
  void free_pinned_ones(uint64_t first, uint32_t mask, std::atomic<uint64_t>* movers) noexcept;
  /// Runs that were allocated and freed again count as neither.
  void forget(uint64_t runs) noexcept { account_.forget(runs); }

  [[nodiscard]] bool is_run(uint64_t frame, uint32_t frames) const noexcept;
  /// Whether all frames of a range within one block are in runs.
  [[nodiscard]] bool is_used(uint64_t frame, uint32_t frames) const noexcept;

  /// Takes back what CPUs keep.
  void drain() noexcept;
  /// Bytes given back to the system.
  [[nodiscard]] uint64_t trim() noexcept;

  /// Calls `visit(first frame, frames)` for live runs from `frame` on until it is false; false then.
  template <typename Visit>
  bool walk(Visit visit) const noexcept;
  /// Frames in use in each block, rounding included.
  [[nodiscard]] uint32_t used_in(BlockIndex block) const noexcept;
  /// Adds the free frames that can serve each order. Returns all free frames.
  uint64_t add_usable(uint64_t (&usable)[kOrders]) const noexcept;
  /// The same for orders from 9 on alone, without a walk.
  void add_usable_blocks(uint64_t (&usable)[kOrders]) const noexcept;
  [[nodiscard]] bool validate() const noexcept;

  [[nodiscard]] const Account& account() const noexcept { return account_; }
  [[nodiscard]] CpuSlot& slot_of(uint32_t cpu) const noexcept { return parts_.slots[cpu & slot_mask_]; }
  [[nodiscard]] const Buddy& buddy() const noexcept { return buddy_; }
  [[nodiscard]] uint64_t kept_frames() const noexcept;
  [[nodiscard]] BlockIndex first() const noexcept { return parts_.blocks.first; }
  [[nodiscard]] BlockIndex end() const noexcept { return parts_.blocks.first + parts_.blocks.count; }
  [[nodiscard]] const Parts& parts() const noexcept { return parts_; }

  /// Running numbers; relaxed, each a fact of its own.
  struct Counts {
    std::atomic<uint64_t> promotions{0};
    std::atomic<uint64_t> demotions{0};
    std::atomic<uint64_t> lent{0};
    std::atomic<uint64_t> returned{0};
  };
  Counts counts;

 private:
  friend class Mover;

  [[nodiscard]] CpuSlot& slot_here() const noexcept { return slot_of(os::current_cpu_fast()); }
  [[nodiscard]] BlockBits& bits(BlockIndex block) const noexcept { return parts_.bits[block]; }
  [[nodiscard]] std::atomic<uint16_t>& state(BlockIndex block) const noexcept { return parts_.records[block].state; }
  [[nodiscard]] Standing standing(BlockIndex block) const noexcept {
    return Standing::of(state(block).load(std::memory_order_acquire));
  }
  /// The first block from `block` on that may have been used: what lies between the frontier and a last block that is
  /// not whole was not.
  [[nodiscard]] BlockIndex seek(BlockIndex block) const noexcept {
    return block < buddy_.frontier() ? block : std::max(block, buddy_.end());
  }
  /// Whether the block's frames are the bitmap's to give.
  [[nodiscard]] bool lent(BlockIndex block) const noexcept { return standing(block).state != BlockState::kNotLent; }

  // hybrid_small.cc: the bitmap's blocks.
  [[nodiscard]] bool allocate_filling(CpuSlot& slot, uint32_t frames, uint64_t& frame) noexcept;
  [[nodiscard]] bool claim_filling(CpuSlot& slot, uint32_t frames, uint32_t alignment, uint64_t& frame) noexcept;
  [[nodiscard]] Outcome claim(CpuSlot& slot, uint32_t frames, uint32_t alignment, uint64_t& frame) noexcept;
  [[nodiscard]] Outcome claim_fresh(CpuSlot& slot, uint32_t frames, uint32_t alignment, uint64_t& frame) noexcept;
  [[nodiscard]] Outcome claim_elsewhere(CpuSlot& slot, uint32_t frames, uint32_t alignment, uint64_t& frame) noexcept;
  /// How far a search among the listed blocks goes.
  enum class Effort : uint8_t {
    /// A few blocks where a run may fit, all where it must.
    kLittle,
    /// All blocks where it may fit.
    kMuch,
    /// All blocks, whatever the summaries say above their bottom level: nothing is missed that does not move.
    kAll,
  };
  /// In the blocks of some lanes, those first where the run fits most tightly.
  [[nodiscard]] bool claim_listed(CpuSlot& slot, uint32_t first_lane, uint32_t end_lane, uint32_t frames,
                                  uint32_t alignment, Effort effort, uint64_t& frame) noexcept;
  /// In the blocks of all lanes.
  [[nodiscard]] bool claim_anywhere(CpuSlot& slot, uint32_t frames, uint32_t alignment, Effort effort,
                                    uint64_t& frame) noexcept;
  [[nodiscard]] bool claim_in(CpuSlot& slot, uint32_t lane, uint32_t frames, uint32_t alignment, uint32_t free_class,
                              Effort effort, uint64_t& frame) noexcept;
  [[nodiscard]] bool steal(uint32_t frames, uint32_t alignment, uint64_t& frame) noexcept;
  /// Makes a block owned that stands so, and takes it off its list.
  [[nodiscard]] bool acquire(BlockIndex block, Standing listed) noexcept;
  /// Takes a block off a list where it no longer belongs.
  void withdraw(BlockIndex block, Standing listed) noexcept;
  void install(CpuSlot& slot, uint32_t lane, BlockIndex block, uint32_t word) noexcept;
  void leave_if_full(CpuSlot& slot, uint32_t lane, BlockIndex block) noexcept;
  void settle(BlockIndex block) noexcept;
  void after_free(BlockIndex block, uint32_t position) noexcept;
  /// The same for all of a run.
  void settle_freed(BlockIndex block, uint32_t position, uint32_t frames) noexcept {
    after_free(block, position);
    if (position % kWordFrames + frames <= kWordFrames) return;
    // The words that it may have completed: one in the middle says it for all of them.
    const uint32_t middle = (position + kWordFrames - 1) / kWordFrames * kWordFrames;
    if (middle + kWordFrames <= position + frames) after_free(block, middle);
    after_free(block, position + frames - 1);
  }
  /// What follows a free of frames of a lent block: the counts, and whoever must know.
  void freed(BlockIndex block, uint32_t position, uint32_t frames) noexcept {
    CpuSlot& slot = slot_here();
    account_.credit(slot, frames, 1);
    // Sequentially consistent: see the top.
    if (Standing::of(state(block).load(std::memory_order_seq_cst)).state != BlockState::kOwned) {
      settle_freed(block, position, frames);
    } else {
      use_next(slot, block, position, frames);
    }
  }
  /// What was freed in a block that the slot is filling is found at once, and is still in the processor's cache.
  static void use_next(CpuSlot& slot, BlockIndex block, uint32_t position, uint32_t frames) noexcept {
    CpuSlot::Lane& lane = slot.lanes[lane_of(frames)];
    if (lane.block.load(std::memory_order_relaxed) == block + 1) {
      lane.word.store(position / kWordFrames, std::memory_order_relaxed);
    }
  }
  [[nodiscard]] bool free_small(BlockIndex block, uint32_t position, uint32_t frames,
                                std::atomic<uint64_t>* mover) noexcept;
  [[nodiscard]] Summary& list_of(Standing listed) noexcept { return lists_[listed.lane][listed.free_class]; }
  void list(BlockIndex block, Standing listed) noexcept;

  // hybrid_large.cc: whole blocks.
  [[nodiscard]] bool allocate_run(CpuSlot& slot, uint32_t frames, uint64_t& frame) noexcept;
  [[nodiscard]] BlockIndex take_run(CpuSlot& slot, Order order) noexcept;
  void give_run(CpuSlot& slot, BlockIndex block, Order order) noexcept;
  [[nodiscard]] Outcome lend(CpuSlot& slot, uint32_t lane, BlockIndex& block) noexcept;
  [[nodiscard]] Outcome allocate_large(CpuSlot& slot, uint32_t frames, uint32_t alignment, bool exact, bool emergency,
                                       uint64_t& frame) noexcept;
  [[nodiscard]] bool free_large(BlockIndex block, uint32_t frames, std::atomic<uint64_t>* mover) noexcept;
  void give_large(BlockIndex block, uint32_t run) noexcept;
  void lend_tail(BlockIndex block, uint32_t frames, bool joined) noexcept;
  /// The large run that a block which is not lent belongs to, or `kNoBlock`.
  [[nodiscard]] BlockIndex run_over(BlockIndex block) const noexcept;
  [[nodiscard]] static Order order_of(uint32_t frames) noexcept {
    return std::max(kBlockOrder, static_cast<Order>(std::bit_width(frames - 1)));
  }
  /// Blocks of a large run that are not lent.
  [[nodiscard]] static uint32_t blocks_of(uint32_t run) noexcept;

  Parts parts_;
  uint32_t slot_mask_ = 0;
  Account account_;
  Summary lists_[kLanes][kListClasses];
  /// Classes of a lane that have blocks: one more level of summary, kept in the same way.
  std::atomic<uint64_t> classes_[kLanes] = {};
  Buddy buddy_;
};

template <typename Visit>
bool Hybrid::walk(Visit visit) const noexcept {
  for (BlockIndex block = seek(first()); block < end();) {
    const uint32_t run = parts_.records[block].run.load(std::memory_order_acquire);
    const uint64_t base = uint64_t{block} * kBlockFrames;
    if (run != 0) {
      if (!visit(base, run & kRunFrames)) return false;
      block = seek(block + blocks_of(run));
      continue;
    }
    for (uint32_t word = 0; word < kBlockWords && lent(block); ++word) {
      for (uint32_t starts = bits(block).start_mask(word); starts != 0; starts &= starts - 1) {
        const uint32_t position = word * kWordFrames + static_cast<uint32_t>(std::countr_zero(starts));
        const uint32_t frames = bits(block).run_at(position);
        if (frames != 0 && !visit(base + position, frames)) return false;
      }
    }
    block = seek(block + 1);
  }
  return true;
}

}  // namespace freestone::frames
