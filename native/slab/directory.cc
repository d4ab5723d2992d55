#include "slab/directory.h"

#include <algorithm>

namespace freestone::slab {

using base::Code;
using base::Status;

namespace {

/// Records are committed in steps of this many bytes.
constexpr uint64_t kStep = uint64_t{256} << 10;

}  // namespace

Directory::~Directory() {
  if (memory_ != nullptr) (void)system_->release(memory_, memory_bytes_);
}

Status Directory::init(const System& system, uint8_t* base, uint64_t bytes) noexcept {
  system_ = &system;
  base_ = base;
  slots_ = bytes >> kSlotShift;
  const uint64_t page = os::page_size();
  map_bytes_ = (slots_ * sizeof(Entry) + page - 1) / page * page;
  // The most that can be used at once: every slot a segment of units of 8 bytes.
  records_bytes_ = std::max(slots_ * kMaxSlabs * sizeof(Slab), kStep);
  records_bytes_ =
      std::min<uint64_t>((records_bytes_ + kStep - 1) / kStep * kStep, uint64_t{UINT32_MAX} * sizeof(Slab));
  records_bytes_ = records_bytes_ / kStep * kStep;
  auto reserved = system.reserve(map_bytes_ + records_bytes_, page);
  if (!reserved.ok()) return reserved.status();
  memory_ = reserved.take();
  memory_bytes_ = map_bytes_ + records_bytes_;
  // All of the map: any pointer may be asked about. What is not used is never touched.
  if (const Status status = system.commit(memory_, map_bytes_); !status.ok()) return status;
  entries_ = reinterpret_cast<std::atomic<Entry>*>(memory_);
  records_ = reinterpret_cast<Slab*>(memory_ + map_bytes_);
  return {};
}

RecordIndex Directory::take(uint32_t count) noexcept {
  if (const RecordIndex group = given_back_[count]; group != kNoRecord) {
    given_back_[count] = records_[group].next;
    return group;
  }
  const uint64_t end = (uint64_t{fresh_} + count) * sizeof(Slab);
  while (end > committed_) {
    if (committed_ == records_bytes_) return kNoRecord;
    if (!system_->commit(memory_ + map_bytes_ + committed_, kStep).ok()) return kNoRecord;
    committed_ += kStep;
  }
  const RecordIndex group = fresh_;
  fresh_ += count;
  return group;
}

void Directory::give_back(RecordIndex first, uint32_t count) noexcept {
  records_[first].next = given_back_[count];
  given_back_[count] = first;
}

}  // namespace freestone::slab
