#pragma once
// The door of frames: page frames from one region, by bitmap and buddy lists.
#include "frames/config.h"
#include "frames/frame_allocator.h"
#include "frames/stats.h"
#include "frames/system.h"
#include "frames/types.h"
