#include "pipeline/lz4_blocks.h"

#include <algorithm>
#include <limits>

#ifdef FREESTONE_LZ4
#include <lz4.h>
#endif

namespace freestone::pipeline {

using base::Bytes;
using base::ConstBytes;

#ifdef FREESTONE_LZ4

bool lz4_available() noexcept { return true; }

size_t lz4_compress(ConstBytes data, Bytes into) noexcept {
  if (data.size() > kMostLz4Block) return 0;
  const auto room = static_cast<int>(std::min<size_t>(into.size(), std::numeric_limits<int>::max()));
  const int written = LZ4_compress_default(reinterpret_cast<const char*>(data.data()),
                                           reinterpret_cast<char*>(into.data()), static_cast<int>(data.size()), room);
  return static_cast<size_t>(std::max(written, 0));
}

bool lz4_decompress(ConstBytes data, Bytes into) noexcept {
  if (data.size() > std::numeric_limits<int>::max() || into.size() > kMostLz4Block) return false;
  const int filled =
      LZ4_decompress_safe(reinterpret_cast<const char*>(data.data()), reinterpret_cast<char*>(into.data()),
                          static_cast<int>(data.size()), static_cast<int>(into.size()));
  return filled >= 0 && static_cast<size_t>(filled) == into.size();
}

#else

bool lz4_available() noexcept { return false; }
size_t lz4_compress(ConstBytes, Bytes) noexcept { return 0; }
bool lz4_decompress(ConstBytes, Bytes) noexcept { return false; }

#endif

}  // namespace freestone::pipeline
