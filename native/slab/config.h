#pragma once
// What a heap is made from and what it says about itself.
//   threads: plain values.    memory: none.
#include "slab/arenas.h"
#include "slab/large_blocks.h"
#include "slab/local_heap.h"

namespace freestone::slab {

struct Config {
  /// Several threads at a time. Off, no atomic read-modify-write is on the path, and the caller keeps threads apart.
  bool thread_safe = true;
  /// Arenas that no other heap shares; they become everyone's when the heap is closed.
  bool dedicated = false;
  /// Poison, red zones, delayed reuse and sites; see debug.h. Costs time and memory.
  bool debug = false;
  /// Bytes of segments and large blocks that the heap may hold, kept ones included; 0: any.
  uint64_t limit = 0;
  /// Of the arenas that are made when this heap needs one.
  Growth growth = {};
};

struct ClassStats {
  uint64_t size = 0;
  /// Units that are live.
  uint64_t units = 0;
  uint64_t capacity = 0;
  uint64_t slabs = 0;
  uint64_t empty_slabs = 0;
  uint64_t segments = 0;
  uint64_t committed = 0;
};

/// Exact when no other thread is at work; else each number held at some moment of the call.
struct Stats {
  Space::Counts space;
  LocalCounts local;
  LargeBlocks::Counts large;
  ClassStats classes[kClasses];
  uint64_t local_heaps = 0;
  /// Bytes of live units and large blocks.
  uint64_t allocated = 0;
  /// Bytes of segments and large blocks, kept ones included: what the limit is about.
  uint64_t held = 0;
  /// Of these, what the system has not got back: less the pages that a trim gave back and nobody used since.
  uint64_t committed = 0;
  uint64_t limit = 0;
  /// Requests that the limit refused.
  uint64_t refused = 0;
};

}  // namespace freestone::slab
