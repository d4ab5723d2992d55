#pragma once
// What an allocator is made from, and what a request may ask for.
//   threads: plain values.    memory: borrowed by `FrameAllocator::make` and not kept.
#include <cstdint>
#include <span>

#include "frames/types.h"

namespace freestone::frames {

/// Free frames at which a zone reports pressure. All 0: it never does, and every frame may be taken.
struct Watermarks {
  /// The last `min` frames are for requests with `emergency`.
  uint64_t min = 0;
  /// Pressure begins at `low` free frames. Not below `min`.
  uint64_t low = 0;
  /// Pressure ends at `high` free frames. Not below `low`, and not above the zone's frames.
  uint64_t high = 0;
};

/// One zone. Several of one kind are tried in the order given.
struct ZoneConfig {
  ZoneKind kind = ZoneKind::kNormal;
  /// In bytes. 0, for one zone at most: what the others leave.
  uint64_t size = 0;
  Watermarks watermarks;
  /// `kDevice` only: a file, made or extended to `size` when it is shorter, and mapped shared. Null and no descriptor:
  /// a memory file without a name, whose descriptor `device` gives.
  const char* path = nullptr;
  /// `kDevice` only: as `path`, by a descriptor that is duplicated. -1: none.
  int descriptor = -1;
};

/// One NUMA node. When none are given, those of the system that have CPUs, with equal shares of the region.
struct NodeConfig {
  /// The system's number; need not exist there, so that any topology can be tried on any machine.
  uint32_t id = 0;
  /// In bytes; those of all nodes add up to the region. All 0: equal shares.
  uint64_t size = 0;
  /// Relative cost from here to each of the nodes, in their order; 10 is local. Empty: 10 here, 20 elsewhere.
  std::span<const uint32_t> distances;
  /// CPUs whose requests prefer this node. When no node names any: as the system has them, and CPUs of nodes that are
  /// not given prefer the first node.
  std::span<const uint32_t> cpus;
};

struct Config {
  /// In bytes, rounded up to whole frames. 0: what the zones add up to.
  uint64_t size = 0;
  /// Memory to hand out in place of new address space: `size` bytes, whole blocks, aligned to a block, zero. It must
  /// stay until the allocator is gone.
  uint8_t* memory = nullptr;
  /// A power of two from 4 KiB to 1 MiB, and not below the system's page.
  uint32_t frame_size = 4096;
  /// None: one `kNormal` zone. When they do not fill the region and none is `kNormal`, one such zone takes the rest.
  /// At most `kMaxZones`.
  std::span<const ZoneConfig> zones;
  /// At most `kMaxNodes`. Each zone is dealt to the nodes in proportion to their sizes, in whole blocks.
  std::span<const NodeConfig> nodes;
  HugePages huge_pages = HugePages::kAdvise;
  /// Frames that each CPU may keep from the others in whole blocks, beside the blocks that it is filling. 0 turns all
  /// keeping off: every CPU uses the same blocks.
  uint32_t cpu_cache = 4096;
  /// Keeps the `site` of each run: 8 bytes a frame, touched where runs begin.
  bool track = false;
  /// `fallback[kind]`: kinds that are tried in this order after a request for `kind` found nothing. Empty: none.
  std::span<const ZoneKind> fallback[kZoneKinds];
};

inline constexpr uint32_t kMaxZones = 16;
inline constexpr uint32_t kMaxNodes = 64;

/// The requester's own node.
inline constexpr uint32_t kLocalNode = UINT32_MAX;
/// The first kind of zone that the allocator has, in the order of `ZoneKind`.
inline constexpr ZoneKind kDefaultZone{UINT8_MAX};

/// What a request wants beyond a number of frames. The default is what most want, and the fastest.
struct Request {
  /// A kind that the allocator has, else `kInvalidArgument`.
  ZoneKind zone = kDefaultZone;
  /// The id of the node to try first.
  uint32_t node = kLocalNode;
  /// In frames, a power of two up to 2^20: the first frame's index is a multiple, and so is its address divided by the
  /// frame size.
  uint32_t alignment = 1;
  /// Served by the node or not at all.
  bool strict = false;
  /// May take the frames below the zone's `min`.
  bool emergency = false;
  /// 512 frames and more: what the rounding up to a power of two added is given back at once.
  bool exact = false;
  /// Not 0: `compact` may move the run, and then passes this number. Fewer than 512 frames only: larger runs are
  /// accepted and never moved.
  uint64_t mover = 0;
  /// Any number that says who asked; kept when the allocator tracks, and given back by `walk`.
  uint64_t site = 0;

  /// Asks for nothing that the shortest way to a frame does not give.
  [[nodiscard]] constexpr bool plain() const noexcept {
    return zone == kDefaultZone && node == kLocalNode && alignment == 1 && !emergency && !exact && mover == 0;
  }
};

/// The default, made once: a request that is made for each call is read before its stores have arrived.
inline constexpr Request kAnyFrames{};

}  // namespace freestone::frames
