// Arena of lib/native.ts. JavaScript moves the cursor within a chunk itself, and says with each call how far it came.
#include "bind/arena_handle.h"
#include "bind/arguments.h"
#include "bind/class.h"
#include "bind/exports.h"

namespace freestone::bind {

using arena::Arena;
using base::Code;
using base::Ref;

namespace {

Napi::Number number(Napi::Env env, uint64_t value) { return Napi::Number::New(env, static_cast<double>(value)); }

/// The arena, once it knows how far the caller's cursor is: the first argument.
Arena& arena_at(const Napi::CallbackInfo& info) {
  Arena& arena = self<ArenaHandle>(info).open();
  check(info.Env(), arena.advance(whole_number(info, 0, "used")));
  return arena;
}

/// pool or arena, initialChunkSize, maxChunkSize, alignment, limit, softLimit, debug
Napi::Value construct(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  arena::Config config;
  config.initial_chunk_size = whole_number(info, 1, "initialChunkSize", Code::kInvalidSize);
  config.max_chunk_size = whole_number(info, 2, "maxChunkSize", Code::kInvalidSize);
  config.alignment = whole_number(info, 3, "alignment", Code::kInvalidAlignment);
  config.limit = whole_number(info, 4, "limit");
  config.soft_limit = whole_number(info, 5, "softLimit");
  config.debug = info[6].ToBoolean().Value();
  if (is_wrapped<ArenaHandle>(env, info[0])) {
    wrap(info, ArenaHandle::make(env, Ref<ArenaHandle>(&unwrap<ArenaHandle>(env, info[0], "arena")), config));
  } else {
    wrap(info, ArenaHandle::make(env, unwrap<PoolHandle>(env, info[0], "pool").open(), config));
  }
  return info.This();
}

/// used: how far the caller's cursor is.
Napi::Value advance(const Napi::CallbackInfo& info) {
  (void)arena_at(info);
  return info.Env().Undefined();
}

/// used, size, alignment: where the block starts in the chunk that is now the current one.
Napi::Value alloc(const Napi::CallbackInfo& info) {
  Arena& arena = arena_at(info);
  const uint64_t size = whole_number(info, 1, "size", Code::kInvalidSize);
  const uint64_t alignment = whole_number(info, 2, "alignment", Code::kInvalidAlignment);
  const auto* const block = static_cast<const uint8_t*>(arena.allocate_aligned(size, alignment));
  if (block == nullptr) check(info.Env(), arena.why(), {.requested = size});
  return number(info.Env(), static_cast<uint64_t>(block - arena.place().chunk));
}

/// Bytes of the current chunk, and how many of them are used.
Napi::Value place(const Napi::CallbackInfo& info) {
  const Arena::Place place = self<ArenaHandle>(info).open().place();
  const double values[] = {static_cast<double>(place.size), static_cast<double>(place.used)};
  return float64_array(info.Env(), values);
}

Napi::Value chunk(const Napi::CallbackInfo& info) { return self<ArenaHandle>(info).chunk(); }

/// used, offset, size
Napi::Value view(const Napi::CallbackInfo& info) {
  (void)arena_at(info);
  return self<ArenaHandle>(info).view(whole_number(info, 1, "offset"), whole_number(info, 2, "size"));
}

Napi::Value detach_views(const Napi::CallbackInfo& info) {
  self<ArenaHandle>(info).detach_views(whole_number(info, 0, "count"));
  return info.Env().Undefined();
}

/// used, offset, old size, size: whether the block was the last one and is in place what it should be; 0 frees it.
Napi::Value resize_last(const Napi::CallbackInfo& info) {
  Arena& arena = arena_at(info);
  const Arena::Place place = arena.place();
  const uint64_t offset = whole_number(info, 1, "offset");
  const uint64_t old_size = whole_number(info, 2, "oldSize");
  const uint64_t size = whole_number(info, 3, "size", Code::kInvalidSize);
  if (place.chunk == nullptr || offset >= place.used || old_size == 0 || old_size > place.used - offset) {
    return Napi::Boolean::New(info.Env(), false);
  }
  uint8_t* const block = place.chunk + offset;
  return Napi::Boolean::New(info.Env(),
                            size == 0 ? arena.free_last(block, old_size) : arena.resize_last(block, old_size, size));
}

/// used, chunk, offset
Napi::Value owns(const Napi::CallbackInfo& info) {
  const Arena& arena = arena_at(info);
  void* data = nullptr;
  size_t size = 0;
  const uint64_t offset = whole_number(info, 2, "offset");
  const bool known = info[1].IsArrayBuffer() &&
                     napi_get_arraybuffer_info(info.Env(), info[1], &data, &size) == napi_ok && offset < size;
  return Napi::Boolean::New(info.Env(), known && arena.owns(static_cast<const uint8_t*>(data) + offset));
}

Napi::Value reset(const Napi::CallbackInfo& info) {
  arena_at(info).reset();
  return info.Env().Undefined();
}

Napi::Value clear(const Napi::CallbackInfo& info) {
  arena_at(info).clear();
  return info.Env().Undefined();
}

Napi::Value retain(const Napi::CallbackInfo& info) {
  arena_at(info).retain(whole_number(info, 1, "bytes"));
  return info.Env().Undefined();
}

/// used: the mark, as numbers for `rewind`.
Napi::Value mark(const Napi::CallbackInfo& info) {
  const arena::Mark mark = arena_at(info).mark();
  if (mark.generation == 0) throw_error(info.Env(), Code::kOutOfMemory, "no memory for a mark");
  const double values[] = {static_cast<double>(mark.generation), static_cast<double>(mark.depth)};
  return float64_array(info.Env(), values);
}

/// used, generation, depth
Napi::Value rewind(const Napi::CallbackInfo& info) {
  Arena& arena = arena_at(info);
  check(info.Env(), arena.rewind(whole_number(info, 1, "generation"), whole_number(info, 2, "depth")));
  return info.Env().Undefined();
}

/// used: totalAllocated, totalUsed, waste, chunkCount, chunkSize, highWater.
Napi::Value numbers(const Napi::CallbackInfo& info) {
  const Arena& arena = arena_at(info);
  const double values[] = {static_cast<double>(arena.total_allocated()), static_cast<double>(arena.total_used()),
                           static_cast<double>(arena.waste()),           static_cast<double>(arena.chunk_count()),
                           static_cast<double>(arena.chunk_size()),      static_cast<double>(arena.high_water())};
  return float64_array(info.Env(), values);
}

Napi::Value events(const Napi::CallbackInfo& info) {
  return float64_array(info.Env(), self<ArenaHandle>(info).take_events());
}

/// The remainder of a byte array's address when divided by a power of two.
Napi::Value address_remainder(const Napi::CallbackInfo& info) {
  const auto address = reinterpret_cast<uintptr_t>(bytes(info, 0, "bytes").data());
  return number(info.Env(), address & (whole_number(info, 1, "divisor") - 1));
}

Napi::Value close(const Napi::CallbackInfo& info) {
  self<ArenaHandle>(info).close();
  return info.Env().Undefined();
}

}  // namespace

void export_arena(Napi::Env env, Napi::Object exports) {
  const napi_property_descriptor remainder = entry<address_remainder>("addressRemainder");
  if (napi_define_properties(env, exports, 1, &remainder) != napi_ok) throw Napi::Error::New(env);
  define_class<construct>(
      env, exports, "Arena",
      {entry<advance>("advance"), entry<alloc>("alloc"), entry<place>("place"), entry<chunk>("chunk"),
       entry<view>("view"), entry<detach_views>("detachViews"), entry<resize_last>("resizeLast"), entry<owns>("owns"),
       entry<reset>("reset"), entry<clear>("clear"), entry<retain>("retain"), entry<mark>("mark"),
       entry<rewind>("rewind"), entry<numbers>("numbers"), entry<events>("events"), entry<close>("close")});
}

}  // namespace freestone::bind
