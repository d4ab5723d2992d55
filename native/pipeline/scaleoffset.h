#pragma once
// HDF5's filter 6, scaleoffset: integers as their distance from a chunk's smallest in as few bits as the largest needs,
// and floats the same after they were multiplied by a power of ten and rounded. A stored chunk is the number of bits in
// 4 bytes, the size of the minimum in 1, the minimum in 8, 8 bytes of zero, and the bits; all little-endian. With all
// bits of the type, the elements follow as they are, but little-endian.
// The twenty values: 0 for floats or 2 for integers; for floats the decimal digits to keep, for integers how many bits
// to take at least; elements in a chunk; class (0 integer, 1 float); size; signed; big-endian; whether there is a fill
// value; and that in four-byte words. Elements that are the fill value are stored as all ones.
//   threads: see codec.h.    memory: none.
#include "pipeline/codec.h"

namespace freestone::pipeline {

extern const Codec kScaleOffsetCodec;

}  // namespace freestone::pipeline
