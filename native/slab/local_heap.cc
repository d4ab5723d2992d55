#include "slab/local_heap.h"

#include <algorithm>
#include <bit>
#include <new>

#include "slab/heap.h"

namespace freestone::slab {

using base::Code;
using base::Status;

namespace {

/// Empty segments of a class that stay with the heap.
constexpr uint32_t kKeptSegments = 2;

/// What cursors without a slab point to. Never written: a word of zeros has nothing to give.
alignas(sizeof(Slab)) Slab no_slab{};

void add(std::atomic<uint64_t>& counter, uint64_t value) noexcept {
  counter.store(counter.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
}

void subtract(std::atomic<uint64_t>& counter, uint64_t value) noexcept {
  counter.store(counter.load(std::memory_order_relaxed) - value, std::memory_order_relaxed);
}

uint64_t purged_bytes_of(const Slab& first, uint64_t purged) noexcept {
  return uint64_t{Space::purge_bytes(first.class_index)} * static_cast<uint64_t>(std::popcount(purged));
}

}  // namespace

LocalHeap::LocalHeap(Space& space, Heap& heap) noexcept
    : base_(reinterpret_cast<uintptr_t>(space.directory().base())),
      span_(static_cast<uintptr_t>(space.directory().slots() << kSlotShift)),
      entries_(space.directory().entries()),
      records_(space.directory().records()),
      space_(space),
      heap_(&heap) {
  for (uint32_t i = 0; i < kClasses; ++i) {
    cursors_[i].size = kClassTable[i].size;
    forget_cursor(cursors_[i]);
  }
}

LocalHeap* LocalHeap::make(Space& space, Heap& heap) noexcept {
  void* const pages = space.allocate_pages(sizeof(LocalHeap));
  return pages == nullptr ? nullptr : new (pages) LocalHeap(space, heap);
}

void LocalHeap::destroy(Space& space, LocalHeap* local) noexcept {
  local->~LocalHeap();
  space.free_pages(local, sizeof(LocalHeap));
}

void LocalHeap::forget_cursor(Cursor& cursor) noexcept {
  cursor.word = &no_slab.free[0];
  cursor.base = nullptr;
}

bool LocalHeap::point(Cursor& cursor, Slab& slab, uint32_t first) noexcept {
  for (uint32_t n = 0; n < kSlabWords; ++n) {
    const uint32_t i = (first + n) % kSlabWords;
    if (slab.free[i].load(std::memory_order_relaxed) == 0) continue;
    if (purged_bytes_.load(std::memory_order_relaxed) != 0) reuse(slab, i);
    cursor.word = &slab.free[i];
    cursor.base = slab.units + uint64_t{i} * 64 * cursor.size;
    return true;
  }
  return false;
}

const Slab* LocalHeap::active(uint32_t class_index) const noexcept {
  const Slab& slab = slab_of(cursors_[class_index]);
  return &slab == &no_slab ? nullptr : &slab;
}

void* LocalHeap::alloc_slowly(uint32_t class_index) noexcept {
  Cursor& cursor = cursors_[class_index];
  add(cursor_misses_, 1);
  // The words in turn, so that there is time for units to be freed until one comes again. No slab has no free units.
  Slab& active = slab_of(cursor);
  if (!point(cursor, active, static_cast<uint32_t>(cursor.word - active.free) + 1) && !change_slab(class_index)) {
    return nullptr;
  }
  const uint64_t bits = cursor.word->load(std::memory_order_relaxed);
  cursor.word->store(bits & (bits - 1), std::memory_order_relaxed);
  return cursor.base + static_cast<uint64_t>(std::countr_zero(bits)) * cursor.size;
}

bool LocalHeap::change_slab(uint32_t class_index) noexcept {
  Cursor& cursor = cursors_[class_index];
  // Relaxed: what is missed now comes next time.
  if (pending_.load(std::memory_order_relaxed) != kNoRecord) {
    drain();
    for (; surplus_ != 0; surplus_ &= surplus_ - 1) {
      (void)keep_few(queues_[std::countr_zero(surplus_)], kKeptSegments);
    }
    if (point(cursor, slab_of(cursor), 0)) return true;
  }
  Slab* const slab = find_slab(class_index);
  return slab != nullptr && point(cursor, *slab, 0);
}

Slab* LocalHeap::find_slab(uint32_t class_index) noexcept {
  Queue& queue = queues_[class_index];
  Cursor& cursor = cursors_[class_index];
  Directory& directory = space_.directory();
  Slab* found = queue.activate(directory);
  add(found != nullptr ? queue_hits_ : queue_misses_, 1);
  if (found == nullptr) {
    auto made = heap_->make_segment(class_index, this);
    if (!made.ok()) {
      // Empty segments of other classes may be all that is in the way.
      uint32_t given_up = 0;
      for (Queue& other : queues_) given_up += keep_few(other, 0);
      if (given_up != 0) made = heap_->make_segment(class_index, this);
    }
    if (made.ok()) {
      queue.add_segment(directory, directory.slab(made.value()));
      found = queue.activate(directory);
    } else {
      found = queue.activate_full(directory);
    }
    if (found == nullptr) {
      failure_ = made.status();
      return nullptr;
    }
  }
  if (Slab& old = slab_of(cursor); &old != &no_slab) queue.retire(directory, old);
  return found;
}

void LocalHeap::settle(Slab& slab) noexcept {
  // Its count is anything, and comes by 0 sometimes.
  if (slab.state == SlabState::kActive) return;
  Queue& queue = queues_[slab.class_index];
  queue.settle(space_.directory(), slab);
  if (queue.empty_segments() > kKeptSegments) (void)keep_few(queue, kKeptSegments);
}

uint32_t LocalHeap::keep_few(Queue& queue, uint32_t keep) noexcept {
  uint32_t given_up = 0;
  for (; Slab* const first = queue.remove_segment(space_.directory(), keep); ++given_up) {
    space_.hide_segment(*first);
    end(*first);
  }
  return given_up;
}

void LocalHeap::end(Slab& first) noexcept {
  for (uint32_t i = 0; i < first.slabs; ++i) {
    // Sequentially consistent: pairs with the counting in of `free_remote`. A visitor is between a few instructions.
    while ((&first)[i].visitors.load(std::memory_order_seq_cst) != 0) {
      drain();
      std::this_thread::yield();
    }
  }
  if (const uint64_t purged = first.purged.load(std::memory_order_relaxed); purged != 0) {
    subtract(purged_bytes_, purged_bytes_of(first, purged));
  }
  given_back_ += heap_->end_segment(first);
}

void LocalHeap::reuse(Slab& slab, uint32_t word) noexcept {
  Slab& first = records_[slab.first];
  const uint64_t purged = first.purged.load(std::memory_order_relaxed);
  if (purged == 0) return;
  const uint32_t size = kClassTable[slab.class_index].size;
  const uint32_t bytes = Space::purge_bytes(slab.class_index);
  const uint32_t unit = slab.number * kSlabUnits + word * 64;
  const uint32_t units = std::min<uint32_t>(slab.capacity - word * 64, 64);
  const uint32_t from = unit * size / bytes;
  const uint32_t last = ((unit + units) * size - 1) / bytes;
  const uint64_t touched = purged & (~uint64_t{0} >> (63 - (last - from)) << from);
  first.purged.store(purged & ~touched, std::memory_order_relaxed);
  subtract(purged_bytes_, purged_bytes_of(first, touched));
}

template <typename Work>
void LocalHeap::each_segment(const Queue& queue, Work work) const noexcept {
  for (const SlabState state : {SlabState::kEmpty, SlabState::kPartial, SlabState::kFull}) {
    for (RecordIndex index = queue.head(state); index != kNoRecord; index = records_[index].next) {
      if (records_[index].number == 0) work(records_[index]);
    }
  }
}

Freed LocalHeap::free_otherwise(void* pointer) noexcept {
  const uintptr_t offset = reinterpret_cast<uintptr_t>(pointer) - base_;
  if (offset >= span_) return Freed::kInvalid;
  const Entry entry = entries_[offset >> kSlotShift].load(std::memory_order_relaxed);
  const KindInfo& info = kKindTable[kind_of(entry)];
  const uint32_t inside = static_cast<uint32_t>(offset) & info.segment_mask;
  if (inside >= info.end) return kind_of(entry) == kLargeStart ? Freed::kLarge : Freed::kInvalid;
  const auto unit = static_cast<uint32_t>(inside * info.reciprocal >> kReciprocalShift);
  if (unit * info.size != inside) return Freed::kInvalid;
  Slab& slab = records_[record_of(entry) + unit / kSlabUnits];
  if (slab.owner.load(std::memory_order_relaxed) != this) return free_remote(slab, unit, offset, entry);
  const uint64_t bit = uint64_t{1} << (unit % 64);
  std::atomic<uint64_t>& word = slab.free[unit / 64 % kSlabWords];
  const uint64_t bits = word.load(std::memory_order_relaxed);
  const uint64_t remote = slab.remote[unit / 64 % kSlabWords].load(std::memory_order_relaxed);
  if (((bits | remote) & bit) != 0) return Freed::kInvalid;
  word.store(bits | bit, std::memory_order_relaxed);
  if (--slab.frees_left == 0) settle(slab);
  return Freed::kDone;
}

Freed LocalHeap::free_remote(Slab& slab, uint32_t unit, uintptr_t offset, Entry entry) noexcept {
  slab.visitors.fetch_add(1, std::memory_order_seq_cst);
  bool done = false;
  if (entries_[offset >> kSlotShift].load(std::memory_order_seq_cst) == entry &&
      slab.owner.load(std::memory_order_relaxed)->heap() == heap_) {
    const uint64_t bit = uint64_t{1} << (unit % 64);
    const uint32_t word = unit / 64 % kSlabWords;
    done = (slab.free[word].load(std::memory_order_relaxed) & bit) == 0 &&
           (slab.remote[word].fetch_or(bit, std::memory_order_release) & bit) == 0;
  }
  if (done) {
    leave(slab);
  } else {
    slab.visitors.fetch_sub(1, std::memory_order_release);
  }
  return done ? Freed::kDone : Freed::kInvalid;
}

void LocalHeap::leave(Slab& slab) noexcept {
  // Before counting out: from then on only `kPending` keeps the owner.
  LocalHeap* const owner = slab.owner.load(std::memory_order_relaxed);
  const auto index = static_cast<RecordIndex>(&slab - records_);
  uint32_t visitors = slab.visitors.load(std::memory_order_relaxed);
  while (!slab.visitors.compare_exchange_weak(visitors, (visitors - 1) | kPending, std::memory_order_acq_rel,
                                              std::memory_order_relaxed)) {
  }
  if ((visitors & kPending) == 0) owner->push(index, slab);
}

void LocalHeap::push(RecordIndex index, Slab& slab) noexcept {
  RecordIndex head = pending_.load(std::memory_order_relaxed);
  do {
    slab.pending_next = head;
  } while (!pending_.compare_exchange_weak(head, index, std::memory_order_release, std::memory_order_relaxed));
}

void LocalHeap::drain() noexcept {
  RecordIndex index = pending_.exchange(kNoRecord, std::memory_order_acquire);
  if (index != kNoRecord) add(remote_batches_, 1);
  while (index != kNoRecord) {
    Slab& slab = records_[index];
    index = slab.pending_next;
    // Before `remote` is read; acquire pairs with `leave`, so that the bits of who set it are seen.
    slab.visitors.fetch_and(~kPending, std::memory_order_acq_rel);
    take_over(slab);
  }
}

void LocalHeap::take_over(Slab& slab) noexcept {
  uint32_t taken = 0;
  for (uint32_t i = 0; i < kSlabWords; ++i) {
    const uint64_t remote = slab.remote[i].load(std::memory_order_acquire);
    if (remote == 0) continue;
    const uint64_t free = slab.free[i].load(std::memory_order_relaxed);
    // A unit that its owner freed in the meantime was freed twice: once is enough.
    taken += static_cast<uint32_t>(std::popcount(remote & ~free));
    // First into the bitmap and then out of this one, so that a second free of a unit always meets one of them.
    slab.free[i].store(free | remote, std::memory_order_relaxed);
    slab.remote[i].fetch_and(~remote, std::memory_order_release);
  }
  if (taken == 0) return;
  add(remote_frees_, taken);
  slab.frees_left = static_cast<int16_t>(slab.frees_left - static_cast<int32_t>(taken));
  // Segments that are empty now wait in `surplus_`: this may be called while another is being given up.
  if (slab.frees_left > 0 || slab.state == SlabState::kActive) return;
  Queue& queue = queues_[slab.class_index];
  queue.settle(space_.directory(), slab);
  if (queue.empty_segments() > kKeptSegments) surplus_ |= uint64_t{1} << slab.class_index;
}

uint64_t LocalHeap::trim() noexcept {
  given_back_ = 0;
  drain();
  for (uint32_t i = 0; i < kClasses; ++i) {
    Cursor& cursor = cursors_[i];
    if (Slab& slab = slab_of(cursor); &slab != &no_slab) {
      queues_[i].retire(space_.directory(), slab);
      forget_cursor(cursor);
    }
    (void)keep_few(queues_[i], 0);
    each_segment(queues_[i], [&](Slab& first) {
      const uint64_t bytes = space_.purge_free_pages(first);
      given_back_ += bytes;
      add(purged_bytes_, bytes);
    });
  }
  return given_back_;
}

void LocalHeap::release_all() noexcept {
  Directory& directory = space_.directory();
  // A chain of every segment, through the records' own links, which the queues need no more.
  RecordIndex chain = kNoRecord;
  for (uint32_t i = 0; i < kClasses; ++i) {
    if (Slab& slab = slab_of(cursors_[i]); &slab != &no_slab) queues_[i].retire(directory, slab);
    forget_cursor(cursors_[i]);
    for (const SlabState state : {SlabState::kEmpty, SlabState::kPartial, SlabState::kFull}) {
      for (RecordIndex index = queues_[i].head(state); index != kNoRecord;) {
        Slab& slab = directory.slab(index);
        const RecordIndex next = slab.next;
        slab.state = SlabState::kActive;  // so that a drain leaves it where it is
        if (slab.number == 0) {
          space_.hide_segment(slab);
          slab.next = chain;
          chain = index;
        }
        index = next;
      }
    }
    queues_[i].clear();
  }
  while (chain != kNoRecord) {
    Slab& first = directory.slab(chain);
    chain = first.next;
    end(first);
  }
}

LocalCounts LocalHeap::counts() const noexcept {
  LocalCounts counts;
  for (const Cursor& cursor : cursors_) counts.cursor_hits += cursor.hits.load(std::memory_order_relaxed);
  counts.cursor_misses = cursor_misses_.load(std::memory_order_relaxed);
  counts.queue_hits = queue_hits_.load(std::memory_order_relaxed);
  counts.queue_misses = queue_misses_.load(std::memory_order_relaxed);
  counts.remote_frees = remote_frees_.load(std::memory_order_relaxed);
  counts.remote_batches = remote_batches_.load(std::memory_order_relaxed);
  counts.purged_bytes = purged_bytes_.load(std::memory_order_relaxed);
  return counts;
}

Status LocalHeap::validate() const noexcept {
  uint64_t purged_bytes = 0;
  bool is_wrong = false;
  const auto count_pages = [&](const Slab& first) {
    const uint64_t purged = first.purged.load(std::memory_order_relaxed);
    purged_bytes += purged_bytes_of(first, purged);
    is_wrong = is_wrong || (purged & ~Space::free_pages_of(first)) != 0;
  };
  for (uint32_t i = 0; i < kClasses; ++i) {
    const Slab* const slab = active(i);
    if (slab != nullptr && !slab->has_right_bits()) return Status(Code::kOverlap, "a slab's bitmap against its units");
    if (const Status status = queues_[i].validate(space_.directory(), this, slab); !status.ok()) return status;
    if (slab != nullptr && slab->number == 0) count_pages(*slab);
    each_segment(queues_[i], count_pages);
  }
  if (is_wrong) return Status(Code::kOverlap, "the pages that went back against the bitmaps of units");
  if (purged_bytes != purged_bytes_.load(std::memory_order_relaxed)) {
    return Status(Code::kOverlap, "the count of pages that went back");
  }
  return {};
}

}  // namespace freestone::slab
