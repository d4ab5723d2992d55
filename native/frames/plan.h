#pragma once
// A configuration worked out: which blocks every zone and node gets.
//   threads: one.    memory: its own arrays; the configuration's spans are not kept.
#include "frames/node.h"
#include "frames/region.h"

namespace freestone::frames {

struct Plan {
  struct ZonePlan {
    ZoneConfig config;
    uint64_t frames = 0;
    BlockRange blocks;
  };
  /// One for each zone and node, zone by zone; blocks ascend. Some may be empty.
  struct AreaPlan {
    uint64_t frames = 0;
    BlockRange blocks;
  };

  /// The failures of `FrameAllocator::make` that need no system call.
  [[nodiscard]] base::Status init(const Config& config, const NodeTable& nodes) noexcept;

  base::Array<ZonePlan> zones;
  base::Array<AreaPlan> areas;
  uint64_t frames = 0;
  uint32_t blocks = 0;
};

}  // namespace freestone::frames
