#pragma once
// What an allocator says about itself.
//   threads: plain values.    memory: the arrays own theirs.
#include <cstdint>

#include "frames/types.h"

namespace freestone::frames {

/// One zone, in the order of the configuration.
struct ZoneStats {
  ZoneKind kind = ZoneKind::kNormal;
  Pressure pressure = Pressure::kNone;
  /// `kDma`: its memory is locked. False when the limit forbids it; `lock_error` is the errno then.
  bool locked = false;
  /// Made of huge pages that were set aside.
  bool huge = false;
  /// The system is advised to use huge pages. False when `huge`, and where it takes no advice.
  bool advised = false;
  int32_t lock_error = 0;
  uint64_t total_frames = 0;
  uint64_t free_frames = 0;
  /// Requests that were served, by runs.
  uint64_t allocations = 0;
  uint64_t frees = 0;
  /// Times that pressure rose to `kLow` or `kMin`.
  uint64_t pressure_events = 0;
};

/// One node, in the order of the configuration. The three counts are those of Linux's numastat.
struct NodeStats {
  uint32_t id = 0;
  /// All of its memory is bound to it. False where the system has no such node or no NUMA.
  bool bound = false;
  uint64_t total_frames = 0;
  uint64_t free_frames = 0;
  /// Served here, as wanted.
  uint64_t hits = 0;
  /// Served here although another node was wanted.
  uint64_t misses = 0;
  /// Wanted here and served elsewhere.
  uint64_t foreign = 0;
};

/// Exact when no other thread is allocating or freeing; else each number is one that held at some moment of the call.
/// The cost is that of reading a few lines a CPU, zone and node, whatever the region's size.
struct Stats {
  uint64_t frame_size = 0;
  uint64_t total_frames = 0;
  /// Neither in a run nor lost to the rounding of one.
  uint64_t free_frames = 0;
  /// Free frames of whole blocks that CPUs keep from the buddy lists; part of `free_frames`.
  uint64_t cached_frames = 0;
  uint64_t allocations = 0;
  uint64_t frees = 0;
  /// Requests refused for want of memory.
  uint64_t failures = 0;
  /// Blocks that were handed out since they were last trimmed: what may be resident, and never less than what is.
  uint64_t committed_bytes = 0;
  /// Address space of the metadata; what is resident of it follows what is used.
  uint64_t metadata_bytes = 0;
  /// Blocks whose 512 frames all came to be in use, run by run; and such blocks that lost one again.
  uint64_t promotions = 0;
  uint64_t demotions = 0;
  /// Blocks that left the buddy lists for the bitmap, and came back.
  uint64_t lent = 0;
  uint64_t returned = 0;
  /// Share of the free frames that cannot serve an aligned run of order 9 + i.
  double fragmentation[kMaxOrder - kBlockOrder + 1] = {};
  base::Array<ZoneStats> zones;
  base::Array<NodeStats> nodes;
};

/// As `Stats::fragmentation`, for all orders: below 9, runs within a block and at any alignment.
struct Fragmentation {
  double index[kOrders] = {};
};

/// A live run.
struct Run {
  FrameId frame{};
  uint32_t frames = 0;
  /// 0 when the allocator does not track.
  uint64_t site = 0;
  /// 0 when it must not move.
  uint64_t mover = 0;
};

/// A zone's pressure changed.
struct PressureEvent {
  /// Position in the configuration.
  uint32_t zone = 0;
  ZoneKind kind = ZoneKind::kNormal;
  Pressure level = Pressure::kNone;
  /// When it was noticed.
  uint64_t free_frames = 0;
};

/// What `compact` did.
struct Compaction {
  uint64_t moved_runs = 0;
  uint64_t moved_frames = 0;
  /// Blocks that became whole again.
  uint64_t freed_blocks = 0;
  Fragmentation before;
  Fragmentation after;
};

}  // namespace freestone::frames
