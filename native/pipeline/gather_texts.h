#pragma once
// Texts out of global heap collections, the other way round than heap_texts.h: HDF5 File Format Specification 3.0,
// III.E, and the references of IV.A.2.d.
//   threads: pure.    memory: a table of the last collection's objects, where references are not in their order.
#include <cstdint>

#include "base/base.h"

namespace freestone::pipeline {

/// What came of `gather_texts`.
struct GatheredTexts {
  /// How many references were followed, from the first on.
  uint64_t count = 0;
  /// Of `into`, terminators included.
  uint64_t bytes = 0;
  /// No byte is 0x80 or above.
  bool ascii = true;
  /// A text has a zero byte inside, so that the terminators do not tell where texts end.
  bool has_zero = false;
};

/// Puts the texts of references one after the other, each with a zero byte behind it: as many as lie in collections
/// that are in memory as a whole, and as there is room for.
/// @param references 16 bytes each; one of length 0 is an empty text, wherever it leads
/// @param range bytes of the file, from `address` on
/// @return `kCorruptFile` when a reference leads to no collection or to no object of it, or an object reaches out of
/// it; `kOutOfMemory`
[[nodiscard]] base::Result<GatheredTexts> gather_texts(base::ConstBytes references, base::ConstBytes range,
                                                       uint64_t address, base::Bytes into) noexcept;

}  // namespace freestone::pipeline
