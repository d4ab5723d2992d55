#pragma once
// HDF5's registered filter 32008: the bits of elements transposed in blocks, each of which may then be compressed with
// lz4 or zstd. A compressed chunk is its size in 8 bytes and that of a block in 4, both big-endian, and then for each
// block its compressed size in 4 bytes and its bytes. What is no eight elements at the end of a chunk stays as it is.
//   threads: see codec.h.    memory: twice a block in the Scratch.
#include "pipeline/codec.h"

namespace freestone::pipeline {

extern const Codec kBitshuffleCodec;

}  // namespace freestone::pipeline
