#include "pipeline/isal.h"

#ifdef FREESTONE_ISAL
#include <isa-l/igzip_lib.h>

#include <limits>
#include <new>

#include "os/os.h"
#endif

namespace freestone::pipeline {

using base::Bytes;
using base::ConstBytes;

#ifdef FREESTONE_ISAL

namespace {

struct Library {
  decltype(&isal_deflate_init) init = nullptr;
  decltype(&isal_deflate) deflate = nullptr;
};

/// Never unloaded: threads may still be in it when statics are destroyed.
const Library& library() noexcept {
  static const Library found = []() noexcept {
    Library library;
    // The number is that of the interface that the header above describes.
    void* const handle = os::load_library("libisal.so.2");
    library.init = reinterpret_cast<decltype(library.init)>(os::find_symbol(handle, "isal_deflate_init"));
    library.deflate = reinterpret_cast<decltype(library.deflate)>(os::find_symbol(handle, "isal_deflate"));
    return library;
  }();
  return found;
}

constexpr size_t kStreamSize = (sizeof(isal_zstream) + 63) / 64 * 64;

}  // namespace

bool isal_available() noexcept { return library().init != nullptr && library().deflate != nullptr; }

size_t isal_memory() noexcept { return kStreamSize + ISAL_DEF_LVL1_EXTRA_LARGE; }

size_t isal_compress(uint8_t* memory, ConstBytes data, Bytes into) noexcept {
  constexpr size_t kMost = std::numeric_limits<uint32_t>::max();
  if (data.size() > kMost || into.size() > kMost) return 0;
  isal_zstream* const stream = new (memory) isal_zstream;
  library().init(stream);
  stream->level = 1;
  stream->level_buf = memory + kStreamSize;
  stream->level_buf_size = ISAL_DEF_LVL1_EXTRA_LARGE;
  stream->gzip_flag = IGZIP_ZLIB;
  stream->end_of_stream = 1;
  stream->flush = NO_FLUSH;
  stream->next_in = const_cast<uint8_t*>(data.data());  // never written; the interface is older than const
  stream->avail_in = static_cast<uint32_t>(data.size());
  stream->next_out = into.data();
  stream->avail_out = static_cast<uint32_t>(into.size());
  if (library().deflate(stream) != COMP_OK) return 0;
  const bool finished = stream->internal_state.state == ZSTATE_END && stream->avail_in == 0;
  return finished ? stream->total_out : 0;
}

#else

bool isal_available() noexcept { return false; }
size_t isal_memory() noexcept { return 0; }
size_t isal_compress(uint8_t*, ConstBytes, Bytes) noexcept { return 0; }

#endif

}  // namespace freestone::pipeline
