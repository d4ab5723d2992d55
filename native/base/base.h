#pragma once
// The door of base: what every tier needs and nothing else.
#include "base/arithmetic.h"
#include "base/array.h"
#include "base/bits.h"
#include "base/bytes.h"
#include "base/histogram.h"
#include "base/ref.h"
#include "base/spin_lock.h"
#include "base/status.h"
