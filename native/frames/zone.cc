#include "frames/zone.h"

#include <algorithm>

namespace freestone::frames {

namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

/// What a slot draws at once. Of a zone without marks so much that it is rare, and far from overflowing half a word.
constexpr int64_t kPlenty = int64_t{1} << 24;
/// Of a zone with marks: a few blocks' worth.
constexpr int64_t kBatch = 1024;

}  // namespace

void Zone::init(uint32_t position, ZoneKind kind, uint64_t frames, const Watermarks& marks,
                PressureSink* sink) noexcept {
  position_ = position;
  kind_ = kind;
  total_ = frames;
  marks_ = marks;
  marked_ = marks.high != 0;
  sink_ = sink;
  flush_limit_.store(marked_ ? 1 : static_cast<int32_t>(kPlenty), kRelaxed);
}

void Zone::add(Account* account) noexcept {
  account->next_ = accounts_;
  accounts_ = account;
  // A batch in `taken`, and almost one in `returned`.
  slack_ += account->slots_.size() * 2 * static_cast<uint64_t>(kBatch);
  if (marked_) flush_limit_.store(near(pool()) ? 1 : static_cast<int32_t>(kBatch), kRelaxed);
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
      credit += Account::take_credit(slot.taken) + Account::take_credit(slot.returned);
    }
    if (credit != 0) account->drawn_.fetch_sub(credit, kRelaxed);
  }
}

bool Zone::update(PressureEvent& event) noexcept {
  const bool close = near(pool());
  // While it is near, slots hold no credit: what they had is taken back once, and from then on draws are exact and
  // returns immediate.
  if (close && flush_limit() != 1) harvest();
  flush_limit_.store(close ? 1 : static_cast<int32_t>(kBatch), kRelaxed);
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

bool Zone::draw_marked(Account& account, CpuSlot& slot, uint64_t frames, uint32_t runs, bool emergency) noexcept {
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
    slot.taken.fetch_add((static_cast<uint64_t>(batch) << 32) + runs, kRelaxed);
  }
  const bool tell = update(event);
  lock_.unlock();
  if (tell && sink_ != nullptr) sink_->changed(event);
  return granted;
}

void Zone::flush_marked(Account& account, CpuSlot& slot) noexcept {
  PressureEvent event;
  lock_.lock();
  account.drawn_.fetch_sub(Account::take_credit(slot.returned) + Account::take_credit(slot.taken), kRelaxed);
  const bool tell = update(event);
  lock_.unlock();
  if (tell && sink_ != nullptr) sink_->changed(event);
}

void Account::init(Zone* zone, std::span<CpuSlot> slots, uint64_t frames) noexcept {
  zone_ = zone;
  slots_ = slots;
  total_ = frames;
}

int64_t Account::take_credit(std::atomic<uint64_t>& word) noexcept {
  uint64_t value = word.load(kRelaxed);
  while (credit_of(value) > 0) {
    if (word.compare_exchange_weak(value, value & UINT32_MAX, kRelaxed)) return credit_of(value);
  }
  return 0;
}

void Account::fold(std::atomic<uint64_t>& word, std::atomic<uint64_t>& total) noexcept {
  uint64_t value = word.load(kRelaxed);
  while ((value & kCountFull) != 0) {
    // Not all of it: a refund may still have to take some off.
    if (!word.compare_exchange_weak(value, value - kCountFull / 2, kRelaxed)) continue;
    total.fetch_add(kCountFull / 2, kRelaxed);
    return;
  }
}

bool Account::charge_slowly(CpuSlot& slot, uint64_t frames, uint32_t runs, bool emergency, uint64_t now) noexcept {
  if ((now & kCountFull) != 0) fold(slot.taken, folded_allocations_);
  if (credit_of(now) >= 0) return true;
  if (zone_->marked_) {
    slot.taken.fetch_add((frames << 32) - runs, kRelaxed);
    return zone_->draw_marked(*this, slot, frames, runs, emergency);
  }
  while (credit_of(slot.taken.load(kRelaxed)) < 0) {
    drawn_.fetch_add(kPlenty, kRelaxed);
    slot.taken.fetch_add(static_cast<uint64_t>(kPlenty) << 32, kRelaxed);
  }
  return true;
}

void Account::refund(CpuSlot& slot, uint64_t frames, uint32_t runs) noexcept {
  slot.taken.fetch_add((frames << 32) - runs, kRelaxed);
  if (zone_->marked_) zone_->flush_marked(*this, slot);
}

void Account::flush(CpuSlot& slot) noexcept {
  fold(slot.returned, folded_frees_);
  if (zone_->marked_) {
    zone_->flush_marked(*this, slot);
  } else {
    drawn_.fetch_sub(take_credit(slot.returned), kRelaxed);
  }
}

uint64_t Account::used() const noexcept {
  int64_t used = drawn_.load(kRelaxed);
  for (const CpuSlot& slot : slots_) {
    used -= credit_of(slot.taken.load(kRelaxed));
    used -= credit_of(slot.returned.load(kRelaxed));
  }
  // Of words that are read one after another while others change them.
  return used < 0 ? 0 : static_cast<uint64_t>(used);
}

uint64_t Account::allocations() const noexcept {
  uint64_t count = folded_allocations_.load(kRelaxed);
  for (const CpuSlot& slot : slots_) count += static_cast<uint32_t>(slot.taken.load(kRelaxed));
  return count;
}

uint64_t Account::frees() const noexcept {
  uint64_t count = folded_frees_.load(kRelaxed);
  for (const CpuSlot& slot : slots_) count += static_cast<uint32_t>(slot.returned.load(kRelaxed));
  return count;
}

}  // namespace freestone::frames
