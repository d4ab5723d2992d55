#pragma once
// What a FrameAllocator holds: the region, its zones, nodes and areas, and how a request finds its area.
//   threads: any.    memory: this and everything it points to lies in one mapping of metadata, but for the tags.
#include <mutex>

#include "frames/compaction.h"
#include "frames/frame_allocator.h"
#include "frames/hybrid.h"
#include "frames/node.h"
#include "frames/plan.h"

namespace freestone::frames {

/// A number for each frame, in a mapping of its own that is touched where it is used.
class Tags {
 public:
  /// Nothing changes when it fails. Does nothing when they are there.
  [[nodiscard]] base::Status init(const System& system, uint64_t frames) noexcept;
  void close(const System& system) noexcept;
  /// Null before `init`. Acquire: pairs with the release of who made them.
  [[nodiscard]] std::atomic<uint64_t>* get() const noexcept { return tags_.load(std::memory_order_acquire); }
  [[nodiscard]] uint64_t bytes() const noexcept { return get() == nullptr ? 0 : size_; }

 private:
  std::atomic<std::atomic<uint64_t>*> tags_{nullptr};
  uint64_t size_ = 0;
};

class Core final : public PressureSink {
 public:
  [[nodiscard]] static base::Result<Core*> make(const Config& config, const System& system) noexcept;
  void destroy() noexcept;

  [[nodiscard]] base::Result<FrameId> allocate(uint32_t frames, const Request& request) noexcept;
  [[nodiscard]] base::Status allocate_batch(uint32_t frames, std::span<FrameId> into, const Request& request) noexcept;
  [[nodiscard]] base::Status free(FrameId frame, uint32_t frames) noexcept;
  [[nodiscard]] base::Status free_batch(std::span<const FrameId> runs, uint32_t frames, size_t* failed) noexcept;

  /// The area of a frame that is within the region.
  [[nodiscard]] Hybrid& area_of(uint64_t frame) const noexcept {
    return areas_.size() == 1 ? areas_[0] : search_area(frame);
  }
  [[nodiscard]] uint64_t frame_limit() const noexcept { return uint64_t{blocks_} * kBlockFrames; }
  /// Whether all of a range is within the region.
  [[nodiscard]] bool within(uint64_t frame, uint64_t frames) const noexcept {
    return frame < frame_limit() && frames <= frame_limit() - frame;
  }
  [[nodiscard]] base::Result<Stats> stats() const noexcept;
  [[nodiscard]] Fragmentation fragmentation() const noexcept;
  [[nodiscard]] Compaction compact(FrameAllocator::Move move, void* context) noexcept;
  [[nodiscard]] base::Result<uint32_t> add_listener(FrameAllocator::Listener listener, void* context) noexcept;
  void remove_listener(uint32_t number) noexcept;
  void changed(const PressureEvent& event) noexcept override;
  /// Areas that have blocks, ascending.
  [[nodiscard]] std::span<Hybrid> areas() const noexcept { return areas_; }

  const System* system_ = nullptr;
  Region region_;
  Tags sites_;
  Tags movers_;
  uint32_t blocks_ = 0;
  std::atomic<bool> timing_{false};
  /// Nothing is kept of a run but its frames, and nothing measured: the short ways may be taken. Relaxed: a call that
  /// overlaps with the change of a setting may or may not follow it; tags themselves are published by `Tags`.
  std::atomic<bool> quick_{true};
  void update_quick() noexcept {
    quick_.store(!timing_.load(std::memory_order_relaxed) && sites_.get() == nullptr && movers_.get() == nullptr,
                 std::memory_order_relaxed);
  }
  /// By CPU, a power of two of them: the slot that serves plain requests first; null where its node has none or the
  /// zone has watermarks.
  std::span<CpuSlot*> local_;
  BlockBits* bits_ = nullptr;
  BlockRecord* records_ = nullptr;
  base::Histogram allocate_times_;
  base::Histogram free_times_;
  std::span<ZoneMemory> memories_;
  base::Array<Plan::ZonePlan> zone_plans_;

 private:
  struct Listening {
    uint32_t number;
    FrameAllocator::Listener listener;
    void* context;
  };
  /// What a request comes to.
  struct Target {
    uint32_t node = 0;
    uint32_t kind = 0;
  };

  [[nodiscard]] Hybrid& search_area(uint64_t frame) const noexcept;
  Core() noexcept = default;
  ~Core() = default;
  [[nodiscard]] base::Status init(const Config& config, const Plan& plan) noexcept;
  [[nodiscard]] base::Status resolve(uint32_t frames, const Request& request, Target& target) noexcept;
  /// Calls `attempt(area)` for the areas that may serve a request, best first, until it is true.
  template <typename Attempt>
  [[nodiscard]] bool search(const Request& request, const Target& target, Attempt attempt) noexcept;
  /// Counts a run that another node served than was wanted.
  void count_elsewhere(FrameId frame, const Target& target) noexcept;
  [[nodiscard]] base::Status refusal(const Request& request, bool memory) noexcept;
  [[nodiscard]] base::Status prepare(const Request& request) noexcept;
  void tag(uint64_t frame, uint32_t frames, const Request& request) noexcept;
  void undo(std::span<const FrameId> runs, uint32_t frames) noexcept;
  [[nodiscard]] Hybrid* area_at(uint32_t zone, uint32_t node) const noexcept {
    return area_table_[size_t{zone} * nodes_.count() + node];
  }

  NodeTable nodes_;
  std::span<Zone> zones_;
  std::span<Hybrid> areas_;
  /// Zone by zone a pointer for each node; null where that has nothing of the zone.
  std::span<Hybrid*> area_table_;
  /// The first zone of each kind, or `kMaxZones`; and the kind that requests without one mean.
  uint32_t first_zone_[kZoneKinds] = {};
  uint32_t default_kind_ = 0;
  ZoneKind fallback_[kZoneKinds][kZoneKinds] = {};
  uint32_t fallback_count_[kZoneKinds] = {};
  base::Array<bool> bound_;
  uint64_t metadata_bytes_ = 0;
  std::atomic<uint64_t> failures_{0};
  /// Per node; relaxed counts.
  std::atomic<uint64_t> misses_[kMaxNodes] = {};
  std::atomic<uint64_t> foreign_[kMaxNodes] = {};
  /// Guards the making of tags, and compaction.
  std::mutex mutex_;
  std::mutex listeners_mutex_;
  base::Array<Listening> listeners_;
  uint32_t next_listener_ = 1;
};

}  // namespace freestone::frames
