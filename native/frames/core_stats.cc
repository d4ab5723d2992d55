#include "frames/core.h"

namespace freestone::frames {

using base::Code;
using base::Result;
using base::Status;

namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

double share_lost(uint64_t usable, uint64_t open) noexcept {
  if (open == 0 || usable >= open) return 0;
  return 1.0 - static_cast<double>(usable) / static_cast<double>(open);
}

}  // namespace

Result<Stats> Core::stats() const noexcept {
  const Status no_memory(Code::kOutOfMemory, "statistics");
  Stats stats;
  stats.frame_size = uint64_t{1} << region_.frame_shift();
  stats.failures = failures_.load(kRelaxed);
  stats.committed_bytes = region_.handed_out_bytes();
  stats.metadata_bytes = metadata_bytes_ + sites_.bytes() + movers_.bytes();
  for (size_t i = 0; i < zones_.size(); ++i) {
    const ZoneMemory& memory = memories_[i];
    ZoneStats zone;
    zone.kind = zones_[i].kind();
    zone.pressure = zones_[i].pressure();
    zone.locked = memory.locked;
    zone.huge = memory.huge;
    zone.advised = memory.advised;
    zone.lock_error = memory.lock_error;
    zone.total_frames = zones_[i].total();
    zone.pressure_events = zones_[i].events();
    if (!stats.zones.push(zone)) return no_memory;
  }
  for (uint32_t i = 0; i < nodes_.count(); ++i) {
    NodeStats node;
    node.id = nodes_.id(i);
    node.bound = bound_[i];
    node.misses = misses_[i].load(kRelaxed);
    node.foreign = foreign_[i].load(kRelaxed);
    if (!stats.nodes.push(node)) return no_memory;
  }
  uint64_t usable[kOrders] = {};
  for (const Hybrid& area : areas_) {
    ZoneStats& zone = stats.zones[area.parts().zone_position];
    NodeStats& node = stats.nodes[area.parts().node_position];
    const Account& account = area.account();
    const uint64_t open = account.total() - std::min(account.total(), account.used());
    const uint64_t allocations = account.allocations();
    const uint64_t frees = account.frees();
    zone.free_frames += open;
    zone.allocations += allocations;
    zone.frees += frees;
    node.total_frames += account.total();
    node.free_frames += open;
    node.hits += allocations;
    stats.total_frames += account.total();
    stats.free_frames += open;
    stats.cached_frames += area.kept_frames();
    stats.allocations += allocations;
    stats.frees += frees;
    stats.promotions += area.counts.promotions.load(kRelaxed);
    stats.demotions += area.counts.demotions.load(kRelaxed);
    stats.lent += area.counts.lent.load(kRelaxed);
    stats.returned += area.counts.returned.load(kRelaxed);
    area.add_usable_blocks(usable);
  }
  for (NodeStats& node : stats.nodes) node.hits -= std::min(node.hits, node.misses);
  for (Order order = kBlockOrder; order <= kMaxOrder; ++order) {
    stats.fragmentation[order - kBlockOrder] = share_lost(usable[order], stats.free_frames);
  }
  return stats;
}

Fragmentation Core::fragmentation() const noexcept {
  uint64_t usable[kOrders] = {};
  uint64_t open = 0;
  for (const Hybrid& area : areas_) open += area.add_usable(usable);
  Fragmentation result;
  for (Order order = 0; order <= kMaxOrder; ++order) result.index[order] = share_lost(usable[order], open);
  return result;
}

}  // namespace freestone::frames
