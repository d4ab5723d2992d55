#include "buffers/shared_buffers.h"

#include <cstring>
#include <mutex>
#include <new>

namespace freestone::buffers {

using base::Code;
using base::Ref;
using base::Result;
using base::Status;

namespace {

/// The word of a block that ends: tokens of it are stale.
constexpr uint32_t ended(uint32_t word) noexcept {
  return BlockWord{.generation = (BlockWord::unpack(word).generation + 1) & 0x3FFF}.pack();
}

}  // namespace

Result<Ref<SharedBuffers>> SharedBuffers::make(std::span<uint8_t> memory, std::span<std::atomic<uint32_t>> words,
                                               uint64_t limit) noexcept {
  if (words.size() < memory.size() / kLeastBlock) return Status(Code::kInvalidSize, "a word for each 64 bytes");
  if (limit == 0) return Status(Code::kInvalidSize, "a limit of no bytes");
  const frames::NodeConfig node{};
  frames::Config config;
  config.size = memory.size();
  config.memory = memory.data();
  config.nodes = {&node, 1};
  config.huge_pages = frames::HugePages::kNever;
  config.cpu_cache = 0;
  auto frames = frames::FrameAllocator::make(config);
  if (!frames.ok()) return frames.status();
  auto space = slab::Space::make(frames.take());
  if (!space.ok()) return space.status();
  auto heap = slab::Heap::make({}, space.take());
  if (!heap.ok()) return heap.status();
  auto made = Ref<SharedBuffers>(new (std::nothrow) SharedBuffers(memory, words, limit, heap.take()));
  if (!made) return Status(Code::kOutOfMemory, "making shared buffers");
  return made;
}

Result<uint32_t> SharedBuffers::join() noexcept {
  const std::lock_guard guard(lock_);
  for (uint32_t member = 1; member <= kMaxMembers; ++member) {
    if (members_.test(member)) continue;
    members_.set(member);
    return member;
  }
  return Status(Code::kLimitExceeded, "too many threads share these buffers");
}

Status SharedBuffers::refill(uint32_t member, uint32_t size_class, uint64_t size, bool zeroed,
                             std::span<uint64_t> offsets) noexcept {
  if (size == 0 || size % kLeastBlock != 0 || (offsets.size() > 1 && size > slab::kMaxUnit))
    return Status(Code::kInvalidSize, "blocks of that size");
  if (member == 0 || member > kMaxMembers || size_class > kMaxSizeClass || offsets.empty() ||
      offsets.size() > kMaxRefill) {
    return Status(Code::kInvalidArgument, "a refill");
  }
  const uint64_t count = offsets.size();
  if (size > limit_) return Status(Code::kLimitExceeded, "a buffer above the limit");
  const uint64_t bytes = count * size;
  if (bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes > limit_) {
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    return Status(Code::kLimitExceeded, "the buffers of all threads together");
  }
  void* blocks[kMaxRefill];
  Status status;
  if (count == 1 && zeroed) {
    // The heap knows of large blocks that are zero already.
    auto block = heap_->calloc(size);
    status = block.status();
    if (status.ok()) blocks[0] = block.value();
  } else {
    status = heap_->alloc_many(size, {blocks, count});
    if (status.ok() && zeroed) {
      for (void* const block : std::span(blocks, count)) std::memset(block, 0, size);
    }
  }
  if (!status.ok()) {
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    return status;
  }
  blocks_.fetch_add(count, std::memory_order_relaxed);
  // A large block may be one that was kept, and hold more.
  if (count == 1) bytes_.fetch_add(heap_->usable_size(blocks[0]).value() - size, std::memory_order_relaxed);
  for (uint64_t i = 0; i < count; ++i) {
    offsets[i] = static_cast<uint64_t>(static_cast<uint8_t*>(blocks[i]) - memory_.data());
    std::atomic<uint32_t>& word = word_at(offsets[i]);
    word.store(BlockWord{.state = BlockState::kCached,
                         .size_class = size_class,
                         .member = member,
                         .generation = BlockWord::unpack(word.load()).generation}
                   .pack());
  }
  return {};
}

uint64_t SharedBuffers::end(uint64_t offset, uint64_t bytes, uint32_t seen) noexcept {
  // Before the block is free: from then on its word is the next owner's.
  if (!word_at(offset).compare_exchange_strong(seen, ended(seen))) return 0;
  if (!heap_->free(memory_.data() + offset).ok()) return 0;
  bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  blocks_.fetch_sub(1, std::memory_order_relaxed);
  return bytes;
}

size_t SharedBuffers::drain(uint32_t member, std::span<const uint64_t> offsets) noexcept {
  size_t count = 0;
  for (const uint64_t offset : offsets) {
    if (offset >= memory_.size() || offset % kLeastBlock != 0) continue;
    const uint32_t seen = word_at(offset).load();
    const BlockWord word = BlockWord::unpack(seen);
    if (word.state != BlockState::kCached || word.member != member) continue;
    const auto bytes = heap_->usable_size(memory_.data() + offset);
    if (bytes.ok() && end(offset, bytes.value(), seen) != 0) ++count;
  }
  return count;
}

template <typename Visit>
void SharedBuffers::walk(Visit visit) noexcept {
  struct Context {
    SharedBuffers& self;
    Visit& visit;
  } context{*this, visit};
  heap_->walk(
      [](void* raw, uint8_t* address, uint64_t bytes) noexcept {
        auto& [self, to] = *static_cast<Context*>(raw);
        const auto offset = static_cast<uint64_t>(address - self.memory_.data());
        to(offset, bytes, self.word_at(offset).load());
      },
      &context);
}

template <typename Chosen, typename Ended>
void SharedBuffers::end_all(Chosen chosen, Ended hear) noexcept {
  // Blocks cannot be freed during a walk, and there is no memory to be had for a list of any length.
  struct Found {
    uint64_t offset;
    uint64_t bytes;
    uint32_t word;
  };
  constexpr size_t kBatch = 256;
  Found found[kBatch];
  for (size_t count = kBatch; count == kBatch;) {
    count = 0;
    walk([&](uint64_t offset, uint64_t bytes, uint32_t word) {
      if (count < kBatch && chosen(BlockWord::unpack(word))) {
        found[count++] = {.offset = offset, .bytes = bytes, .word = word};
      }
    });
    bool any = false;
    for (const Found& each : std::span(found, count)) {
      if (end(each.offset, each.bytes, each.word) == 0) continue;
      any = true;
      hear(BlockWord::unpack(each.word), each.bytes);
    }
    // Others were faster with all of them, or the words were scribbled on.
    if (!any) return;
  }
}

SharedBuffers::Recovered SharedBuffers::leave(uint32_t member) noexcept {
  Recovered recovered;
  end_all(
      [member](const BlockWord& word) {
        return word.member == member && (word.state == BlockState::kCached || word.state == BlockState::kHeld);
      },
      [&](const BlockWord& word, uint64_t bytes) {
        const bool held = word.state == BlockState::kHeld;
        (held ? recovered.held_blocks : recovered.cached_blocks) += 1;
        (held ? recovered.held_bytes : recovered.cached_bytes) += bytes;
      });
  lost_blocks_.fetch_add(recovered.held_blocks, std::memory_order_relaxed);
  lost_bytes_.fetch_add(recovered.held_bytes, std::memory_order_relaxed);
  const std::lock_guard guard(lock_);
  members_.reset(member);
  return recovered;
}

uint64_t SharedBuffers::reclaim() noexcept {
  uint64_t count = 0;
  end_all([](const BlockWord& word) { return word.state == BlockState::kTransit; },
          [&](const BlockWord&, uint64_t) { ++count; });
  return count;
}

SharedBuffers::Stats SharedBuffers::stats() noexcept {
  Stats stats;
  stats.limit = limit_;
  stats.bytes = bytes_.load(std::memory_order_relaxed);
  stats.blocks = blocks_.load(std::memory_order_relaxed);
  stats.lost_blocks = lost_blocks_.load(std::memory_order_relaxed);
  stats.lost_bytes = lost_bytes_.load(std::memory_order_relaxed);
  walk([&](uint64_t, uint64_t bytes, uint32_t word) {
    if (BlockWord::unpack(word).state != BlockState::kTransit) return;
    ++stats.transit_blocks;
    stats.transit_bytes += bytes;
  });
  const std::lock_guard guard(lock_);
  stats.members = members_.count();
  return stats;
}

Status SharedBuffers::validate() noexcept {
  if (const Status status = heap_->validate(); !status.ok()) return status;
  uint64_t blocks = 0;
  uint64_t bytes = 0;
  uint64_t lost = 0;
  walk([&](uint64_t, uint64_t size, uint32_t word) {
    ++blocks;
    bytes += size;
    if (BlockWord::unpack(word).state == BlockState::kFree) ++lost;
  });
  if (lost != 0) return Status(Code::kOverlap, "a block that nobody has");
  if (blocks != blocks_.load() || bytes != bytes_.load()) return Status(Code::kOverlap, "the count of blocks");
  return {};
}

}  // namespace freestone::buffers
