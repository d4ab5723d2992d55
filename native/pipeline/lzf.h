#pragma once
// h5py's registered filter 32000, the format of Marc Lehmann's LibLZF: runs of up to 32 literal bytes, and copies of 3
// to 264 bytes from up to 8 KiB back.
//   threads: see codec.h.    memory: a table of 64 KiB in the Scratch.
#include "pipeline/codec.h"

namespace freestone::pipeline {

extern const Codec kLzfCodec;

}  // namespace freestone::pipeline
