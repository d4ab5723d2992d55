#pragma once
// The exports of each tier.
#include "bind/napi_setup.h"

namespace freestone::bind {

/// Arena, addressRemainder.
void export_arena(Napi::Env env, Napi::Object exports);
/// SharedBuffers.
void export_buffers(Napi::Env env, Napi::Object exports);
/// FileSpace.
void export_filespace(Napi::Env env, Napi::Object exports);
/// Frames.
void export_frames(Napi::Env env, Napi::Object exports);
/// File, ChunkCodec, convertBox, workerCount.
void export_pipeline(Napi::Env env, Napi::Object exports);
/// Pool.
void export_pool(Napi::Env env, Napi::Object exports);

/// SlabHeap, heapClasses.
void export_slab(Napi::Env env, Napi::Object exports);

}  // namespace freestone::bind
