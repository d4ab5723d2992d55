#include "slab/debug.h"

#include <algorithm>
#include <cstring>

namespace freestone::slab {

using base::Code;
using base::Status;

namespace {

bool all_are(const uint8_t* bytes, uint64_t count, uint8_t value) noexcept {
  return std::all_of(bytes, bytes + count, [value](uint8_t byte) { return byte == value; });
}

}  // namespace

size_t Debug::place_of(const void* address) const noexcept {
  const size_t mask = table_.size() - 1;
  size_t place = (reinterpret_cast<uintptr_t>(address) >> 3) * size_t{0x9E3779B97F4A7C15 & SIZE_MAX} >> 7 & mask;
  while (table_[place].block.address != nullptr && table_[place].block.address != address) place = (place + 1) & mask;
  return place;
}

bool Debug::grow() noexcept {
  if ((count_ + 1) * 4 <= table_.size() * 3) return true;
  base::Array<Noted> larger;
  const size_t size = std::max<size_t>(64, table_.size() * 2);
  if (!larger.reserve(size)) return false;
  for (size_t i = 0; i < size; ++i) (void)larger.push({});
  std::swap(table_, larger);
  for (const Noted& noted : larger) {
    if (noted.block.address != nullptr) table_[place_of(noted.block.address)] = noted;
  }
  return true;
}

void Debug::erase(size_t place) noexcept {
  const size_t mask = table_.size() - 1;
  table_[place] = {};
  --count_;
  // What was put behind it because it was in the way moves up.
  for (size_t next = (place + 1) & mask; table_[next].block.address != nullptr; next = (next + 1) & mask) {
    const Noted moved = table_[next];
    table_[next] = {};
    table_[place_of(moved.block.address)] = moved;
  }
}

bool Debug::add(const DebugBlock& block, uint64_t usable, bool zeroed) noexcept {
  const uint64_t red = std::min(usable - block.size, kMaxRedZone);
  if (!zeroed) std::memset(block.address, kFreshByte, block.size);
  std::memset(block.address + block.size, kRedByte, red);
  const std::lock_guard guard(lock_);
  if (!grow()) return false;
  table_[place_of(block.address)] = {.block = block, .red = red};
  ++count_;
  return true;
}

Status Debug::remove(void* block, uint64_t usable) noexcept {
  auto* const address = static_cast<uint8_t*>(block);
  {
    const std::lock_guard guard(lock_);
    if (count_ == 0) return Status(Code::kInvalidAddress, "freeing what is not allocated");
    const size_t place = place_of(address);
    const Noted noted = table_[place];
    if (noted.block.address == nullptr) return Status(Code::kInvalidAddress, "freeing what is not allocated");
    if (!all_are(address + noted.block.size, noted.red, kRedByte)) {
      ++overruns_;
      return Status(Code::kOverlap, "the bytes behind the block were written");
    }
    erase(place);
  }
  // Not under the lock: the block is nobody's now.
  std::memset(address, kFreedByte, usable);
  const std::lock_guard guard(lock_);
  // `next_due` was called after the last one, so there is room.
  waiting_[(first_waiting_ + waiting_count_) % kDelayed] = {.address = address, .size = usable};
  ++waiting_count_;
  waiting_bytes_ += usable;
  return {};
}

uint8_t* Debug::next_due(bool all) noexcept {
  const std::lock_guard guard(lock_);
  // Sixteen less than there is room for, one for each lane that may be between `remove` and here.
  const bool due = waiting_count_ > kDelayed - 32 || waiting_bytes_ > kDelayedBytes;
  if (waiting_count_ == 0 || (!due && !all)) return nullptr;
  const Waiting oldest = waiting_[first_waiting_];
  first_waiting_ = (first_waiting_ + 1) % kDelayed;
  --waiting_count_;
  waiting_bytes_ -= oldest.size;
  if (!all_are(oldest.address, oldest.size, kFreedByte)) ++late_writes_;
  return oldest.address;
}

DebugBlock Debug::find(const void* block) const noexcept {
  const std::lock_guard guard(lock_);
  return count_ == 0 ? DebugBlock{} : table_[place_of(block)].block;
}

const uint8_t* Debug::first_damage() const noexcept {
  const std::lock_guard guard(lock_);
  for (const Noted& noted : table_) {
    const DebugBlock& block = noted.block;
    if (block.address != nullptr && !all_are(block.address + block.size, noted.red, kRedByte)) return block.address;
  }
  for (uint32_t i = 0; i < waiting_count_; ++i) {
    const Waiting& waiting = waiting_[(first_waiting_ + i) % kDelayed];
    if (!all_are(waiting.address, waiting.size, kFreedByte)) return waiting.address;
  }
  return nullptr;
}

void Debug::clear() noexcept {
  const std::lock_guard guard(lock_);
  for (Noted& noted : table_) noted = {};
  count_ = 0;
  waiting_count_ = 0;
  waiting_bytes_ = 0;
}

Debug::Counts Debug::counts() const noexcept {
  const std::lock_guard guard(lock_);
  return {.blocks = count_, .delayed = waiting_count_, .overruns = overruns_, .late_writes = late_writes_};
}

}  // namespace freestone::slab
