#pragma once
// Page frames from one reserved region: the bitmap below 512 frames, the buddy lists from there on; zones, NUMA nodes,
// caches per CPU.
//   threads: any may call anything at any time, except where a function says otherwise. Allocating and freeing take no
//   lock below 512 frames.
//   memory: the region and the metadata are mapped by `make` and unmapped with the last reference. Nothing of either is
//   touched before it is used: 175 bytes of metadata a block, which is 0.008 % with frames of 4 KiB.
//   after fork: the child has a copy of its own, of `kDevice` zones as well as the parent the original. A child that is
//   forked from a process with several threads must not use the allocator, as it must not use malloc.
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>

#include "frames/config.h"
#include "frames/stats.h"
#include "frames/types.h"

namespace freestone::frames {

class BlockBits;
class Core;
struct BlockRecord;
struct CpuSlot;
struct System;

class FrameAllocator : public base::Shared<FrameAllocator> {
 public:
  /// `kInvalidSize` for no frames, too many, a frame size out of range, or sizes that do not add up;
  /// `kInvalidArgument` for watermarks out of order, too many zones or nodes, nodes without or with the same id, or
  /// distances that are not a row per node; `kOutOfMemory` when there is no address space; `kSystem` when a device
  /// zone's file cannot be mapped. What merely makes memory slower is no failure: `stats` tells about locks, huge pages
  /// and nodes that were refused.
  [[nodiscard]] static base::Result<base::Ref<FrameAllocator>> make(const Config& config) noexcept;
  /// The same over another system; for tests. @param system outlives the allocator
  [[nodiscard]] static base::Result<base::Ref<FrameAllocator>> make(const Config& config,
                                                                    const System& system) noexcept;

  /// `frames` adjacent frames, 1 to 2^20, that nobody else has. Their content is what was last there, or zero.
  /// When it fails nothing has changed: `kInvalidSize`; `kInvalidAlignment` unless a power of two up to 2^20;
  /// `kInvalidArgument` for a kind of zone that is not there; `kNumaNodeUnavailable` for a node that is not there, or a
  /// `strict` one without room; `kZoneDepleted` when the request named a zone, and it and its fallbacks have no room;
  /// else `kOutOfMemory`.
  [[nodiscard]] base::Result<FrameId> allocate(uint32_t frames, const Request& request = kAnyFrames) noexcept;

  /// `into.size()` runs of `frames` each, or none: as `allocate`. Much faster than that for single frames.
  [[nodiscard]] base::Status allocate_batch(uint32_t frames, std::span<FrameId> into,
                                            const Request& request = kAnyFrames) noexcept;

  /// Ends a run. `frame` must be its first frame and `frames` what was asked for: else `kInvalidAddress`, for frees of
  /// what is free, inner or foreign, and for wrong lengths, and nothing changes. Of several threads that free one run,
  /// one succeeds.
  [[nodiscard]] base::Status free(FrameId frame, uint32_t frames) noexcept;

  /// Makes a run longer or shorter where it is, at its end. `kInvalidAddress` as for `free`, `kInvalidSize` for 0;
  /// `kUnsupported` when one of the lengths is 512 frames or more, or the run would go on beyond its block of 512;
  /// `kOutOfMemory` when one of the frames behind it is not free, or watermarks forbid. Nothing has changed then.
  [[nodiscard]] base::Status resize(FrameId frame, uint32_t frames, uint32_t to) noexcept;

  /// Ends all of `runs`, or none: `kInvalidAddress` when one is not a run of `frames`, or is there twice.
  /// @param failed set to the position of the offender
  [[nodiscard]] base::Status free_batch(std::span<const FrameId> runs, uint32_t frames,
                                        size_t* failed = nullptr) noexcept;

  /// Whether all of these frames are in runs. False for none, and for frames that are not there.
  [[nodiscard]] bool is_allocated(FrameId frame, uint64_t frames) const noexcept;
  /// Whether `free` would accept this.
  [[nodiscard]] bool is_run(FrameId frame, uint32_t frames) const noexcept;

  /// The frame's first byte. Readable and writable while the frame is in a run. Null when there is no such frame.
  [[nodiscard]] uint8_t* address_of(FrameId frame) const noexcept;
  /// The frame that a byte lies in; `kNoFrame` when none.
  [[nodiscard]] FrameId frame_at(const void* address) const noexcept;
  /// The region: frame 0 is its first. Frames may be missing between zones, where one does not end with a block.
  [[nodiscard]] uint8_t* base() const noexcept;
  [[nodiscard]] uint64_t region_bytes() const noexcept;
  /// One more than the index of the last frame.
  [[nodiscard]] uint64_t frame_limit() const noexcept;
  [[nodiscard]] uint32_t frame_size() const noexcept;
  /// Descriptor of a `kDevice` zone's file, to be passed to other processes; -1 when there is no such zone. Remains the
  /// allocator's. @param zone position in the configuration
  [[nodiscard]] int device(uint32_t zone) const noexcept;
  /// First frame and frame count of a zone; its frames lie between, and those of no other zone.
  struct Extent {
    FrameId frame{};
    uint64_t frames = 0;
  };
  [[nodiscard]] Extent zone_extent(uint32_t zone) const noexcept;

  /// `kOutOfMemory` when there is none for the answer.
  [[nodiscard]] base::Result<Stats> stats() const noexcept;
  /// A walk over every block.
  [[nodiscard]] Fragmentation fragmentation() const noexcept;
  /// The share in use of each block, in `into` which has `block_count` bytes: 0 for none, 255 for all of it, 1 to 254
  /// between. A walk over every block.
  void map(std::span<uint8_t> into) const noexcept;
  [[nodiscard]] BlockIndex block_count() const noexcept;
  /// Position of the zone and of the node that a block belongs to.
  struct Place {
    uint32_t zone = 0;
    uint32_t node = 0;
  };
  [[nodiscard]] Place place_of(BlockIndex block) const noexcept;

  /// Calls `visit(context, run)` for the live runs, ascending, until it returns false. Runs that come or go meanwhile
  /// may or may not be met. `visit` may free the run it is given.
  using Visit = bool (*)(void* context, const Run& run) noexcept;
  void walk(Visit visit, void* context) const noexcept;

  /// Nanoseconds that each `allocate` and `free` takes, batches left out. Off at first. On, it costs two readings of
  /// the clock a call, about 50 ns.
  void set_timing(bool on) noexcept;
  [[nodiscard]] bool timing() const noexcept;
  [[nodiscard]] const base::Histogram& allocate_times() const noexcept;
  [[nodiscard]] const base::Histogram& free_times() const noexcept;

  /// Empties blocks whose live runs are all movable, fewest frames first, by moving the runs into room in other such
  /// blocks. The content is copied, then `move(context, mover, from, to, frames)` tells the owner, who answers true
  /// when it uses `to` from now on; the old run is then freed. On false the new one is. While this runs nobody may
  /// write to, free or resize a run with a mover; other runs are as free as ever. One caller at a time; a second one
  /// waits.
  using Move = bool (*)(void* context, uint64_t mover, FrameId from, FrameId to, uint32_t frames) noexcept;
  Compaction compact(Move move, void* context) noexcept;

  /// Gives the memory of free whole blocks back to the system, after `drain`. Returns the bytes: those blocks that were
  /// handed out since the last time. Locked and device zones keep theirs, as do pages of 1 GiB. Each run is out of
  /// reach while it is trimmed.
  uint64_t trim() noexcept;

  /// Takes back what CPUs keep. Blocks that are empty then go to the buddy lists.
  void drain() noexcept;

  /// Called when a zone's pressure changes, on the thread whose call changed it, after that call's effect. It must be
  /// quick, and must not call the allocator.
  using Listener = void (*)(void* context, const PressureEvent& event) noexcept;
  /// `kOutOfMemory`. The number is for `remove_listener`.
  [[nodiscard]] base::Result<uint32_t> add_listener(Listener listener, void* context) noexcept;
  /// When it returns the listener is not running and will not be called. An unknown number does nothing.
  void remove_listener(uint32_t number) noexcept;

  /// Full walk of bitmaps, summaries, buddy lists and counts against each other; for tests and debug builds. No other
  /// thread may be in the allocator. `kCorruptFile` never; `kOverlap` says what contradicts what.
  [[nodiscard]] base::Status validate() const noexcept;

 private:
  friend class base::Ref<FrameAllocator>;
  explicit FrameAllocator(Core* core) noexcept;
  ~FrameAllocator();

  [[nodiscard]] CpuSlot* local_slot() const noexcept;

  /// All of it, in the memory of its metadata.
  Core* const core_;
  /// Copies of what the shortest ways to a frame and back need of it: each pointer that they do not follow is two
  /// nanoseconds of some twenty.
  CpuSlot* const* const local_slots_;
  const uint32_t cpu_mask_;
  /// One area is all there is, so that a frame is freed to the local slot.
  const bool one_area_;
  BlockBits* const bits_;
  BlockRecord* const records_;
  const uint64_t frame_limit_;
};

}  // namespace freestone::frames
