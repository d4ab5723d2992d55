#pragma once
// Texts of a fixed length: HDF5 File Format Specification 3.0, IV.A.2.d, class 3.
//   threads: pure but for `target`.    memory: none.
#include <cstdint>
#include <span>

#include "base/base.h"

namespace freestone::pipeline {

/// Puts texts that lie one after the other into fields of `size` bytes each, with `filler` behind them.
/// @param texts as many bytes as `lengths` come to, and `target` as many fields as there are lengths
/// @param room the longest text that a field holds
/// @return `kTypeMismatch` for a text that is longer, that has a zero byte or that ends with `filler`, which would be
/// lost: any field may have been written then; `kInvalidSize` when the sizes do not fit each other, before anything is
[[nodiscard]] base::Status place_texts(base::ConstBytes texts, std::span<const uint32_t> lengths, base::Bytes target,
                                       uint64_t size, uint64_t room, uint8_t filler) noexcept;

}  // namespace freestone::pipeline
