#pragma once
// The door of pipeline: raw data between memory and file, filtered on worker threads.
#include "pipeline/convert.h"
#include "pipeline/copy_dimensions.h"
#include "pipeline/executor.h"
#include "pipeline/file_sink.h"
#include "pipeline/filter_chain.h"
#include "pipeline/gather.h"
#include "pipeline/gather_texts.h"
#include "pipeline/heap_texts.h"
#include "pipeline/operations.h"
#include "pipeline/place_texts.h"
#include "pipeline/scratch.h"
