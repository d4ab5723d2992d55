#pragma once
// The filters of one dataset as a chain: bytes of a chunk in memory <-> bytes of a chunk in the file.
//   threads: a chain never changes, so any may use it at once, each with a Scratch of its own.    memory: see Scratch.
#include <cstdint>
#include <span>

#include "base/base.h"
#include "pipeline/codec.h"
#include "pipeline/scratch.h"

namespace freestone::pipeline {

/// The largest chunk: HDF5 stores the size in 32 bits.
inline constexpr uint64_t kMaxChunkSize = UINT32_MAX;

/// A chunk as the file has it.
struct EncodedChunk {
  base::ConstBytes bytes;
  /// Bit n set: filter n was not applied, because it would have made the chunk no smaller.
  uint32_t filter_mask = 0;
};

/// Filters in the order in which they are applied on write.
class FilterChain : public base::Shared<FilterChain> {
 public:
  /// A file can name no more than 32, because the filter mask has that many bits.
  static constexpr size_t kMostFilters = 32;

  /// @param description for each filter its id, the number of its values and the values. Values beyond those that a
  /// filter knows are ignored, as libhdf5 does. `kUnsupported` for an unknown filter and for one that needs a library
  /// which is not there, `kInvalidArgument` for a bad value or form.
  [[nodiscard]] static base::Result<base::Ref<FilterChain>> make(std::span<const uint32_t> description) noexcept;

  /// Applies every filter. The result lies in `scratch` and is valid until its next use; without filters it is `chunk`
  /// itself. `kInvalidSize` when `chunk` is empty or larger than `kMaxChunkSize`, or has another size than a filter's
  /// values say, `kLimitExceeded` when the result is larger than that.
  [[nodiscard]] base::Result<EncodedChunk> encode(Scratch& scratch, base::ConstBytes chunk) const noexcept;

  /// Undoes the filters that `filter_mask` does not name and fills `into`, which must have the chunk's exact size.
  /// `kCorruptFile` when the result has another size, a checksum differs or a stream is damaged; `into` may be partly
  /// written.
  /// @param filter_mask bit n set: filter n was not applied to this chunk
  [[nodiscard]] base::Status decode(Scratch& scratch, base::ConstBytes stored, uint32_t filter_mask,
                                    base::Bytes into) const noexcept;

  /// Whether `filter_mask` leaves any filter to undo.
  [[nodiscard]] bool applies(uint32_t filter_mask) const noexcept;

  [[nodiscard]] size_t size() const noexcept { return size_; }

 private:
  friend class base::Ref<FilterChain>;
  FilterChain() noexcept = default;
  ~FilterChain() = default;

  Step steps_[kMostFilters];
  size_t size_ = 0;
  /// What the steps' values point into; never changes after `make`.
  base::Array<uint32_t> description_;
};

}  // namespace freestone::pipeline
