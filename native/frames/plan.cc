#include "frames/plan.h"

#include <algorithm>

namespace freestone::frames {

using base::Code;
using base::Status;

namespace {

const Status kNoMemory(Code::kOutOfMemory, "planning zones");
/// Far beyond what any machine maps, and far from overflowing.
constexpr uint64_t kMaxBytes = uint64_t{1} << 47;

/// Zones whose sizes, in bytes, fill the region.
Status plan_zones(const Config& config, base::Array<Plan::ZonePlan>& zones) noexcept {
  if (config.zones.size() > kMaxZones) return Status(Code::kInvalidArgument, "more than 16 zones");
  uint64_t sum = 0;
  size_t rest = SIZE_MAX;
  bool normal = false;
  for (const ZoneConfig& zone : config.zones) {
    if (static_cast<uint32_t>(zone.kind) >= kZoneKinds) return Status(Code::kInvalidArgument, "no such kind of zone");
    if (zone.size > kMaxBytes || sum + zone.size > kMaxBytes) return Status(Code::kInvalidSize, "zones too large");
    if (zone.size == 0) {
      if (rest != SIZE_MAX) return Status(Code::kInvalidSize, "two zones want the rest");
      rest = zones.size();
    }
    sum += zone.size;
    normal = normal || zone.kind == ZoneKind::kNormal;
    if (!zones.push({.config = zone, .frames = 0, .blocks = {}})) return kNoMemory;
  }
  const uint64_t size = config.size == 0 ? sum : config.size;
  if (size == 0 || size > kMaxBytes) return Status(Code::kInvalidSize, "a region of that size");
  if (sum > size) return Status(Code::kInvalidSize, "zones larger than the region");
  if (sum == size) return rest == SIZE_MAX ? Status() : Status(Code::kInvalidSize, "a zone without memory");
  if (rest != SIZE_MAX) {
    zones[rest].config.size = size - sum;
    return {};
  }
  if (normal) return Status(Code::kInvalidSize, "zones smaller than the region");
  if (zones.size() == kMaxZones) return Status(Code::kInvalidArgument, "more than 16 zones");
  ZoneConfig filler;
  filler.size = size - sum;
  return zones.push({.config = filler, .frames = 0, .blocks = {}}) ? Status() : kNoMemory;
}

Status check_marks(const Watermarks& marks, uint64_t frames) noexcept {
  if (marks.min > marks.low || marks.low > marks.high || marks.high > frames) {
    return Status(Code::kInvalidArgument, "watermarks are out of order or larger than their zone");
  }
  return {};
}

}  // namespace

Status Plan::init(const Config& config, const NodeTable& nodes) noexcept {
  const uint32_t frame_size = config.frame_size;
  if (!base::is_power_of_two(frame_size) || frame_size < 4096 || frame_size > 1 << 20 || frame_size < os::page_size()) {
    return Status(Code::kInvalidSize, "a frame is a power of two from 4 KiB to 1 MiB");
  }
  if (const Status status = plan_zones(config, zones); !status.ok()) return status;
  uint64_t weights = 0;
  for (uint32_t node = 0; node < nodes.count(); ++node) {
    if (nodes.weight(node) > kMaxBytes) return Status(Code::kInvalidSize, "nodes too large");
    weights += nodes.weight(node);
  }
  const bool sized = std::any_of(config.nodes.begin(), config.nodes.end(),
                                 [](const NodeConfig& node) noexcept { return node.size != 0; });
  uint64_t bytes = 0;
  for (const ZonePlan& zone : zones) bytes += zone.config.size;
  if (sized && weights != bytes) return Status(Code::kInvalidSize, "nodes do not add up to the region");

  uint64_t next = 0;
  for (ZonePlan& zone : zones) {
    zone.frames = (zone.config.size + frame_size - 1) / frame_size;
    const uint64_t count = (zone.frames + kBlockFrames - 1) / kBlockFrames;
    if (next + count >= kNoBlock) return Status(Code::kInvalidSize, "a region of that size");
    if (const Status status = check_marks(zone.config.watermarks, zone.frames); !status.ok()) return status;
    zone.blocks = {static_cast<BlockIndex>(next), static_cast<uint32_t>(count)};
    uint64_t given = 0;
    uint64_t weight = 0;
    for (uint32_t node = 0; node < nodes.count(); ++node) {
      weight += nodes.weight(node);
      // Rounded up, so that a zone of few blocks is where CPUs look first. 2^47 bytes are 2^26 blocks, and weights are
      // below 2^53: in two steps, because the product may not fit.
      const uint64_t share =
          weight == weights
              ? count
              : std::min(count, static_cast<uint64_t>(static_cast<double>(count) * static_cast<double>(weight) /
                                                          static_cast<double>(weights) +
                                                      0.999999));
      const uint64_t own = share - std::min(share, given);
      const BlockRange range{static_cast<BlockIndex>(next + given), static_cast<uint32_t>(own)};
      const uint64_t end = std::min(zone.frames, (given + own) * kBlockFrames);
      const uint64_t own_frames = own == 0 ? 0 : end - given * kBlockFrames;
      given += own;
      if (!areas.push({.frames = own_frames, .blocks = range})) return kNoMemory;
    }
    frames += zone.frames;
    next += count;
  }
  blocks = static_cast<uint32_t>(next);
  return {};
}

}  // namespace freestone::frames
