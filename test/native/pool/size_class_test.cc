#include "pool/size_class.h"

#include "pool/support.h"

namespace freestone::pool {

TEST_CASE("a size class is the smallest that holds its sizes, and wastes an eighth at most") {
  for (size_t size = 1; size <= kMaxClassSize; ++size) {
    const SizeClass size_class = class_of(size);
    const size_t block = block_size_of(size_class);
    const bool fits = block >= size && block % 16 == 0 && size_class < kSizeClasses;
    const bool smallest = size_class == 0 || block_size_of(size_class - 1) < size;
    const bool tight = size <= 1024 ? block - size < 16 : (block - size) * 8 <= size;
    if (!fits || !smallest || !tight) FAIL("size ", size, " got blocks of ", block);
  }
  CHECK(block_size_of(kSizeClasses - 1) == kMaxClassSize);
}

TEST_CASE("the inverse of a block size finds the block of every offset in a span") {
  for (SizeClass size_class = 0; size_class < kSizeClasses; ++size_class) {
    const uint64_t size = block_size_of(size_class);
    CHECK(blocks_of(size_class) <= kMaxBlocks);
    for (uint64_t offset = 0; offset < span_bytes_of(kind_of(size_class)); offset += 16) {
      if (((offset >> 4) * inverse_of(size_class)) >> kInverseShift != offset / size)
        FAIL("offset ", offset, " of ", size);
    }
  }
}

}  // namespace freestone::pool
