#pragma once
// HDF5's registered filter 32004. A chunk is its size in 8 bytes and the size of a block in 4, both big-endian, and
// then for each block its compressed size in 4 bytes and its bytes; a block that lz4 does not make smaller is stored as
// it is.
//   threads: see codec.h.    memory: none.
#include "pipeline/codec.h"

namespace freestone::pipeline {

extern const Codec kLz4Codec;

}  // namespace freestone::pipeline
