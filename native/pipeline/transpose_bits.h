#pragma once
// Bitshuffle's order of bits: the lowest bits of all elements, then the second lowest, and so on.
//   threads: pure functions.    memory: the caller's. With AVX2 where the processor has it.
#include <cstddef>

#include "base/base.h"

namespace freestone::pipeline {

/// `data` holds whole elements, a multiple of eight; `into` and `between` have its size and overlap nothing.
/// `between` is aligned as malloc aligns.
void transpose_bits(base::ConstBytes data, size_t element_size, base::Bytes between, base::Bytes into) noexcept;

/// Undoes `transpose_bits`; the same conditions.
void untranspose_bits(base::ConstBytes data, size_t element_size, base::Bytes between, base::Bytes into) noexcept;

/// Transposes each eight bytes, taken as eight rows of eight bits: bit i of byte k becomes bit k of byte i. Its own
/// opposite. The two that `transpose_bits` chooses from. `data` is a multiple of eight bytes.
void transpose_squares_plain(base::Bytes data) noexcept;
/// False, with nothing done, where the processor lacks AVX2.
[[nodiscard]] bool transpose_squares_avx2(base::Bytes data) noexcept;

}  // namespace freestone::pipeline
