#pragma once
// HDF5's filter 5, nbit: only the significant bits of numbers are stored, one after the other, the most significant
// first. The values are their number, whether nothing is to be packed, how many elements a chunk has, and the datatype:
// its class and size, and for
//   1, a number: byte order (0 little-endian, 1 big-endian), precision and offset in bits,
//   2, an array: the type of its elements,
//   3, a compound: how many members, and for each its offset and its type,
//   4, anything else: nothing more; its bytes are stored as they are.
//   threads: see codec.h.    memory: none.
#include "pipeline/codec.h"

namespace freestone::pipeline {

extern const Codec kNbitCodec;

}  // namespace freestone::pipeline
