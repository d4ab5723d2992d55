#pragma once
// The door of filespace: which addresses of one file are in use.
#include "filespace/block.h"
#include "filespace/file_space.h"
#include "filespace/types.h"
