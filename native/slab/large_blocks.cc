#include "slab/large_blocks.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "slab/heap.h"

namespace freestone::slab {

using base::Code;
using base::Result;
using base::Status;

namespace {

constexpr uint32_t kFirstExponent = 17;

/// The bucket whose blocks hold `bytes`, 128 KiB and one to 32 MiB.
uint32_t bucket_of(uint64_t bytes) noexcept {
  const uint64_t last = bytes - 1;
  const auto exponent = static_cast<uint32_t>(std::bit_width(last)) - 1;
  return (exponent - kFirstExponent) * 8 + static_cast<uint32_t>(last >> (exponent - 3) & 7);
}

uint64_t bytes_of(uint32_t bucket) noexcept {
  const uint32_t exponent = bucket / 8 + kFirstExponent;
  return (uint64_t{1} << exponent) + (uint64_t{1} << (exponent - 3)) * (bucket % 8 + 1);
}

}  // namespace

Result<void*> LargeBlocks::alloc(uint64_t size, uint64_t alignment, bool zeroed) noexcept {
  if (size > base::kMaxAddress / 2) return Status(Code::kOutOfMemory, "a block above the address space");
  Directory& directory = owner_.space->directory();
  const uint64_t wanted = std::max<uint64_t>(size, kMaxUnit + 1);
  const bool keeps = wanted <= kMaxKept;
  const uint32_t bucket = keeps ? bucket_of(wanted) : 0;
  if (keeps) {
    lock_.lock();
    if (closed_) {
      lock_.unlock();
      return Status(Code::kClosed, "the heap is closed");
    }
    const RecordIndex index = kept_[bucket];
    if (index != kNoRecord &&
        (reinterpret_cast<uintptr_t>(directory.address_of(directory.large(index).slot)) & (alignment - 1)) == 0) {
      LargeBlock& block = directory.large(index);
      unlink(block, kept_[bucket]);
      --counts_.cached_blocks;
      counts_.cached_bytes -= block.bytes;
      ++counts_.cache_hits;
      ++counts_.blocks;
      counts_.bytes += block.bytes;
      block.requested = size;
      link(index, live_);
      directory.set(block.slot, 1, make_entry(kLargeStart, index));
      lock_.unlock();
      uint8_t* const start = directory.address_of(block.slot);
      if (zeroed) std::memset(start, 0, size);
      return static_cast<void*>(start);
    }
    ++counts_.cache_misses;
    lock_.unlock();
  }
  const uint64_t page = owner_.space->frames().frame_size();
  const uint64_t bytes = ((keeps ? bytes_of(bucket) : wanted) + page - 1) / page * page;
  if (const Status status = owner_.heap->charge(bytes); !status.ok()) return status;
  bool zero = false;
  const auto made = owner_.space->make_large(bytes, alignment, owner_.heap, zero);
  if (!made.ok()) {
    owner_.heap->discharge(bytes);
    return made.status();
  }
  uint8_t* start = nullptr;
  bool closed = false;
  {
    const std::lock_guard guard(lock_);
    closed = closed_;
    LargeBlock& block = directory.large(made.value());
    block.requested = size;
    start = directory.address_of(block.slot);
    if (!closed) {
      link(made.value(), live_);
      ++counts_.blocks;
      counts_.bytes += block.bytes;
    }
  }
  if (closed) {
    (void)end(made.value());
    return Status(Code::kClosed, "the heap is closed");
  }
  if (zeroed && !zero) std::memset(start, 0, size);
  return static_cast<void*>(start);
}

LargeBlock* LargeBlocks::find(const void* pointer, RecordIndex& index) const noexcept {
  const Directory& directory = owner_.space->directory();
  const uint64_t slot = directory.slot_at(pointer);
  if (slot >= directory.slots() || directory.address_of(slot) != pointer) return nullptr;
  const Entry entry = directory.entry(slot);
  if (kind_of(entry) != kLargeStart) return nullptr;
  index = record_of(entry);
  LargeBlock& block = directory.large(index);
  // A block of this heap comes and goes under this lock only, so what names this heap now is its own.
  return block.heap.load(std::memory_order_relaxed) == owner_.heap && block.slot == slot ? &block : nullptr;
}

Status LargeBlocks::free(void* pointer) noexcept {
  Directory& directory = owner_.space->directory();
  RecordIndex index = kNoRecord;
  {
    const std::lock_guard guard(lock_);
    LargeBlock* const block = find(pointer, index);
    if (block == nullptr) return Status(Code::kInvalidAddress, "freeing what is not allocated");
    unlink(*block, live_);
    --counts_.blocks;
    counts_.bytes -= block->bytes;
    // From here on a second free finds no start of a block.
    directory.set(block->slot, 1, make_entry(kLargeInside, index));
    if (block->bytes <= kMaxKept && counts_.cached_bytes + block->bytes <= kMaxKeptBytes) {
      ++counts_.cached_blocks;
      counts_.cached_bytes += block->bytes;
      link(index, kept_[bucket_of(block->bytes)]);
      return {};
    }
  }
  (void)end(index);
  return {};
}

uint64_t LargeBlocks::end(RecordIndex index) noexcept {
  LargeBlock& block = owner_.space->directory().large(index);
  const uint64_t bytes = block.bytes;
  block.heap.store(nullptr, std::memory_order_relaxed);
  const uint64_t given_back = owner_.space->end_large(index);
  owner_.heap->discharge(bytes);
  return given_back;
}

uint64_t LargeBlocks::size_at(const void* pointer) const noexcept {
  const std::lock_guard guard(lock_);
  RecordIndex index = kNoRecord;
  const LargeBlock* const block = find(pointer, index);
  return block == nullptr ? 0 : block->bytes;
}

uint64_t LargeBlocks::trim() noexcept {
  uint64_t given_back = 0;
  for (RecordIndex& head : kept_) {
    for (;;) {
      RecordIndex index = kNoRecord;
      {
        const std::lock_guard guard(lock_);
        index = head;
        if (index == kNoRecord) break;
        LargeBlock& block = owner_.space->directory().large(index);
        unlink(block, head);
        --counts_.cached_blocks;
        counts_.cached_bytes -= block.bytes;
      }
      given_back += end(index);
    }
  }
  return given_back;
}

void LargeBlocks::release_all() noexcept {
  (void)trim();
  for (;;) {
    RecordIndex index = kNoRecord;
    {
      const std::lock_guard guard(lock_);
      index = live_;
      if (index == kNoRecord) return;
      LargeBlock& block = owner_.space->directory().large(index);
      unlink(block, live_);
      --counts_.blocks;
      counts_.bytes -= block.bytes;
      owner_.space->directory().set(block.slot, 1, make_entry(kLargeInside, index));
    }
    (void)end(index);
  }
}

void LargeBlocks::close() noexcept {
  const std::lock_guard guard(lock_);
  closed_ = true;
}

LargeBlocks::Counts LargeBlocks::counts() const noexcept {
  const std::lock_guard guard(lock_);
  return counts_;
}

Status LargeBlocks::validate() const noexcept {
  const std::lock_guard guard(lock_);
  const Directory& directory = owner_.space->directory();
  uint64_t blocks = 0;
  uint64_t bytes = 0;
  RecordIndex previous = kNoRecord;
  for (RecordIndex index = live_; index != kNoRecord; index = directory.large(index).next) {
    const LargeBlock& block = directory.large(index);
    if (block.previous != previous) return Status(Code::kOverlap, "the list of large blocks");
    if (directory.entry(block.slot) != make_entry(kLargeStart, index)) {
      return Status(Code::kOverlap, "a large block against the directory");
    }
    ++blocks;
    bytes += block.bytes;
    previous = index;
  }
  if (blocks != counts_.blocks || bytes != counts_.bytes) return Status(Code::kOverlap, "the count of large blocks");
  return {};
}

void LargeBlocks::link(RecordIndex index, RecordIndex& head) noexcept {
  Directory& directory = owner_.space->directory();
  LargeBlock& block = directory.large(index);
  block.previous = kNoRecord;
  block.next = head;
  if (head != kNoRecord) directory.large(head).previous = index;
  head = index;
}

void LargeBlocks::unlink(LargeBlock& block, RecordIndex& head) noexcept {
  Directory& directory = owner_.space->directory();
  if (block.previous != kNoRecord) {
    directory.large(block.previous).next = block.next;
  } else {
    head = block.next;
  }
  if (block.next != kNoRecord) directory.large(block.next).previous = block.previous;
}

}  // namespace freestone::slab
