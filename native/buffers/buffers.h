#pragma once
// The buffers tier's door.
#include "buffers/shared_buffers.h"
