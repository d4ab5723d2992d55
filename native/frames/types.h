#pragma once
// The words of this tier: frames, blocks, orders, kinds of zones, and the sizes that everything else follows from.
//   threads: plain values.    memory: none.
#include <cstdint>

#include "base/base.h"

namespace freestone::frames {

/// A frame by its position in the region: it starts `index_of(frame)` times the frame size after the region's start.
enum class FrameId : uint64_t {};

[[nodiscard]] constexpr uint64_t index_of(FrameId frame) noexcept { return static_cast<uint64_t>(frame); }

/// No frame. What a failed `Result<FrameId>` must not be read as.
inline constexpr FrameId kNoFrame{UINT64_MAX};

/// Two to this power frames. Blocks are of order 9; the largest run is of order 20 (4 GiB of 4 KiB frames).
using Order = uint32_t;
inline constexpr Order kBlockOrder = 9;
inline constexpr Order kMaxOrder = 20;
inline constexpr uint32_t kOrders = kMaxOrder + 1;

/// Frames of a block: runs below this come from the bitmap, the others from the buddy lists.
inline constexpr uint32_t kBlockFrames = 1U << kBlockOrder;
/// Frames of the largest run.
inline constexpr uint32_t kMaxRunFrames = 1U << kMaxOrder;

/// A block by its position in the region.
using BlockIndex = uint32_t;
inline constexpr BlockIndex kNoBlock = UINT32_MAX;

/// What memory a zone is made of. The values are those of `zoneKind` in lib/native.ts.
enum class ZoneKind : uint8_t {
  /// Anonymous memory.
  kNormal = 0,
  /// Locked in RAM once it is touched, where the limit allows.
  kDma = 1,
  /// Huge pages that the system has set aside; where it has none, ordinary memory with advice to use huge pages.
  kHuge = 2,
  /// A file, or memory that other processes can map.
  kDevice = 3,
};
inline constexpr uint32_t kZoneKinds = 4;

/// When the system is asked for huge pages. The values are those of `hugePages` in lib/native.ts.
enum class HugePages : uint8_t {
  /// Never; memory is used page by page.
  kNever = 0,
  /// By advice: the first touch of a block takes a huge page if there is one.
  kAdvise = 1,
  /// As `kAdvise`, and a block gets its memory when it is first handed out, so that no touch of it waits for the
  /// system.
  kAlways = 2,
  /// Set aside when the allocator is made, 1 GiB pages where a zone is made of them, else 2 MiB; where there are not
  /// enough, as `kAdvise`.
  kReserve = 3,
};

/// How full a zone is, by its watermarks. The values are those of `pressureLevel` in lib/native.ts.
enum class Pressure : uint8_t {
  /// Above `low`, or since it was not, `high` has been reached again.
  kNone = 0,
  /// `low` frames or fewer are free.
  kLow = 1,
  /// `min` frames or fewer are free: only requests with `emergency` are served.
  kMin = 2,
};

}  // namespace freestone::frames
