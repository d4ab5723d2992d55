#pragma once
// What the filter chain knows of each of its filters: how values are checked, and both directions.
//   threads: pure functions over the caller's Scratch.    memory: that of the Scratch.
#include <cstdint>
#include <span>

#include "base/base.h"
#include "pipeline/scratch.h"

namespace freestone::pipeline {

/// HDF5's registered number of a filter.
enum class FilterId : uint32_t {
  /// Value: the level, 0 to 9.
  kDeflate = 1,
  /// Value: the size of an element in bytes.
  kShuffle = 2,
  /// No value.
  kFletcher32 = 3,
  /// Values: options, pixels per block, bits per pixel, pixels per scanline.
  kSzip = 4,
  /// Values: their number, whether nothing is to be packed, elements in a chunk, the datatype; see nbit.h.
  kNbit = 5,
  /// Twenty values; see scaleoffset.h.
  kScaleOffset = 6,
  /// Values: revision of the filter, version of lzf, the chunk's size in bytes.
  kLzf = 32000,
  /// Value: bytes in a block, 1 GiB unless given.
  kLz4 = 32004,
  /// Values: two numbers of a version, the size of an element, elements in a block or 0, compressor, its level.
  kBitshuffle = 32008,
  /// Value: the level, 3 unless given.
  kZstd = 32015,
};

/// One filter of a chain.
struct Step {
  const struct Codec* codec = nullptr;
  FilterId id = FilterId::kDeflate;
  /// As the file has them.
  std::span<const uint32_t> values;
  /// That of the shuffle right before, or 1.
  size_t shuffled_size = 1;
};

struct Codec {
  FilterId id;
  /// Whether the values are some, and whether this build can do it. `kInvalidArgument`, `kUnsupported`.
  base::Status (*check)(const Step& step) noexcept;
  /// Whether encoding keeps the size.
  bool (*keeps_size)(const Step& step) noexcept;
  /// No writer turns `size` bytes into more than this.
  uint64_t (*most)(const Step& step, uint64_t size) noexcept;
  /// How many bytes `encode` needs room for, given `size` bytes.
  base::Result<size_t> (*room)(Scratch& scratch, const Step& step, size_t size) noexcept;
  /// How many bytes of `into`, which has the room, were written. `kNoSpace`: these bytes do not become fewer, and the
  /// chunk is to be stored without this filter.
  base::Result<size_t> (*encode)(Scratch& scratch, const Step& step, base::ConstBytes data, base::Bytes into) noexcept;
  /// How many bytes of `into`, which is not empty, were filled; never one beyond it. `kCorruptFile` when `data` is
  /// damaged, `kLimitExceeded` when `into` is too small for it.
  base::Result<size_t> (*decode)(Scratch& scratch, const Step& step, base::ConstBytes data, base::Bytes into) noexcept;
};

/// Null for an unknown filter. Of fletcher32, which the chain does itself because it can in place, only `check` and
/// `most` are there.
[[nodiscard]] const Codec* find_codec(FilterId id) noexcept;

/// What does the work of a filter in this process, such as `libdeflate`, in order of preference, or an empty list when
/// nothing does. The names are literals.
[[nodiscard]] std::span<const char* const> libraries_of(FilterId id) noexcept;

/// Room for a compressor that is worse than any known.
[[nodiscard]] constexpr uint64_t most_compressed(uint64_t size) noexcept { return size + size / 4 + (1 << 16); }

}  // namespace freestone::pipeline
