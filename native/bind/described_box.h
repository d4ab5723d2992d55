#pragma once
// A box of elements as JavaScript says it: one Float64Array, since each array that is an argument of its own costs more
// than copying a few kilobytes.
#include "bind/napi_setup.h"
#include "pipeline/pipeline.h"

namespace freestone::bind {

/// What `boxDescription` of lib/hdf5/storage/form.ts puts together, copied and checked: the number of dimensions, where
/// the first element is in the target and in the source, the four numbers of an `ElementForm`, and for each dimension
/// its stride in the target, its stride in the source, and how many there are.
class DescribedBox {
 public:
  /// Throws `kInvalidArgument` for what is no such array, and as `ElementForm::make`.
  DescribedBox(const Napi::CallbackInfo& info, size_t index);

  DescribedBox(const DescribedBox&) = delete;
  DescribedBox& operator=(const DescribedBox&) = delete;

  /// Valid while this is.
  [[nodiscard]] pipeline::BoxPlace target() const noexcept {
    return {target_offset_, std::span(target_strides_).first(rank_)};
  }
  [[nodiscard]] pipeline::BoxPlace source() const noexcept {
    return {source_offset_, std::span(source_strides_).first(rank_)};
  }
  [[nodiscard]] std::span<const uint64_t> counts() const noexcept { return std::span(counts_).first(rank_); }
  [[nodiscard]] const pipeline::ElementForm& form() const noexcept { return form_; }

 private:
  size_t rank_ = 0;
  uint64_t target_offset_ = 0;
  uint64_t source_offset_ = 0;
  int64_t target_strides_[pipeline::kMostDimensions];
  int64_t source_strides_[pipeline::kMostDimensions];
  uint64_t counts_[pipeline::kMostDimensions];
  pipeline::ElementForm form_;
};

}  // namespace freestone::bind
