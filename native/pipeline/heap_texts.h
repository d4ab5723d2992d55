#pragma once
// Texts as objects of a global heap collection: HDF5 File Format Specification 3.0, III.E, and the references of
// IV.A.2.d.
//   threads: pure.    memory: none.
#include <cstdint>

#include "base/base.h"

namespace freestone::pipeline {

/// Bytes of a reference to a heap object: length, address and index.
inline constexpr uint64_t kHeapReferenceSize = 16;
/// Bytes before those of an object.
inline constexpr uint64_t kHeapObjectHeaderSize = 16;
/// Indices have 16 bits, and 0 is the free space.
inline constexpr uint64_t kMostHeapObjects = 65535;

/// What came of `pack_texts`.
struct PackedTexts {
  /// Of `texts`, terminators included.
  uint64_t bytes = 0;
  uint64_t count = 0;
  /// Of the collection, with what was used before.
  uint64_t used = 0;
};

/// Puts texts into a collection, as many as there is room for, and writes the references of them.
/// @param texts each with a zero byte behind it
/// @param collection the whole of it; the first `used` bytes hold its header and `objects` objects
/// @param address of the collection in the file
/// @param references room for those of all texts
/// @return `kInvalidSize` when `used` or `objects` is more than a collection has
[[nodiscard]] base::Result<PackedTexts> pack_texts(base::ConstBytes texts, base::Bytes collection, uint64_t used,
                                                   uint64_t objects, uint64_t address, base::Bytes references) noexcept;

}  // namespace freestone::pipeline
