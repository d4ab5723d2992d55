// How a request finds its area, and a frame its way back.
#include "frames/core.h"

#include <bit>

namespace freestone::frames {

using base::Code;
using base::Result;
using base::Status;

namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
const Status kNoRun(Code::kInvalidAddress, "not the start of a live run of that length");

/// Calls `visit(first frame of a word, mask, begin, end)` for stretches of `runs` that are single frames of one word
/// and each different, until it returns false.
template <typename Visit>
void each_word(std::span<const FrameId> runs, size_t limit, Visit visit) noexcept {
  for (size_t begin = 0; begin < limit;) {
    const uint64_t first = index_of(runs[begin]) / kWordFrames * kWordFrames;
    uint32_t mask = 0;
    size_t end = begin;
    for (; end < limit && index_of(runs[end]) / kWordFrames * kWordFrames == first; ++end) {
      const uint32_t bit = 1U << (index_of(runs[end]) % kWordFrames);
      if ((mask & bit) != 0) break;
      mask |= bit;
    }
    if (!visit(first, mask, begin, end)) return;
    begin = end;
  }
}

}  // namespace

Hybrid& Core::search_area(uint64_t frame) const noexcept {
  const auto block = static_cast<BlockIndex>(frame / kBlockFrames);
  size_t low = 0;
  for (size_t count = areas_.size(); count > 1;) {
    const size_t half = count / 2;
    if (areas_[low + half].first() <= block) low += half;
    count -= half;
  }
  return areas_[low];
}

Status Core::resolve(uint32_t frames, const Request& request, Target& target) noexcept {
  if (frames == 0 || frames > kMaxRunFrames) return Status(Code::kInvalidSize, "a run has 1 to 2^20 frames");
  if (!base::is_power_of_two(request.alignment) || request.alignment > kMaxRunFrames) {
    return Status(Code::kInvalidAlignment, "an alignment is a power of two up to 2^20 frames");
  }
  target.kind = request.zone == kDefaultZone ? default_kind_ : static_cast<uint32_t>(request.zone);
  if (target.kind >= kZoneKinds || first_zone_[target.kind] == kMaxZones) {
    return Status(Code::kInvalidArgument, "there is no zone of that kind");
  }
  target.node = request.node == kLocalNode ? nodes_.of_cpu(os::current_cpu_fast()) : nodes_.find(request.node);
  if (target.node == nodes_.count()) return Status(Code::kNumaNodeUnavailable, "there is no such node");
  return {};
}

template <typename Attempt>
bool Core::search(const Request& request, const Target& target, Attempt attempt) noexcept {
  const auto served = [&](uint32_t zone, uint32_t node) noexcept {
    Hybrid* const area = area_at(zone, node);
    return area != nullptr && attempt(*area);
  };
  for (uint32_t rank = 0; rank <= fallback_count_[target.kind]; ++rank) {
    const uint32_t kind = rank == 0 ? target.kind : static_cast<uint32_t>(fallback_[target.kind][rank - 1]);
    for (uint32_t zone = first_zone_[kind]; zone < zones_.size(); ++zone) {
      if (static_cast<uint32_t>(zones_[zone].kind()) != kind) continue;
      if (served(zone, target.node)) return true;
      if (request.strict) continue;
      for (const uint8_t node : nodes_.nearest(target.node).subspan(1)) {
        if (served(zone, node)) return true;
      }
    }
  }
  return false;
}

void Core::count_elsewhere(FrameId frame, const Target& target) noexcept {
  const uint32_t node = area_of(index_of(frame)).parts().node_position;
  if (node == target.node) return;
  misses_[node].fetch_add(1, kRelaxed);
  foreign_[target.node].fetch_add(1, kRelaxed);
}

Status Core::refusal(const Request& request, bool memory) noexcept {
  failures_.fetch_add(1, kRelaxed);
  if (memory) return Status(Code::kOutOfMemory, "the system gives no more memory for frames");
  if (request.strict) return Status(Code::kNumaNodeUnavailable, "the node has no room");
  if (request.zone != kDefaultZone) return Status(Code::kZoneDepleted, "the zone has no room");
  return Status(Code::kOutOfMemory, "no run of free frames is long enough");
}

Status Core::prepare(const Request& request) noexcept {
  if (request.mover == 0 || movers_.get() != nullptr) [[likely]]
    return {};
  const std::lock_guard guard(mutex_);
  const Status status = movers_.init(*system_, frame_limit());
  update_quick();
  return status;
}

void Core::tag(uint64_t frame, uint32_t frames, const Request& request) noexcept {
  // Relaxed: the run is known to nobody else before it is returned.
  if (auto* const sites = sites_.get(); sites != nullptr) sites[frame].store(request.site, kRelaxed);
  // A run that asked for an alignment may depend on it, and a move would not keep it.
  if (request.mover != 0 && request.alignment == 1 && frames < kBlockFrames) {
    movers_.get()[frame].store(request.mover, kRelaxed);
  }
}

Result<FrameId> Core::allocate(uint32_t frames, const Request& request) noexcept {
  Target target;
  if (const Status status = resolve(frames, request, target); !status.ok()) [[unlikely]]
    return status;
  if (const Status status = prepare(request); !status.ok()) [[unlikely]]
    return status;
  uint64_t frame = 0;
  bool memory = false;
  const auto attempt = [&](Hybrid& area) noexcept {
    const Outcome outcome = area.allocate(frames, request.alignment, request.exact, request.emergency, frame);
    memory = memory || outcome == Outcome::kNoMemory;
    return outcome == Outcome::kDone;
  };
  // What most requests come to, without the search.
  Hybrid* const first = area_at(first_zone_[target.kind], target.node);
  if (!(first != nullptr && attempt(*first))) [[unlikely]] {
    if (!search(request, target, attempt)) return refusal(request, memory);
    count_elsewhere(FrameId{frame}, target);
  }
  tag(frame, frames, request);
  return FrameId{frame};
}

Status Core::allocate_batch(uint32_t frames, std::span<FrameId> into, const Request& request) noexcept {
  Target target;
  if (const Status status = resolve(frames, request, target); !status.ok()) return status;
  if (const Status status = prepare(request); !status.ok()) return status;
  size_t done = 0;
  bool memory = false;
  const auto attempt = [&](Hybrid& area) noexcept {
    if (frames == 1 && request.alignment == 1) {
      done += area.allocate_ones(into.data() + done, into.size() - done, request.emergency);
    }
    while (done < into.size()) {
      uint64_t frame = 0;
      const Outcome outcome = area.allocate(frames, request.alignment, request.exact, request.emergency, frame);
      memory = memory || outcome == Outcome::kNoMemory;
      if (outcome != Outcome::kDone) return false;
      into[done++] = FrameId{frame};
    }
    return true;
  };
  if (!search(request, target, attempt)) {
    undo(into.first(done), frames);
    return refusal(request, memory);
  }
  // Its runs may come from several nodes.
  if (nodes_.count() > 1) {
    for (const FrameId frame : into) count_elsewhere(frame, target);
  }
  if (request.mover != 0 || sites_.get() != nullptr) {
    for (const FrameId frame : into) tag(index_of(frame), frames, request);
  }
  return {};
}

void Core::undo(std::span<const FrameId> runs, uint32_t frames) noexcept {
  for (const FrameId run : runs) {
    Hybrid& area = area_of(index_of(run));
    // Nobody knows of it.
    (void)area.free(index_of(run), frames, nullptr);
    area.forget(1);
  }
}

Status Core::free(FrameId frame, uint32_t frames) noexcept {
  const uint64_t first = index_of(frame);
  if (frames == 0 || !within(first, frames)) [[unlikely]]
    return kNoRun;
  return area_of(first).free(first, frames, movers_.get()) ? Status() : kNoRun;
}

Status Core::free_batch(std::span<const FrameId> runs, uint32_t frames, size_t* failed) noexcept {
  // First each is made sure of and kept from others, then all are freed.
  std::atomic<uint64_t>* const movers = movers_.get();
  size_t sure = 0;
  size_t offender = SIZE_MAX;
  const auto valid = [&](FrameId run) noexcept { return frames != 0 && within(index_of(run), frames); };
  if (frames != 1) {
    while (sure < runs.size() && valid(runs[sure]) && area_of(index_of(runs[sure])).pin(index_of(runs[sure]), frames)) {
      ++sure;
    }
    const bool all = sure == runs.size();
    for (const FrameId run : runs.first(sure)) {
      Hybrid& area = area_of(index_of(run));
      all ? area.free_pinned(index_of(run), frames, movers) : area.unpin(index_of(run), frames);
    }
    if (all) return {};
  } else {
    each_word(runs, runs.size(), [&](uint64_t first, uint32_t mask, size_t begin, size_t end) noexcept {
      if (valid(FrameId{first}) && area_of(first).pin_ones(first, mask)) {
        sure = end;
        return true;
      }
      // The offender is the first that is refused alone.
      while (sure < end && valid(runs[sure]) && area_of(first).pin(index_of(runs[sure]), 1)) ++sure;
      if (sure == end) return true;
      offender = sure;
      for (; sure > begin; --sure) area_of(first).unpin(index_of(runs[sure - 1]), 1);
      return false;
    });
    const bool all = sure == runs.size();
    each_word(runs, sure, [&](uint64_t first, uint32_t mask, size_t, size_t) noexcept {
      Hybrid& area = area_of(first);
      all ? area.free_pinned_ones(first, mask, movers) : area.unpin_ones(first, mask);
      return true;
    });
    if (all) return {};
  }
  if (failed != nullptr) *failed = offender != SIZE_MAX ? offender : sure;
  return kNoRun;
}

Result<uint32_t> Core::add_listener(FrameAllocator::Listener listener, void* context) noexcept {
  const std::lock_guard guard(listeners_mutex_);
  const uint32_t number = next_listener_;
  if (!listeners_.push({number, listener, context})) return Status(Code::kOutOfMemory, "listening for pressure");
  ++next_listener_;
  return number;
}

void Core::remove_listener(uint32_t number) noexcept {
  const std::lock_guard guard(listeners_mutex_);
  auto* const end = std::remove_if(listeners_.begin(), listeners_.end(),
                                   [&](const Listening& one) noexcept { return one.number == number; });
  // Nothing is left of a number that was found once: the last place is free.
  if (end != listeners_.end()) listeners_.pop();
}

void Core::changed(const PressureEvent& event) noexcept {
  const std::lock_guard guard(listeners_mutex_);
  for (const Listening& listening : listeners_) listening.listener(listening.context, event);
}

Compaction Core::compact(FrameAllocator::Move move, void* context) noexcept {
  const std::lock_guard guard(mutex_);
  Compaction result;
  result.before = fragmentation();
  if (movers_.get() != nullptr) {
    for (Hybrid& area : areas_) Mover(area, {movers_.get(), sites_.get()}, move, context).run(result);
  }
  result.after = fragmentation();
  return result;
}

}  // namespace freestone::frames
