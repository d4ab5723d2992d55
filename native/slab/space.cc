#include "slab/space.h"

#include <algorithm>
#include <bit>

#include "slab/local_heap.h"

namespace freestone::slab {

using base::Code;
using base::Ref;
using base::Result;
using base::Status;
using frames::FrameAllocator;

namespace {

/// Free slots that keep their memory, so that taking one does not wait for the system: 16 MiB.
constexpr uint64_t kResidentFreeSlots = 256;

constexpr uint64_t kProcessBytes = sizeof(void*) == 8 ? uint64_t{1} << 40 : uint64_t{1} << 30;
constexpr uint64_t kLeastBytes = uint64_t{64} << 20;

/// `count` bits from `first` on. @param count 1 to 64
uint64_t page_mask(uint32_t first, uint32_t count) noexcept { return ~uint64_t{0} >> (64 - count) << first; }

Result<Ref<FrameAllocator>> make_frames(uint64_t bytes) noexcept {
  // One node without CPUs: pages come from the node that touches them first, which is where the thread is.
  const frames::NodeConfig node{};
  frames::Config config;
  config.size = bytes;
  config.frame_size = static_cast<uint32_t>(std::max<size_t>(4096, os::page_size()));
  config.nodes = {&node, 1};
  config.huge_pages = frames::HugePages::kNever;
  config.cpu_cache = 0;
  return FrameAllocator::make(config);
}

}  // namespace

Result<Ref<Space>> Space::make(Ref<FrameAllocator> frames, const System& system) noexcept {
  if (frames->frame_size() > kSlotBytes || frames->region_bytes() < kLeastBytes) {
    return Status(Code::kInvalidSize, "a heap needs 64 MiB in frames of at most 64 KiB");
  }
  uint8_t* const base = frames->base();
  const uint64_t bytes = frames->region_bytes();
  auto space = Ref<Space>(new (std::nothrow) Space(std::move(frames), system));
  if (!space) return Status(Code::kOutOfMemory, "making a space for heaps");
  for (uint32_t zone = 0; zone < frames::kMaxZones; ++zone) {
    space->soiled_ = space->soiled_ || space->frames_->device(zone) >= 0;
  }
  if (const Status status = space->directory_.init(system, base, bytes); !status.ok()) return status;
  if (const Status status = space->arenas_.init(system, space->directory_, *space->frames_); !status.ok()) {
    return status;
  }
  return space;
}

Result<Ref<Space>> Space::make(uint64_t bytes) noexcept {
  auto frames = make_frames(bytes);
  if (!frames.ok()) return frames.status();
  return make(frames.take());
}

Result<Ref<Space>> Space::process() noexcept {
  static base::SpinLock making;
  // A reference that is never given up: threads may free while the process ends.
  static Ref<Space>* made = nullptr;
  const std::lock_guard guard(making);
  if (made != nullptr) return *made;
  for (uint64_t bytes = kProcessBytes;; bytes /= 2) {
    auto space = make(bytes);
    if (!space.ok() && bytes > kLeastBytes) continue;
    if (space.ok()) made = new (std::nothrow) Ref<Space>(space.value());
    if (space.ok() && made == nullptr) return Status(Code::kOutOfMemory, "making a space for heaps");
    return space;
  }
}

Result<RecordIndex> Space::make_segment(uint32_t class_index, LocalHeap* owner, ArenaGroup* group,
                                        const Growth& growth) noexcept {
  const ClassInfo& info = kClassTable[class_index];
  const std::lock_guard guard(lock_);
  const auto taken = arenas_.take(group == nullptr ? shared_ : *group, growth, info.segment_order);
  if (!taken.ok()) return taken.status();
  const uint32_t slot = taken.value();
  const RecordIndex first = directory_.take(info.slabs);
  if (first == kNoRecord) {
    arenas_.give_back(slot, info.segment_order, false);
    return Status(Code::kOutOfMemory, "making a segment");
  }
  uint8_t* const start = directory_.address_of(slot);
  for (uint32_t i = 0; i < info.slabs; ++i) {
    Slab& slab = directory_.slab(first + i);
    const uint32_t before = i * kSlabUnits;
    slab.capacity = static_cast<uint16_t>(std::min(info.units - before, kSlabUnits));
    slab.units = start + uint64_t{before} * info.size;
    slab.state = SlabState::kEmpty;
    slab.class_index = static_cast<uint8_t>(class_index);
    slab.number = static_cast<uint8_t>(i);
    slab.slabs = info.slabs;
    slab.busy = 0;
    slab.first = first;
    slab.slot = slot;
    slab.frees_left = 0;
    for (uint32_t word = 0; word < kSlabWords; ++word) {
      slab.free[word].store(slab.units_of_word(word), std::memory_order_relaxed);
      slab.remote[word].store(0, std::memory_order_relaxed);
    }
    slab.owner.store(owner, std::memory_order_relaxed);
  }
  directory_.slab(first).purged.store(0, std::memory_order_relaxed);
  directory_.set(slot, uint64_t{1} << info.segment_order, make_entry(class_index + 1, first));
  return first;
}

void Space::hide_segment(const Slab& first) noexcept {
  const std::lock_guard guard(lock_);
  directory_.set(first.slot, uint64_t{1} << kClassTable[first.class_index].segment_order, 0);
}

uint64_t Space::end_segment(Slab& first) noexcept {
  const uint32_t order = kClassTable[first.class_index].segment_order;
  const uint32_t slot = first.slot;
  const uint32_t slots = 1U << order;
  lock_.lock();
  const bool keep = arenas_.resident_free_slots() + slots <= kResidentFreeSlots;
  bool purged = false;
  if (!keep) {
    // Not under the lock: nobody can take the slots before they are given back.
    lock_.unlock();
    purged = system_->purge(directory_.address_of(slot), uint64_t{slots} << kSlotShift).ok();
    lock_.lock();
  }
  directory_.give_back(directory_.index_of(first), first.slabs);
  arenas_.give_back(slot, order, purged);
  lock_.unlock();
  return purged ? uint64_t{slots} << kSlotShift : 0;
}

uint32_t Space::purge_bytes(uint32_t class_index) noexcept {
  return std::max(static_cast<uint32_t>(os::page_size()), kClassTable[class_index].segment_bytes() / 64);
}

uint64_t Space::free_pages_of(const Slab& first) noexcept {
  const ClassInfo& info = kClassTable[first.class_index];
  const uint32_t bytes = purge_bytes(first.class_index);
  const uint32_t pages = info.segment_bytes() / bytes;
  uint64_t touched = 0;
  for (uint32_t i = 0; i < info.slabs; ++i) {
    const Slab& slab = (&first)[i];
    for (uint32_t word = 0; word * 64 < slab.capacity; ++word) {
      uint64_t live = slab.units_of_word(word) & ~slab.free[word].load(std::memory_order_relaxed);
      for (; live != 0; live &= live - 1) {
        const uint32_t unit = i * kSlabUnits + word * 64 + static_cast<uint32_t>(std::countr_zero(live));
        const uint32_t from = unit * info.size / bytes;
        const uint32_t last = (unit * info.size + info.size - 1) / bytes;
        touched |= page_mask(from, last - from + 1);
      }
    }
  }
  return ~touched & page_mask(0, pages);
}

uint64_t Space::purge_free_pages(Slab& first) noexcept {
  const uint32_t bytes = purge_bytes(first.class_index);
  uint8_t* const start = directory_.address_of(first.slot);
  uint64_t purged = first.purged.load(std::memory_order_relaxed);
  uint64_t given_back = 0;
  for (uint64_t left = free_pages_of(first) & ~purged; left != 0;) {
    // One call for each run of pages.
    const auto from = static_cast<uint32_t>(std::countr_zero(left));
    const auto count = static_cast<uint32_t>(std::countr_one(left >> from));
    const uint64_t mask = page_mask(from, count);
    left &= ~mask;
    const uint64_t size = uint64_t{count} * bytes;
    if (!system_->purge(start + uint64_t{from} * bytes, size).ok()) continue;
    purged |= mask;
    given_back += size;
  }
  first.purged.store(purged, std::memory_order_relaxed);
  return given_back;
}

Result<RecordIndex> Space::make_large(uint64_t bytes, uint64_t alignment, Heap* heap, bool& zero) noexcept {
  const uint64_t frame_size = frames_->frame_size();
  const uint64_t frames = (bytes + frame_size - 1) / frame_size;
  // At a slot of its own, which the directory can name.
  const uint64_t aligned = std::max<uint64_t>(alignment, kSlotBytes) / frame_size;
  if (frames > frames::kMaxRunFrames) return Status(Code::kOutOfMemory, "a block above the largest run of frames");
  if (aligned > frames::kMaxRunFrames) return Status(Code::kInvalidAlignment, "an alignment above the largest run");
  const std::lock_guard guard(lock_);
  const RecordIndex index = directory_.take(1);
  if (index == kNoRecord) return Status(Code::kOutOfMemory, "making a large block");
  const auto run =
      frames_->allocate(static_cast<uint32_t>(frames), {.alignment = static_cast<uint32_t>(aligned), .exact = true});
  if (!run.ok()) {
    directory_.give_back(index, 1);
    return Status(Code::kOutOfMemory, "making a large block");
  }
  LargeBlock& block = directory_.large(index);
  block.bytes = frames * frame_size;
  block.slot = static_cast<uint32_t>(directory_.slot_at(frames_->address_of(run.value())));
  block.heap.store(heap, std::memory_order_relaxed);
  const uint64_t slots = (block.bytes + kSlotBytes - 1) / kSlotBytes;
  directory_.set(block.slot + 1, slots - 1, make_entry(kLargeInside, index));
  directory_.set(block.slot, 1, make_entry(kLargeStart, index));
  zero = !soiled_;
  return index;
}

uint64_t Space::end_large(RecordIndex index) noexcept {
  LargeBlock& block = directory_.large(index);
  const uint64_t bytes = block.bytes;
  uint8_t* const start = directory_.address_of(block.slot);
  const bool purged = system_->purge(start, bytes).ok();
  const std::lock_guard guard(lock_);
  soiled_ = soiled_ || !purged;
  directory_.set(block.slot, (bytes + kSlotBytes - 1) / kSlotBytes, 0);
  // It was taken with this length, so this cannot fail.
  (void)frames_->free(frames_->frame_at(start), static_cast<uint32_t>(bytes / frames_->frame_size()));
  directory_.give_back(index, 1);
  return purged ? bytes : 0;
}

void Space::merge(ArenaGroup& group) noexcept {
  const std::lock_guard guard(lock_);
  arenas_.merge(group, shared_);
}

void* Space::allocate_pages(size_t bytes) noexcept {
  const size_t page = os::page_size();
  const size_t size = (bytes + page - 1) / page * page;
  auto reserved = system_->reserve(size, page);
  if (!reserved.ok()) return nullptr;
  uint8_t* const pages = reserved.take();
  if (system_->commit(pages, size).ok()) return pages;
  (void)system_->release(pages, size);
  return nullptr;
}

void Space::free_pages(void* pages, size_t bytes) noexcept {
  const size_t page = os::page_size();
  (void)system_->release(static_cast<uint8_t*>(pages), (bytes + page - 1) / page * page);
}

uint64_t Space::trim() noexcept {
  const std::lock_guard guard(lock_);
  return arenas_.purge_free();
}

Space::Counts Space::counts() noexcept {
  const std::lock_guard guard(lock_);
  Counts counts;
  counts.arenas = arenas_.count();
  for (uint32_t index = 0; index < arenas_.count(); ++index) {
    counts.arena_bytes += uint64_t{arenas_.arena(index).granules} * kGranuleBytes;
  }
  counts.cached_bytes = arenas_.resident_free_slots() * kSlotBytes;
  counts.metadata_bytes = directory_.metadata_bytes();
  counts.hint_hits = shared_.hint_hits;
  counts.hint_misses = shared_.hint_misses;
  return counts;
}

Status Space::validate() noexcept {
  const std::lock_guard guard(lock_);
  return arenas_.validate();
}

uint32_t Space::class_at(const void* pointer, const Heap* heap) noexcept {
  const uint64_t slot = directory_.slot_at(pointer);
  if (slot >= directory_.slots()) return kClasses;
  const Entry entry = directory_.entry(slot);
  const uint32_t class_index = kind_of(entry) - 1;
  if (class_index >= kClasses) return kClasses;
  const ClassInfo& info = kClassTable[class_index];
  const auto inside =
      static_cast<uint32_t>(static_cast<const uint8_t*>(pointer) - directory_.base()) & info.segment_mask;
  const auto unit = static_cast<uint32_t>(inside * info.reciprocal >> kReciprocalShift);
  if (unit * info.size != inside || unit >= info.units) return kClasses;
  Slab& slab = directory_.slab(record_of(entry) + unit / kSlabUnits);
  // As a visitor (local_heap.h), so that the owner can be asked for its heap.
  slab.visitors.fetch_add(1, std::memory_order_seq_cst);
  const uint64_t bit = uint64_t{1} << (unit % 64);
  const uint32_t word = unit / 64 % kSlabWords;
  const bool live =
      directory_.entries()[slot].load(std::memory_order_seq_cst) == entry && heap_of(slab) == heap &&
      ((slab.free[word].load(std::memory_order_relaxed) | slab.remote[word].load(std::memory_order_relaxed)) & bit) ==
          0;
  slab.visitors.fetch_sub(1, std::memory_order_release);
  return live ? class_index : kClasses;
}

const Heap* Space::heap_of(const Slab& slab) noexcept { return slab.owner.load(std::memory_order_relaxed)->heap(); }

}  // namespace freestone::slab
