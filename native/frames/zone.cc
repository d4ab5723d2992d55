#include "frames/zone.h"

#include <algorithm>

namespace freestone::frames {

namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

/// What a slot draws at once: a few blocks' worth.
constexpr int64_t kBatch = 1024;

/// What there is, if it is positive.
int64_t take_all(std::atomic<int64_t>& word) noexcept {
  int64_t value = word.load(kRelaxed);
  while (value > 0) {
    if (word.compare_exchange_weak(value, 0, kRelaxed)) return value;
  }
  return 0;
}

}  // namespace

void Zone::init(uint32_t position, ZoneKind kind, uint64_t frames, const Watermarks& marks,
                PressureSink* sink) noexcept {
  position_ = position;
  kind_ = kind;
  total_ = frames;
  marks_ = marks;
  marked_ = marks.high != 0;
  sink_ = sink;
  flush_limit_.store(1, kRelaxed);
}

void Zone::add(Account* account) noexcept {
  account->next_ = accounts_;
  accounts_ = account;
  // A batch in `credit`, and almost one in `refunds`.
  slack_ += account->slots_.size() * 2 * static_cast<uint64_t>(kBatch);
  if (marked_) flush_limit_.store(near(pool()) ? 1 : kBatch, kRelaxed);
}

int64_t Zone::pool() const noexcept {
  auto left = static_cast<int64_t>(total_);
  for (const Account* account = accounts_; account != nullptr; account = account->next_) {
    left -= account->drawn_.load(kRelaxed);
  }
  return left;
}

bool Zone::near(int64_t pool) const noexcept { return pool < static_cast<int64_t>(marks_.high + slack_); }

uint64_t Zone::free_frames() const noexcept {
  uint64_t used = 0;
  for (const Account* account = accounts_; account != nullptr; account = account->next_) used += account->used();
  return total_ - std::min(total_, used);
}

void Zone::harvest() noexcept {
  for (Account* account = accounts_; account != nullptr; account = account->next_) {
    int64_t credit = 0;
    for (CpuSlot& slot : account->slots_) {
      credit += take_all(slot.credit) + take_all(slot.refunds);
    }
    if (credit != 0) account->drawn_.fetch_sub(credit, kRelaxed);
  }
}

bool Zone::update(PressureEvent& event) noexcept {
  const bool close = near(pool());
  // While it is near, slots hold no credit: what they had is taken back once, and from then on draws are exact and
  // returns immediate.
  if (close && flush_limit() != 1) harvest();
  flush_limit_.store(close ? 1 : kBatch, kRelaxed);
  const auto open = static_cast<uint64_t>(std::max(pool(), int64_t{0}));
  const Pressure before = pressure_.load(kRelaxed);
  Pressure now = before;
  if (open <= marks_.min) {
    now = Pressure::kMin;
  } else if (open <= marks_.low) {
    now = Pressure::kLow;
  } else if (open >= marks_.high) {
    now = Pressure::kNone;
  } else if (before == Pressure::kMin) {
    now = Pressure::kLow;
  }
  if (now == before) return false;
  pressure_.store(now, kRelaxed);
  if (now > before) events_.fetch_add(1, kRelaxed);
  event = {.zone = position_, .kind = kind_, .level = now, .free_frames = open};
  return true;
}

bool Zone::draw(Account& account, CpuSlot& slot, uint64_t frames, bool emergency) noexcept {
  const auto wanted = static_cast<int64_t>(frames);
  const auto floor = static_cast<int64_t>(emergency ? 0 : marks_.min);
  PressureEvent event;
  lock_.lock();
  // A free that overlapped with coming near may have left credit with its slot, so look before refusing.
  if (pool() - wanted < floor || (near(pool() - wanted) && flush_limit() != 1)) harvest();
  const int64_t left = pool() - wanted;
  const bool granted = left >= floor;
  if (granted) {
    const int64_t batch = near(left - kBatch) ? 0 : kBatch;
    account.drawn_.fetch_add(wanted + batch, kRelaxed);
    slot.credit.fetch_add(batch, kRelaxed);
  }
  const bool tell = update(event);
  lock_.unlock();
  if (tell && sink_ != nullptr) sink_->changed(event);
  return granted;
}

void Zone::flush(Account& account, CpuSlot& slot) noexcept {
  PressureEvent event;
  lock_.lock();
  account.drawn_.fetch_sub(take_all(slot.refunds) + take_all(slot.credit), kRelaxed);
  const bool tell = update(event);
  lock_.unlock();
  if (tell && sink_ != nullptr) sink_->changed(event);
}

void Account::init(Zone* zone, std::span<CpuSlot> slots, uint64_t frames) noexcept {
  zone_ = zone;
  slots_ = slots;
  total_ = frames;
  marked_ = zone->marked_;
}

bool Account::take_credit(CpuSlot& slot, uint64_t frames, bool emergency) noexcept {
  const auto wanted = static_cast<int64_t>(frames);
  if (slot.credit.fetch_sub(wanted, kRelaxed) >= wanted) return true;
  slot.credit.fetch_add(wanted, kRelaxed);
  return zone_->draw(*this, slot, frames, emergency);
}

void Account::give_credit(CpuSlot& slot, uint64_t frames) noexcept {
  const auto given = static_cast<int64_t>(frames);
  if (slot.refunds.fetch_add(given, kRelaxed) + given >= zone_->flush_limit()) zone_->flush(*this, slot);
}

uint64_t Account::sum(std::atomic<uint64_t> RunCounts::*which) const noexcept {
  uint64_t sum = 0;
  for (const CpuSlot& slot : slots_) sum += slot.counted(which);
  return sum;
}

uint64_t Account::used() const noexcept {
  // What was returned first: of numbers that are read one after another while others change them, so that a frame's
  // end is not counted without its beginning.
  const uint64_t returned = sum(&RunCounts::returned_ones) + sum(&RunCounts::returned_frames);
  const uint64_t taken = sum(&RunCounts::taken_ones) + sum(&RunCounts::taken_frames);
  return taken < returned ? 0 : taken - returned;
}

uint64_t Account::allocations() const noexcept {
  return sum(&RunCounts::taken_ones) + sum(&RunCounts::taken_runs) - forgotten_.load(kRelaxed);
}

uint64_t Account::frees() const noexcept {
  return sum(&RunCounts::returned_ones) + sum(&RunCounts::returned_runs) - forgotten_.load(kRelaxed);
}

}  // namespace freestone::frames
