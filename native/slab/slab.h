#pragma once
// The door of slab: heaps of five tiers. Global arenas are cut into segments, segments into slabs of units of one size;
// a queue keeps the slabs of a class, a heap has a queue for each; above 128 KiB, blocks come straight from frames.
#include "slab/classes.h"
#include "slab/config.h"
#include "slab/heap.h"
