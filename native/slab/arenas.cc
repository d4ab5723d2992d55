#include "slab/arenas.h"

#include <bit>

namespace freestone::slab {

using base::Code;
using base::Result;
using base::Status;

namespace {

/// For each order, the bits at which an aligned run of 2^order may begin.
constexpr uint64_t kStarts[kSegmentOrders] = {~uint64_t{0}, 0x5555555555555555, 0x1111111111111111, 0x0101010101010101,
                                              0x0001000100010001};

/// The bits at which an aligned run of 2^order set bits begins.
uint64_t aligned_runs(uint64_t word, uint32_t order) noexcept {
  for (uint32_t i = 0; i < order; ++i) word &= word >> (1U << i);
  return word & kStarts[order];
}

uint64_t run_mask(uint32_t slot, uint32_t order) noexcept {
  return ((uint64_t{1} << (1U << order)) - 1) << (slot % 64);
}

}  // namespace

Status Growth::check() const noexcept {
  if (!base::is_power_of_two(initial) || initial < kGranuleBytes || initial > kMaxArenaBytes) {
    return Status(Code::kInvalidSize, "an arena has a power of two from 4 MiB to 256 MiB");
  }
  if (batch == 0) return Status(Code::kInvalidArgument, "arenas grow in batches of at least one");
  if (max_shift > 6 || initial << max_shift > kMaxArenaBytes) {
    return Status(Code::kInvalidArgument, "arenas would grow beyond 256 MiB");
  }
  return {};
}

uint32_t ArenaGroup::find(uint32_t order) const noexcept {
  for (uint32_t i = 0; i < kMaxArenas / 64 / 64; ++i) {
    if (summary_[order][i] == 0) continue;
    const uint32_t word = i * 64 + static_cast<uint32_t>(std::countr_zero(summary_[order][i]));
    return word * 64 + static_cast<uint32_t>(std::countr_zero(space_[order][word]));
  }
  return kMaxArenas;
}

void ArenaGroup::set(uint32_t order, uint32_t arena, bool space) noexcept {
  const uint32_t word = arena / 64;
  const uint64_t bit = uint64_t{1} << (arena % 64);
  uint64_t& bits = space_[order][word];
  bits = space ? bits | bit : bits & ~bit;
  uint64_t& above = summary_[order][word / 64];
  const uint64_t above_bit = uint64_t{1} << (word % 64);
  above = bits != 0 ? above | above_bit : above & ~above_bit;
}

Arenas::~Arenas() {
  if (memory_ != nullptr) (void)system_->release(memory_, memory_bytes_);
}

Status Arenas::init(const System& system, const Directory& directory, frames::FrameAllocator& frames) noexcept {
  system_ = &system;
  directory_ = &directory;
  frames_ = &frames;
  const uint64_t granules = directory.slots() / 64 + 1;
  const uint64_t page = os::page_size();
  memory_bytes_ = kMaxArenas * sizeof(Arena) + granules * (2 * sizeof(uint64_t) + sizeof(uint32_t));
  memory_bytes_ = (memory_bytes_ + page - 1) / page * page;
  auto reserved = system.reserve(memory_bytes_, page);
  if (!reserved.ok()) return reserved.status();
  memory_ = reserved.take();
  if (const Status status = system.commit(memory_, memory_bytes_); !status.ok()) return status;
  arenas_ = reinterpret_cast<Arena*>(memory_);
  free_ = reinterpret_cast<uint64_t*>(arenas_ + kMaxArenas);
  resident_ = free_ + granules;
  arena_of_ = reinterpret_cast<uint32_t*>(resident_ + granules);
  return {};
}

Status Arenas::grow(ArenaGroup& group, const Growth& growth) noexcept {
  if (count_ == kMaxArenas) return Status(Code::kOutOfMemory, "making an arena");
  uint64_t bytes = growth.bytes_of(group.count);
  Result<frames::FrameId> run(frames::kNoFrame);
  // Where a large arena does not fit, a smaller one may.
  for (;; bytes /= 2) {
    const auto count = static_cast<uint32_t>(bytes / frames_->frame_size());
    run = frames_->allocate(count, {.alignment = count, .exact = true});
    if (run.ok() || bytes <= kGranuleBytes) break;
  }
  if (!run.ok()) return Status(Code::kOutOfMemory, "making an arena");
  const uint32_t index = count_++;
  Arena& arena = arenas_[index];
  arena = {};
  arena.group = &group;
  arena.first_granule = static_cast<uint32_t>(directory_->slot_at(frames_->address_of(run.value())) / 64);
  arena.granules = static_cast<uint32_t>(bytes / kGranuleBytes);
  ++group.count;
  for (uint32_t granule = arena.first_granule; granule < arena.first_granule + arena.granules; ++granule) {
    free_[granule] = ~uint64_t{0};
    resident_[granule] = 0;
    arena_of_[granule] = index;
    update(arena, granule);
  }
  return {};
}

void Arenas::update(Arena& arena, uint32_t granule) noexcept {
  const uint64_t bit = uint64_t{1} << (granule - arena.first_granule);
  const auto index = static_cast<uint32_t>(&arena - arenas_);
  for (uint32_t order = 0; order < kSegmentOrders; ++order) {
    uint64_t& space = arena.space[order];
    space = aligned_runs(free_[granule], order) != 0 ? space | bit : space & ~bit;
    arena.group->set(order, index, space != 0);
  }
}

Result<uint32_t> Arenas::take(ArenaGroup& group, const Growth& growth, uint32_t order) noexcept {
  uint32_t index = group.last_used[order];
  const bool hit = index < count_ && arenas_[index].group == &group && group.has(order, index);
  ++(hit ? group.hint_hits : group.hint_misses);
  if (!hit) {
    index = group.find(order);
    if (index == kMaxArenas) {
      if (const Status status = grow(group, growth); !status.ok()) return status;
      index = group.find(order);
    }
    group.last_used[order] = index;
  }
  Arena& arena = arenas_[index];
  const uint32_t granule = arena.first_granule + static_cast<uint32_t>(std::countr_zero(arena.space[order]));
  const uint64_t used_before = aligned_runs(free_[granule] & resident_[granule], order);
  const uint64_t runs = used_before != 0 ? used_before : aligned_runs(free_[granule], order);
  const uint32_t slot = granule * 64 + static_cast<uint32_t>(std::countr_zero(runs));
  const uint64_t mask = run_mask(slot, order);
  resident_free_ -= static_cast<uint64_t>(std::popcount(resident_[granule] & mask));
  free_[granule] &= ~mask;
  resident_[granule] |= mask;
  update(arena, granule);
  return slot;
}

void Arenas::give_back(uint32_t slot, uint32_t order, bool purged) noexcept {
  const uint32_t granule = slot / 64;
  const uint64_t mask = run_mask(slot, order);
  free_[granule] |= mask;
  if (purged) {
    resident_[granule] &= ~mask;
  } else {
    resident_free_ += uint64_t{1} << order;
  }
  update(arenas_[arena_of_[granule]], granule);
}

void Arenas::merge(ArenaGroup& from, ArenaGroup& into) noexcept {
  for (uint32_t index = 0; index < count_; ++index) {
    Arena& arena = arenas_[index];
    if (arena.group != &from) continue;
    arena.group = &into;
    ++into.count;
    for (uint32_t order = 0; order < kSegmentOrders; ++order) into.set(order, index, arena.space[order] != 0);
  }
  from = {};
}

uint64_t Arenas::purge_free() noexcept {
  uint64_t bytes = 0;
  for (uint32_t index = 0; index < count_; ++index) {
    const Arena& arena = arenas_[index];
    for (uint32_t granule = arena.first_granule; granule < arena.first_granule + arena.granules; ++granule) {
      for (uint64_t left = free_[granule] & resident_[granule]; left != 0;) {
        // One call for each run of slots.
        const auto first = static_cast<uint32_t>(std::countr_zero(left));
        const auto count = static_cast<uint32_t>(std::countr_one(left >> first));
        const uint64_t mask = (count == 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1) << first;
        left &= ~mask;
        const uint64_t size = uint64_t{count} << kSlotShift;
        if (!system_->purge(directory_->address_of(uint64_t{granule} * 64 + first), size).ok()) continue;
        resident_[granule] &= ~mask;
        resident_free_ -= count;
        bytes += size;
      }
    }
  }
  return bytes;
}

Status Arenas::validate() const noexcept {
  uint64_t resident_free = 0;
  for (uint32_t index = 0; index < count_; ++index) {
    const Arena& arena = arenas_[index];
    for (uint32_t i = 0; i < arena.granules; ++i) {
      const uint32_t granule = arena.first_granule + i;
      if (arena_of_[granule] != index) return Status(Code::kOverlap, "a granule names another arena");
      resident_free += static_cast<uint64_t>(std::popcount(free_[granule] & resident_[granule]));
      for (uint32_t order = 0; order < kSegmentOrders; ++order) {
        const bool space = aligned_runs(free_[granule], order) != 0;
        if (space != ((arena.space[order] >> i & 1) != 0)) {
          return Status(Code::kOverlap, "an arena's bitmap of granules against their bitmaps of slots");
        }
      }
      for (uint32_t slot = granule * 64; slot < granule * 64 + 64; ++slot) {
        if (is_free(slot) != (directory_->entry(slot) == 0)) {
          return Status(Code::kOverlap, "a bitmap of slots against the directory");
        }
      }
    }
    for (uint32_t order = 0; order < kSegmentOrders; ++order) {
      if (arena.group->has(order, index) != (arena.space[order] != 0)) {
        return Status(Code::kOverlap, "the bitmap of arenas against an arena");
      }
    }
  }
  if (resident_free != resident_free_) return Status(Code::kOverlap, "the count of free resident slots");
  return {};
}

}  // namespace freestone::slab
