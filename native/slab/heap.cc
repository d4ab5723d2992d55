#include "slab/heap.h"

#include <algorithm>
#include <cstring>

namespace freestone::slab {

using base::Code;
using base::Ref;
using base::Result;
using base::Status;

namespace {

/// Numbers for threads, so that they spread over the lanes. Relaxed: only the number itself matters.
uint32_t thread_number() noexcept {
  static std::atomic<uint32_t> last{0};
  thread_local const uint32_t number = last.fetch_add(1, std::memory_order_relaxed);
  return number;
}

constexpr size_t kMaxAlignment = size_t{1} << (sizeof(void*) == 8 ? 32 : 30);

Status no_such_block() noexcept { return Status(Code::kInvalidAddress, "freeing what is not allocated"); }

}  // namespace

Heap::Heap(const Config& config, Ref<Space> space) noexcept
    : config_(config), space_(std::move(space)), large_({.space = space_.get(), .heap = this}) {}

Result<Ref<Heap>> Heap::make(const Config& config, Ref<Space> space) noexcept {
  if (const Status status = config.growth.check(); !status.ok()) return status;
  auto heap = Ref<Heap>(new (std::nothrow) Heap(config, std::move(space)));
  if (!heap) return Status(Code::kOutOfMemory, "making a heap");
  if (config.dedicated) heap->group_ = new (std::nothrow) ArenaGroup;
  if (config.debug) heap->debug_ = new (std::nothrow) Debug;
  if ((config.dedicated && heap->group_ == nullptr) || (config.debug && heap->debug_ == nullptr)) {
    return Status(Code::kOutOfMemory, "making a heap");
  }
  return heap;
}

Heap::~Heap() {
  close();
  while (locals_ != nullptr) {
    LocalHeap* const local = locals_;
    locals_ = local->next_in_heap;
    LocalHeap::destroy(*space_, local);
  }
  if (group_ != nullptr) space_->merge(*group_);
  delete group_;
  delete debug_;
}

Heap::Turn::Turn(Heap& heap) noexcept
    : lane_(heap.lanes_[heap.config_.thread_safe ? thread_number() % kLanes : 0]), locked_(heap.config_.thread_safe) {
  if (locked_) lane_.lock.lock();
  if (heap.closed_.load(std::memory_order_relaxed)) return;
  if (lane_.local == nullptr) [[unlikely]]
    heap.add(lane_);
  local_ = lane_.local;
}

void Heap::add(Lane& lane) noexcept { lane.local = acquire_local(); }

LocalHeap* Heap::acquire_local() noexcept {
  const std::lock_guard guard(lock_);
  if (LocalHeap* const idle = idle_; idle != nullptr) {
    idle_ = idle->next_idle;
    return idle;
  }
  LocalHeap* const local = LocalHeap::make(*space_, *this);
  if (local == nullptr) return nullptr;
  local->next_in_heap = locals_;
  locals_ = local;
  return local;
}

void Heap::release_local(LocalHeap* local) noexcept {
  const std::lock_guard guard(lock_);
  local->next_idle = idle_;
  idle_ = local;
}

template <typename Work>
void Heap::each_local(Work work) noexcept {
  for (Lane& lane : lanes_) {
    if (config_.thread_safe) lane.lock.lock();
    if (lane.local != nullptr) work(*lane.local);
    if (config_.thread_safe) lane.lock.unlock();
  }
  const std::lock_guard guard(lock_);
  for (LocalHeap* idle = idle_; idle != nullptr; idle = idle->next_idle) work(*idle);
}

Status Heap::unavailable() const noexcept {
  return closed() ? Status(Code::kClosed, "the heap is closed") : Status(Code::kOutOfMemory, "making a local heap");
}

Result<void*> Heap::get(size_t size, size_t alignment, bool zeroed) noexcept {
  const uint32_t class_index = size > kMaxUnit  ? kClasses
                               : alignment <= 8 ? class_of(size)
                                                : aligned_class_of(size, alignment);
  if (class_index == kClasses) return large_.alloc(size, alignment, zeroed);
  void* unit = nullptr;
  {
    const Turn turn(*this);
    LocalHeap* const local = turn.local();
    if (local == nullptr) return unavailable();
    unit = local->alloc(class_index);
    if (unit == nullptr) return local->failure();
  }
  if (zeroed) std::memset(unit, 0, size);
  return unit;
}

Status Heap::put(void* block) noexcept {
  {
    const Turn turn(*this);
    LocalHeap* const local = turn.local();
    if (local == nullptr) return unavailable();
    const Freed freed = local->free(block);
    if (freed == Freed::kDone) return {};
    if (freed == Freed::kInvalid) return no_such_block();
  }
  return large_.free(block);
}

Result<void*> Heap::alloc_aligned(size_t size, size_t alignment, uint64_t site) noexcept {
  if (size == 0) return Status(Code::kInvalidSize, "a block has at least one byte");
  if (!base::is_power_of_two(alignment) || alignment > kMaxAlignment) {
    return Status(Code::kInvalidAlignment, "an alignment is a power of two up to 4 GiB");
  }
  if (debug_ == nullptr) [[likely]]
    return get(size, alignment, false);
  if (size > SIZE_MAX - Debug::kRedZone) return Status(Code::kOutOfMemory, "a block above the address space");
  const auto block = get(size + Debug::kRedZone, alignment, false);
  if (!block.ok()) return block;
  const DebugBlock noted{.address = static_cast<uint8_t*>(block.value()), .size = size, .site = site};
  if (debug_->add(noted, usable_of(block.value()), false)) return block;
  (void)put(block.value());
  return Status(Code::kOutOfMemory, "noting a block");
}

Result<void*> Heap::alloc(size_t size, uint64_t site) noexcept { return alloc_aligned(size, 8, site); }

Result<void*> Heap::calloc(size_t size, uint64_t site) noexcept {
  if (debug_ == nullptr) [[likely]] {
    if (size == 0) return Status(Code::kInvalidSize, "a block has at least one byte");
    return get(size, 8, true);
  }
  const auto block = alloc(size, site);
  if (block.ok()) std::memset(block.value(), 0, size);
  return block;
}

Status Heap::free(void* block) noexcept {
  if (debug_ == nullptr) [[likely]]
    return put(block);
  if (closed()) return unavailable();
  const uint64_t usable = usable_of(block);
  if (usable == 0) return no_such_block();
  if (const Status status = debug_->remove(block, usable); !status.ok()) return status;
  while (uint8_t* const due = debug_->next_due(false)) (void)put(due);
  return {};
}

Result<void*> Heap::realloc(void* block, size_t size, uint64_t site) noexcept {
  const auto usable = usable_size(block);
  if (!usable.ok()) return usable.status();
  if (size == 0) return Status(Code::kInvalidSize, "a block has at least one byte");
  const bool fits = size <= usable.value() && size >= usable.value() / 2;
  if (fits && debug_ == nullptr) return block;
  const auto moved = alloc(size, site);
  if (!moved.ok()) return moved;
  std::memcpy(moved.value(), block, std::min(size, usable.value()));
  if (const Status status = free(block); !status.ok()) {
    (void)free(moved.value());
    return status;
  }
  return moved;
}

Status Heap::alloc_many(size_t size, std::span<void*> into, uint64_t site) noexcept {
  if (size == 0) return Status(Code::kInvalidSize, "a block has at least one byte");
  Status status;
  size_t done = 0;
  if (debug_ == nullptr && size <= kMaxUnit) {
    const uint32_t class_index = class_of(size);
    const Turn turn(*this);
    LocalHeap* const local = turn.local();
    if (local == nullptr) return unavailable();
    for (; done < into.size(); ++done) {
      into[done] = local->alloc(class_index);
      if (into[done] == nullptr) {
        status = local->failure();
        break;
      }
    }
  } else {
    for (; done < into.size(); ++done) {
      const auto block = alloc(size, site);
      if (!block.ok()) {
        status = block.status();
        break;
      }
      into[done] = block.value();
    }
  }
  if (!status.ok()) free_many({into.data(), done});
  return status;
}

size_t Heap::free_many(std::span<void* const> blocks) noexcept {
  size_t freed = 0;
  if (debug_ != nullptr) {
    for (void* const block : blocks) freed += free(block).ok() ? 1 : 0;
    return freed;
  }
  for (size_t i = 0; i < blocks.size();) {
    bool large = false;
    {
      const Turn turn(*this);
      LocalHeap* const local = turn.local();
      if (local == nullptr) return freed;
      for (; i < blocks.size() && !large; ++i) {
        const Freed outcome = local->free(blocks[i]);
        freed += outcome == Freed::kDone ? 1 : 0;
        large = outcome == Freed::kLarge;
      }
    }
    // Not while the lane is held.
    if (large && large_.free(blocks[i - 1]).ok()) ++freed;
  }
  return freed;
}

uint64_t Heap::usable_of(const void* block) const noexcept {
  const uint32_t class_index = space_->class_at(block, this);
  return class_index < kClasses ? kClassTable[class_index].size : large_.size_at(block);
}

Result<size_t> Heap::usable_size(const void* block) const noexcept {
  if (closed()) return unavailable();
  if (debug_ != nullptr) {
    const DebugBlock noted = debug_->find(block);
    if (noted.address == nullptr) return no_such_block();
    return static_cast<size_t>(noted.size);
  }
  const uint64_t usable = usable_of(block);
  if (usable == 0) return no_such_block();
  return static_cast<size_t>(usable);
}

void Heap::free_all() noexcept {
  if (debug_ != nullptr) debug_->clear();
  each_local([](LocalHeap& local) { local.release_all(); });
  large_.release_all();
}

uint64_t Heap::trim() noexcept {
  if (debug_ != nullptr) {
    while (uint8_t* const due = debug_->next_due(true)) (void)put(due);
  }
  uint64_t given_back = 0;
  each_local([&](LocalHeap& local) { given_back += local.trim(); });
  given_back += large_.trim();
  return given_back + space_->trim();
}

void Heap::close() noexcept {
  if (closed_.exchange(true)) return;
  // Each lane's lock waits for who is inside; who comes later sees the mark.
  large_.close();
  if (debug_ != nullptr) debug_->clear();
  each_local([](LocalHeap& local) { local.release_all(); });
  large_.release_all();
}

void Heap::walk(Visit visit, void* context) noexcept {
  if (debug_ != nullptr) {
    debug_->walk([&](const DebugBlock& block) { visit(context, block.address, block.size); });
    return;
  }
  space_->walk(this, [&](const Slab& slab) {
    const uint32_t size = kClassTable[slab.class_index].size;
    for (uint32_t unit = 0; unit < slab.capacity; ++unit) {
      const uint32_t word = unit / 64;
      const uint64_t not_live =
          slab.free[word].load(std::memory_order_relaxed) | slab.remote[word].load(std::memory_order_relaxed);
      if ((not_live >> (unit % 64) & 1) == 0) visit(context, slab.units + uint64_t{unit} * size, size);
    }
  });
  large_.walk([&](uint8_t* address, uint64_t bytes) { visit(context, address, bytes); });
}

Stats Heap::stats() noexcept {
  Stats stats;
  for (uint32_t i = 0; i < kClasses; ++i) stats.classes[i].size = kClassTable[i].size;
  space_->walk(this, [&](const Slab& slab) {
    ClassStats& sum = stats.classes[slab.class_index];
    const uint64_t used = slab.used();
    sum.units += used;
    sum.capacity += slab.capacity;
    ++sum.slabs;
    sum.empty_slabs += used == 0 ? 1 : 0;
    if (slab.number == 0) {
      ++sum.segments;
      const auto purged = static_cast<uint64_t>(std::popcount(slab.purged.load(std::memory_order_relaxed)));
      sum.committed += kClassTable[slab.class_index].segment_bytes() - purged * Space::purge_bytes(slab.class_index);
    }
    for (const auto& word : slab.remote) {
      sum.units -= static_cast<uint64_t>(std::popcount(word.load(std::memory_order_relaxed)));
    }
  });
  {
    const std::lock_guard guard(lock_);
    for (const LocalHeap* local = locals_; local != nullptr; local = local->next_in_heap) {
      const LocalCounts counts = local->counts();
      stats.local.cursor_hits += counts.cursor_hits;
      stats.local.cursor_misses += counts.cursor_misses;
      stats.local.queue_hits += counts.queue_hits;
      stats.local.queue_misses += counts.queue_misses;
      stats.local.remote_frees += counts.remote_frees;
      stats.local.remote_batches += counts.remote_batches;
      stats.local.purged_bytes += counts.purged_bytes;
      ++stats.local_heaps;
    }
  }
  stats.space = space_->counts();
  stats.large = large_.counts();
  stats.allocated = stats.large.bytes;
  for (const ClassStats& each : stats.classes) stats.allocated += each.units * each.size;
  stats.held = held_.load(std::memory_order_relaxed);
  stats.committed = stats.held - std::min(stats.held, stats.local.purged_bytes);
  stats.limit = config_.limit;
  stats.refused = refused_.load(std::memory_order_relaxed);
  return stats;
}

Status Heap::validate() noexcept {
  if (debug_ != nullptr && debug_->first_damage() != nullptr) {
    return Status(Code::kOverlap, "bytes that belong to no block were written");
  }
  Status status = space_->validate();
  each_local([&](const LocalHeap& local) {
    if (status.ok()) status = local.validate();
  });
  return status.ok() ? large_.validate() : status;
}

Result<RecordIndex> Heap::make_segment(uint32_t class_index, LocalHeap* owner) noexcept {
  const uint64_t bytes = kClassTable[class_index].segment_bytes();
  if (const Status status = charge(bytes); !status.ok()) return status;
  auto made = space_->make_segment(class_index, owner, group_, config_.growth);
  if (!made.ok()) discharge(bytes);
  return made;
}

uint64_t Heap::end_segment(Slab& first) noexcept {
  const uint64_t bytes = kClassTable[first.class_index].segment_bytes();
  const uint64_t given_back = space_->end_segment(first);
  discharge(bytes);
  return given_back;
}

Status Heap::charge(uint64_t bytes) noexcept {
  const uint64_t held = held_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  if (config_.limit == 0 || held <= config_.limit) return {};
  discharge(bytes);
  // What is kept for later is no use to who is refused now.
  (void)large_.trim();
  if (held_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= config_.limit) return {};
  discharge(bytes);
  refused_.fetch_add(1, std::memory_order_relaxed);
  return Status(Code::kLimitExceeded, "the heap's limit is reached");
}

void Heap::discharge(uint64_t bytes) noexcept { held_.fetch_sub(bytes, std::memory_order_relaxed); }

}  // namespace freestone::slab
