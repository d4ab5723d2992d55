#pragma once
// HDF5's filter 4, szip: the size of the chunk in 4 little-endian bytes, and a stream of the CCSDS lossless compressor.
// libsz, which is part of libaec, is not linked; where the process finds it, it is used.
//   threads: see codec.h.    memory: what libsz allocates for each chunk.
#include "pipeline/codec.h"

namespace freestone::pipeline {

extern const Codec kSzipCodec;

/// Whether the library was found; it is looked for once.
[[nodiscard]] bool szip_available() noexcept;

}  // namespace freestone::pipeline
