#include "frames/region.h"

#include <algorithm>
#include <bit>

namespace freestone::frames {

using base::Code;
using base::Status;

Region::~Region() {
  for (const int descriptor : descriptors_) os::close_backing(descriptor);
  if (base_ != nullptr && !lent_) (void)system_->release(base_, bytes());
}

Status Region::init(const System& system, uint32_t frame_size, uint32_t blocks, HugePages policy,
                    std::atomic<uint64_t>* handed_out, uint8_t* memory) noexcept {
  system_ = &system;
  blocks_ = blocks;
  block_shift_ = static_cast<uint32_t>(std::countr_zero(frame_size)) + kBlockOrder;
  policy_ = policy;
  handed_out_ = handed_out;
  if (memory != nullptr) {
    if (reinterpret_cast<uintptr_t>(memory) % (uint64_t{1} << block_shift_) != 0) {
      return Status(Code::kInvalidAlignment, "memory that does not begin with a block");
    }
    base_ = memory;
    lent_ = true;
    whole_ = true;
    return {};
  }
  // So that a run's address is as aligned as its index.
  const uint64_t alignment = std::min(std::bit_ceil(bytes()), uint64_t{kMaxRunFrames} * frame_size);
  auto reserved = system.reserve(bytes(), alignment);
  if (!reserved.ok()) return reserved.status();
  base_ = reserved.take();
  whole_ = system.commit(base_, bytes()).ok();
  return {};
}

Status Region::map(const ZoneConfig& zone, BlockRange blocks, ZoneMemory& memory) noexcept {
  uint8_t* const start = address(blocks.first);
  const uint64_t size = uint64_t{blocks.count} << block_shift_;
  if (zone.kind == ZoneKind::kDevice) {
    auto file = zone.descriptor >= 0 ? os::share_backing(zone.descriptor, size) : os::open_backing(zone.path, size);
    if (!file.ok()) return file.status();
    if (!descriptors_.push(file.value())) {
      os::close_backing(file.value());
      return Status(Code::kOutOfMemory, "mapping a device zone");
    }
    memory.descriptor = file.value();
    memory.keeps = true;
    return os::map_backing(start, size, file.value());
  }
  if (zone.kind == ZoneKind::kHuge || policy_ == HugePages::kReserve) {
    constexpr uint64_t kGiant = uint64_t{1} << 30;
    constexpr uint64_t kLarge = uint64_t{1} << 21;
    const bool giant = size % kGiant == 0 && reinterpret_cast<uintptr_t>(start) % kGiant == 0;
    // The system gives back whole pages only, and a block is no whole giant page.
    memory.keeps = giant && system_->map_huge(start, size, kGiant).ok();
    memory.huge = memory.keeps || system_->map_huge(start, size, kLarge).ok();
  }
  if (!memory.huge && whole_) {
    const bool use = zone.kind == ZoneKind::kHuge || policy_ != HugePages::kNever;
    memory.advised = system_->advise_huge(start, size, use).ok() && use;
  }
  if (zone.kind == ZoneKind::kDma) {
    // Pages can only be locked when they can be touched.
    Status status = whole_ || memory.huge ? Status() : system_->commit(start, size);
    if (status.ok()) status = system_->lock_pages(start, size);
    memory.locked = status.ok();
    memory.keeps |= memory.locked;
    memory.lock_error = status.system_error();
  }
  return {};
}

bool Region::bind(BlockRange blocks, uint32_t node) noexcept {
  return system_
      ->bind_memory(address(blocks.first), uint64_t{blocks.count} << block_shift_, {&node, 1}, os::Binding::kPreferred)
      .ok();
}

Status Region::hand_out_slowly(BlockIndex first, uint32_t count) noexcept {
  uint32_t fresh = 0;
  const std::lock_guard guard(mutex_);
  for (BlockIndex block = first; block < first + count; ++block) {
    fresh += (handed_out_[block / 64].load(std::memory_order_relaxed) >> (block % 64) & 1) == 0;
  }
  if (fresh == 0) return {};
  const uint64_t size = uint64_t{count} << block_shift_;
  if (!whole_) {
    // Again for those that were: it changes nothing of theirs.
    const Status status = system_->commit(address(first), size);
    if (!status.ok()) return Status(Code::kOutOfMemory, "committing frames");
    if (policy_ != HugePages::kNever) (void)system_->advise_huge(address(first), size, true);
  }
  if (policy_ == HugePages::kAlways) (void)system_->populate(address(first), size);
  for (BlockIndex block = first; block < first + count; ++block) {
    // Release: pairs with `hand_out`.
    handed_out_[block / 64].fetch_or(uint64_t{1} << (block % 64), std::memory_order_release);
  }
  handed_out_blocks_.fetch_add(fresh, std::memory_order_relaxed);
  return {};
}

bool Region::any_handed_out(BlockIndex first, uint32_t count) const noexcept {
  for (BlockIndex block = first; block < first + count; ++block) {
    if ((handed_out_[block / 64].load(std::memory_order_relaxed) >> (block % 64) & 1) != 0) return true;
  }
  return false;
}

uint32_t Region::give_back(BlockIndex first, uint32_t count, const ZoneMemory& memory) noexcept {
  if (memory.keeps) return 0;
  uint32_t given = 0;
  const std::lock_guard guard(mutex_);
  for (BlockIndex block = first; block < first + count;) {
    BlockIndex end = block;
    while (end < first + count && any_handed_out(end, 1)) ++end;
    if (end == block) {
      ++block;
      continue;
    }
    const uint64_t size = uint64_t{end - block} << block_shift_;
    const Status status =
        whole_ || memory.huge ? system_->purge(address(block), size) : system_->decommit(address(block), size);
    if (status.ok()) {
      for (BlockIndex i = block; i < end; ++i) {
        handed_out_[i / 64].fetch_and(~(uint64_t{1} << (i % 64)), std::memory_order_relaxed);
      }
      given += end - block;
    }
    block = end;
  }
  handed_out_blocks_.fetch_sub(given, std::memory_order_relaxed);
  return given;
}

}  // namespace freestone::frames
