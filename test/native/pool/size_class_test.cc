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

TEST_CASE("a divisor tells the offsets of blocks from all others, before, in and behind a span") {
  for (SizeClass size_class = 0; size_class < kSizeClasses; ++size_class) {
    const uint64_t size = block_size_of(size_class);
    const uint64_t blocks = blocks_of(size_class);
    const Divisor divisor = divisor_of(block_size_of(size_class));
    CHECK(blocks <= kMaxBlocks);
    const auto bytes = static_cast<int64_t>(span_bytes_of(kind_of(size_class)));
    for (int64_t offset = -bytes; offset < 2 * bytes; offset += 1 + (offset % 4 == 0 ? 0 : size_class % 3)) {
      const bool is_block =
          offset >= 0 && offset % static_cast<int64_t>(size) == 0 && static_cast<uint64_t>(offset) / size < blocks;
      const uint64_t number = divisor.quotient(static_cast<uint64_t>(offset));
      if ((number < blocks) != is_block || (is_block && number != static_cast<uint64_t>(offset) / size)) {
        FAIL("offset ", offset, " of ", size, " is ", number);
      }
    }
  }
}

}  // namespace freestone::pool
