// Making and unmaking an allocator.
#include <bit>
#include <new>

#include "frames/core.h"

namespace freestone::frames {

using base::Code;
using base::Result;
using base::Status;

namespace {

/// Hands out parts of the metadata; without an address it only counts them.
class Carver {
 public:
  explicit Carver(uint8_t* base) noexcept : base_(base) {}
  template <typename T>
  T* take(size_t count) noexcept {
    constexpr size_t kLine = 128;
    const size_t start = (used_ + kLine - 1) & ~(kLine - 1);
    used_ = start + count * sizeof(T);
    return base_ == nullptr ? nullptr : reinterpret_cast<T*>(base_ + start);
  }
  [[nodiscard]] size_t used() const noexcept { return used_; }

 private:
  uint8_t* base_;
  size_t used_ = 0;
};

/// Where everything lies. Bits and records are as the system gives them, zero, and need no constructor to run.
struct Parts {
  Parts(Carver& carver, const Plan& plan, uint32_t slot_count, uint32_t cpus) noexcept
      : core(carver.take<Core>(1)),
        zones(carver.take<Zone>(plan.zones.size())),
        memories(carver.take<ZoneMemory>(plan.zones.size())),
        areas(carver.take<Hybrid>(plan.areas.size())),
        table(carver.take<Hybrid*>(plan.areas.size())),
        local(carver.take<CpuSlot*>(cpus)),
        slots(carver.take<CpuSlot>(plan.areas.size() * slot_count)),
        handed_out(carver.take<std::atomic<uint64_t>>(Region::words_for(plan.blocks))),
        records(carver.take<BlockRecord>(plan.blocks)),
        bits(carver.take<BlockBits>(plan.blocks)) {
    size_t words = 0;
    for (const Plan::AreaPlan& area : plan.areas) words += Hybrid::summary_words(area.blocks.count);
    summaries = carver.take<std::atomic<uint64_t>>(words);
  }
  Core* core;
  Zone* zones;
  ZoneMemory* memories;
  Hybrid* areas;
  Hybrid** table;
  CpuSlot** local;
  CpuSlot* slots;
  std::atomic<uint64_t>* handed_out;
  BlockRecord* records;
  BlockBits* bits;
  std::atomic<uint64_t>* summaries;
};

}  // namespace

Status Tags::init(const System& system, uint64_t frames) noexcept {
  if (get() != nullptr) return {};
  const uint64_t page = os::page_size();
  const uint64_t size = (frames * sizeof(uint64_t) + page - 1) & ~(page - 1);
  auto memory = system.reserve(size, page);
  if (!memory.ok()) return Status(Code::kOutOfMemory, "reserving tags");
  if (!system.commit(memory.value(), size).ok()) {
    (void)system.release(memory.value(), size);
    return Status(Code::kOutOfMemory, "committing tags");
  }
  size_ = size;
  tags_.store(reinterpret_cast<std::atomic<uint64_t>*>(memory.value()), std::memory_order_release);
  return {};
}

void Tags::close(const System& system) noexcept {
  if (get() != nullptr) (void)system.release(reinterpret_cast<uint8_t*>(get()), size_);
}

Result<Core*> Core::make(const Config& config, const System& system) noexcept {
  const uint32_t cpus = std::bit_ceil(std::min(os::cpu_limit(), 1024U));
  if (config.memory != nullptr) {
    // What is not memory of this allocator cannot become locked, huge or a file, and has no part behind its end.
    if (!config.zones.empty()) return Status(Code::kInvalidArgument, "zones of memory that was lent");
    if (config.size == 0 || config.size % (uint64_t{config.frame_size} << kBlockOrder) != 0) {
      return Status(Code::kInvalidSize, "memory that is not whole blocks");
    }
  }
  const uint32_t slot_count = config.cpu_cache == 0 ? 1 : cpus;
  NodeTable nodes;
  Plan plan;
  if (const Status status = nodes.init(config.nodes, cpus); !status.ok()) return status;
  if (const Status status = plan.init(config, nodes); !status.ok()) return status;

  Carver measure(nullptr);
  (void)Parts(measure, plan, slot_count, cpus);
  const uint64_t page = os::page_size();
  const uint64_t size = (measure.used() + page - 1) & ~(page - 1);
  auto memory = system.reserve(size, page);
  if (!memory.ok()) return Status(Code::kOutOfMemory, "reserving metadata");
  if (!system.commit(memory.value(), size).ok()) {
    (void)system.release(memory.value(), size);
    return Status(Code::kOutOfMemory, "committing metadata");
  }
  Carver carver(memory.value());
  const Parts parts(carver, plan, slot_count, cpus);
  Core* const core = new (parts.core) Core();
  core->system_ = &system;
  core->metadata_bytes_ = size;
  core->nodes_ = std::move(nodes);
  core->zones_ = {parts.zones, plan.zones.size()};
  core->memories_ = {parts.memories, plan.zones.size()};
  core->area_table_ = {parts.table, plan.areas.size()};
  for (Zone& zone : core->zones_) new (&zone) Zone();
  for (ZoneMemory& zone : core->memories_) new (&zone) ZoneMemory();
  core->blocks_ = plan.blocks;

  Status status =
      core->region_.init(system, config.frame_size, plan.blocks, config.huge_pages, parts.handed_out, config.memory);
  for (size_t i = 0; status.ok() && i < plan.zones.size(); ++i) {
    status = core->region_.map(plan.zones[i].config, plan.zones[i].blocks, core->memories_[i]);
  }
  if (status.ok() && config.track) status = core->sites_.init(system, core->frame_limit());
  if (status.ok()) status = core->init(config, plan);
  if (!status.ok()) {
    core->destroy();
    return status;
  }

  size_t used = 0;
  std::atomic<uint64_t>* summary = parts.summaries;
  for (size_t i = 0; i < plan.areas.size(); ++i) {
    const Plan::AreaPlan& area = plan.areas[i];
    const auto zone = static_cast<uint32_t>(i / core->nodes_.count());
    const auto node = static_cast<uint32_t>(i % core->nodes_.count());
    parts.table[i] = nullptr;
    if (area.blocks.count == 0) continue;
    CpuSlot* const slots = parts.slots + used * slot_count;
    for (uint32_t slot = 0; slot < slot_count; ++slot) {
      new (slots + slot) CpuSlot();
      slots[slot].cpu = slot;
    }
    Hybrid* const hybrid = new (parts.areas + used++) Hybrid();
    hybrid->init({.zone = parts.zones + zone,
                  .memory = parts.memories + zone,
                  .region = &core->region_,
                  .bits = parts.bits,
                  .records = parts.records,
                  .blocks = area.blocks,
                  .frames = area.frames,
                  .slots = {slots, slot_count},
                  .summary_words = summary,
                  .keep_blocks = config.cpu_cache == 0 ? 0 : std::max(config.cpu_cache / kBlockFrames, 1U),
                  .zone_position = zone,
                  .node_position = node});
    summary += Hybrid::summary_words(area.blocks.count);
    parts.table[i] = hybrid;
  }
  core->areas_ = {parts.areas, used};
  core->local_ = {parts.local, cpus};
  core->bits_ = parts.bits;
  core->records_ = parts.records;
  for (uint32_t cpu = 0; cpu < cpus; ++cpu) {
    const Hybrid* const area = core->area_at(core->first_zone_[core->default_kind_], core->nodes_.of_cpu(cpu));
    parts.local[cpu] = area == nullptr || area->account().marked() ? nullptr : &area->slot_of(cpu);
  }
  core->update_quick();
  return core;
}

Status Core::init(const Config& config, const Plan& plan) noexcept {
  if (!zone_plans_.assign(plan.zones.span())) return Status(Code::kOutOfMemory, "making an allocator");
  std::fill(std::begin(first_zone_), std::end(first_zone_), kMaxZones);
  for (size_t i = plan.zones.size(); i-- > 0;) {
    const Plan::ZonePlan& zone = plan.zones[i];
    first_zone_[static_cast<uint32_t>(zone.config.kind)] = static_cast<uint32_t>(i);
    zones_[i].init(static_cast<uint32_t>(i), zone.config.kind, zone.frames, zone.config.watermarks, this);
  }
  while (first_zone_[default_kind_] == kMaxZones) ++default_kind_;
  for (uint32_t kind = 0; kind < kZoneKinds; ++kind) {
    for (const ZoneKind next : config.fallback[kind]) {
      if (static_cast<uint32_t>(next) >= kZoneKinds || fallback_count_[kind] == kZoneKinds) {
        return Status(Code::kInvalidArgument, "a fallback names each kind of zone once");
      }
      fallback_[kind][fallback_count_[kind]++] = next;
    }
  }
  for (uint32_t node = 0; node < nodes_.count(); ++node) {
    bool all = true;
    for (size_t zone = 0; zone < plan.zones.size(); ++zone) {
      const Plan::AreaPlan& area = plan.areas[zone * nodes_.count() + node];
      if (area.blocks.count != 0) all = region_.bind(area.blocks, nodes_.id(node)) && all;
    }
    if (!bound_.push(all)) return Status(Code::kOutOfMemory, "making an allocator");
  }
  return {};
}

void Core::destroy() noexcept {
  const System& system = *system_;
  const uint64_t size = metadata_bytes_;
  sites_.close(system);
  movers_.close(system);
  this->~Core();
  (void)system.release(reinterpret_cast<uint8_t*>(this), size);
}

}  // namespace freestone::frames
