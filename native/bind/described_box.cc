#include "bind/described_box.h"

#include <cmath>

#include "bind/arguments.h"
#include "bind/errors.h"

namespace freestone::bind {

using base::Code;

namespace {

/// The numbers before those of the dimensions.
constexpr size_t kHead = 7;
constexpr size_t kOfDimension = 3;
constexpr size_t kOfForm = 4;

/// One number after the other, each read once: another thread may write a shared array.
class Numbers {
 public:
  Numbers(const Napi::CallbackInfo& info, std::span<const double> values) : info_(info), values_(values) {}

  uint64_t whole(uint64_t most) {
    const double value = next();
    if (!is_whole(value) || value > static_cast<double>(most)) refuse();
    return static_cast<uint64_t>(value);
  }

  int64_t integer() {
    const double value = next();
    if (!is_whole(std::fabs(value))) refuse();
    return static_cast<int64_t>(value);
  }

 private:
  double next() {
    if (next_ == values_.size()) refuse();
    return values_[next_++];
  }

  [[noreturn]] void refuse() const {
    throw_error(info_.Env(), Code::kInvalidArgument, "box must describe elements of at most 32 dimensions");
  }

  const Napi::CallbackInfo& info_;
  std::span<const double> values_;
  size_t next_ = 0;
};

}  // namespace

DescribedBox::DescribedBox(const Napi::CallbackInfo& info, size_t index) {
  static_assert(kHead + kOfDimension * pipeline::kMostDimensions == 103, "as lib/hdf5/storage/form.ts has it");
  Numbers numbers(info, doubles(info, index, "box"));
  rank_ = static_cast<size_t>(numbers.whole(pipeline::kMostDimensions));
  target_offset_ = numbers.whole(kMaxSafeInteger);
  source_offset_ = numbers.whole(kMaxSafeInteger);
  uint32_t form[kOfForm];
  for (uint32_t& number : form) number = static_cast<uint32_t>(numbers.whole(UINT32_MAX));
  for (size_t i = 0; i < rank_; ++i) {
    target_strides_[i] = numbers.integer();
    source_strides_[i] = numbers.integer();
    counts_[i] = numbers.whole(kMaxSafeInteger);
  }
  const auto made = pipeline::ElementForm::make(form);
  check(info.Env(), made.status());
  form_ = made.value();
}

}  // namespace freestone::bind
