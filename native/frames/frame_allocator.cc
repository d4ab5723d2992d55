#include "frames/frame_allocator.h"

#include <chrono>

#include "frames/core.h"

namespace freestone::frames {

using base::Code;
using base::Ref;
using base::Result;
using base::Status;

namespace {

constexpr System kSystem;

/// Records how long it lives.
class Stopwatch {
 public:
  explicit Stopwatch(base::Histogram& into) noexcept : into_(into), start_(std::chrono::steady_clock::now()) {}
  ~Stopwatch() {
    const auto time = std::chrono::steady_clock::now() - start_;
    into_.record(static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(time).count()));
  }

 private:
  base::Histogram& into_;
  const std::chrono::steady_clock::time_point start_;
};

}  // namespace

Result<Ref<FrameAllocator>> FrameAllocator::make(const Config& config) noexcept { return make(config, kSystem); }

Result<Ref<FrameAllocator>> FrameAllocator::make(const Config& config, const System& system) noexcept {
  auto core = Core::make(config, system);
  if (!core.ok()) return core.status();
  Ref<FrameAllocator> allocator = Ref<FrameAllocator>::make(core.value());
  if (!allocator) {
    core.value()->destroy();
    return Status(Code::kOutOfMemory, "making an allocator");
  }
  return allocator;
}

FrameAllocator::FrameAllocator(Core* core) noexcept
    : core_(core),
      local_slots_(core->local_.data()),
      cpu_mask_(static_cast<uint32_t>(core->local_.size()) - 1),
      one_area_(core->areas().size() == 1),
      bits_(core->bits_),
      records_(core->records_),
      frame_limit_(core->frame_limit()) {}

FrameAllocator::~FrameAllocator() { core_->destroy(); }

inline CpuSlot* FrameAllocator::local_slot() const noexcept { return local_slots_[os::current_cpu_fast() & cpu_mask_]; }

Result<FrameId> FrameAllocator::allocate(uint32_t frames, const Request& request) noexcept {
  if (request.plain() && core_->quick_.load(std::memory_order_relaxed)) [[likely]] {
    uint64_t frame = 0;
    CpuSlot* const slot = local_slot();
    const bool done = slot != nullptr &&
                      (frames == 1 ? Hybrid::allocate_quickly(*slot, bits_, frame)
                                   : frames - 1 < kMaxRunFrames && slot->area->allocate_nearby(*slot, frames, frame));
    if (done) [[likely]]
      return FrameId{frame};
  }
  if (!core_->timing_.load(std::memory_order_relaxed)) return core_->allocate(frames, request);
  const Stopwatch stopwatch(core_->allocate_times_);
  return core_->allocate(frames, request);
}

Status FrameAllocator::allocate_batch(uint32_t frames, std::span<FrameId> into, const Request& request) noexcept {
  return core_->allocate_batch(frames, into, request);
}

Status FrameAllocator::free(FrameId frame, uint32_t frames) noexcept {
  if (one_area_ && index_of(frame) < frame_limit_ && core_->quick_.load(std::memory_order_relaxed)) [[likely]] {
    CpuSlot* const slot = local_slot();
    const bool done =
        slot != nullptr &&
        (frames == 1 ? Hybrid::free_quickly(*slot, bits_, records_, index_of(frame))
                     : frames >= kBlockFrames && Hybrid::free_run_quickly(*slot, records_, index_of(frame), frames));
    // When it is refused the long way says why.
    if (done) [[likely]]
      return {};
  }
  if (!core_->timing_.load(std::memory_order_relaxed)) return core_->free(frame, frames);
  const Stopwatch stopwatch(core_->free_times_);
  return core_->free(frame, frames);
}

Status FrameAllocator::resize(FrameId frame, uint32_t frames, uint32_t to) noexcept {
  const uint64_t first = index_of(frame);
  if (to == 0) return Status(Code::kInvalidSize, "resizing a run of frames");
  if (!is_run(frame, frames)) return Status(Code::kInvalidAddress, "not the start of a live run of that length");
  if (frames >= kBlockFrames || to >= kBlockFrames || first % kBlockFrames + to > kBlockFrames) {
    return Status(Code::kUnsupported, "resizing a run across blocks of frames");
  }
  if (to == frames || core_->area_of(first).resize(first, frames, to) == Outcome::kDone) return {};
  // It may have ended meanwhile.
  return is_run(frame, frames) ? Status(Code::kOutOfMemory, "the frames behind the run are not free")
                               : Status(Code::kInvalidAddress, "not the start of a live run of that length");
}

Status FrameAllocator::free_batch(std::span<const FrameId> runs, uint32_t frames, size_t* failed) noexcept {
  return core_->free_batch(runs, frames, failed);
}

bool FrameAllocator::is_allocated(FrameId frame, uint64_t frames) const noexcept {
  uint64_t at = index_of(frame);
  if (frames == 0 || !core_->within(at, frames)) return false;
  for (const uint64_t end = at + frames; at < end;) {
    const auto count = static_cast<uint32_t>(std::min(kBlockFrames - at % kBlockFrames, end - at));
    if (!core_->area_of(at).is_used(at, count)) return false;
    at += count;
  }
  return true;
}

bool FrameAllocator::is_run(FrameId frame, uint32_t frames) const noexcept {
  const uint64_t first = index_of(frame);
  return frames != 0 && core_->within(first, frames) && core_->area_of(first).is_run(first, frames);
}

uint8_t* FrameAllocator::address_of(FrameId frame) const noexcept {
  if (!core_->within(index_of(frame), 1)) return nullptr;
  return core_->region_.base() + (index_of(frame) << core_->region_.frame_shift());
}

FrameId FrameAllocator::frame_at(const void* address) const noexcept {
  const auto start = reinterpret_cast<uintptr_t>(core_->region_.base());
  const auto at = reinterpret_cast<uintptr_t>(address);
  if (at < start || at - start >= core_->region_.bytes()) return kNoFrame;
  return FrameId{(at - start) >> core_->region_.frame_shift()};
}

uint8_t* FrameAllocator::base() const noexcept { return core_->region_.base(); }
uint64_t FrameAllocator::region_bytes() const noexcept { return core_->region_.bytes(); }
uint64_t FrameAllocator::frame_limit() const noexcept { return core_->frame_limit(); }
uint32_t FrameAllocator::frame_size() const noexcept { return 1U << core_->region_.frame_shift(); }

int FrameAllocator::device(uint32_t zone) const noexcept {
  return zone < core_->memories_.size() ? core_->memories_[zone].descriptor : -1;
}

FrameAllocator::Extent FrameAllocator::zone_extent(uint32_t zone) const noexcept {
  if (zone >= core_->zone_plans_.size()) return {};
  const Plan::ZonePlan& plan = core_->zone_plans_[zone];
  return {FrameId{uint64_t{plan.blocks.first} * kBlockFrames}, plan.frames};
}

Result<Stats> FrameAllocator::stats() const noexcept { return core_->stats(); }
Fragmentation FrameAllocator::fragmentation() const noexcept { return core_->fragmentation(); }
BlockIndex FrameAllocator::block_count() const noexcept { return core_->blocks_; }

void FrameAllocator::map(std::span<uint8_t> into) const noexcept {
  const size_t count = std::min<size_t>(into.size(), block_count());
  for (BlockIndex block = 0; block < count; ++block) {
    const uint32_t used = core_->area_of(uint64_t{block} * kBlockFrames).used_in(block);
    // 0 and 255 are for nothing and everything.
    into[block] = static_cast<uint8_t>(used == 0 ? 0 : used == kBlockFrames ? 255 : 1 + used * 253 / kBlockFrames);
  }
}

FrameAllocator::Place FrameAllocator::place_of(BlockIndex block) const noexcept {
  if (block >= block_count()) return {};
  const Hybrid& area = core_->area_of(uint64_t{block} * kBlockFrames);
  return {area.parts().zone_position, area.parts().node_position};
}

void FrameAllocator::walk(Visit visit, void* context) const noexcept {
  std::atomic<uint64_t>* const sites = core_->sites_.get();
  std::atomic<uint64_t>* const movers = core_->movers_.get();
  for (const Hybrid& area : core_->areas()) {
    const bool goes_on = area.walk([&](uint64_t frame, uint32_t frames) noexcept {
      const Run run{.frame = FrameId{frame},
                    .frames = frames,
                    .site = sites == nullptr ? 0 : sites[frame].load(std::memory_order_relaxed),
                    .mover = movers == nullptr ? 0 : movers[frame].load(std::memory_order_relaxed)};
      return visit(context, run);
    });
    if (!goes_on) return;
  }
}

void FrameAllocator::set_timing(bool on) noexcept {
  core_->timing_.store(on, std::memory_order_relaxed);
  core_->update_quick();
}
bool FrameAllocator::timing() const noexcept { return core_->timing_.load(std::memory_order_relaxed); }
const base::Histogram& FrameAllocator::allocate_times() const noexcept { return core_->allocate_times_; }
const base::Histogram& FrameAllocator::free_times() const noexcept { return core_->free_times_; }

Compaction FrameAllocator::compact(Move move, void* context) noexcept { return core_->compact(move, context); }

uint64_t FrameAllocator::trim() noexcept {
  uint64_t bytes = 0;
  for (Hybrid& area : core_->areas()) bytes += area.trim();
  return bytes;
}

void FrameAllocator::drain() noexcept {
  for (Hybrid& area : core_->areas()) area.drain();
}

Result<uint32_t> FrameAllocator::add_listener(Listener listener, void* context) noexcept {
  return core_->add_listener(listener, context);
}
void FrameAllocator::remove_listener(uint32_t number) noexcept { core_->remove_listener(number); }

Status FrameAllocator::validate() const noexcept {
  for (const Hybrid& area : core_->areas()) {
    if (!area.validate()) return Status(Code::kOverlap, "bitmaps, lists and counts contradict each other");
  }
  return {};
}

}  // namespace freestone::frames
