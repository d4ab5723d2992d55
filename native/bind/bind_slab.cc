// SlabHeap of lib/native.ts. Blocks are byte offsets in the region that all heaps share.
#include <vector>

#include "bind/arguments.h"
#include "bind/class.h"
#include "bind/exports.h"
#include "bind/frames_handle.h"
#include "bind/heap_handle.h"
#include "os/os.h"

namespace freestone::bind {

using base::Code;
using slab::Heap;

namespace {

Heap& heap(const Napi::CallbackInfo& info) { return self<HeapHandle>(info).open(); }

Napi::Number number(Napi::Env env, uint64_t value) { return Napi::Number::New(env, static_cast<double>(value)); }

/// A block that may be any address: what is none is refused by the heap, which trusts no pointer.
void* block_at(const Heap& heap, uint64_t offset) {
  return reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(heap.space().directory().base()) + offset);
}

uint64_t offset_of(const Heap& heap, const void* block) {
  return reinterpret_cast<uintptr_t>(block) - reinterpret_cast<uintptr_t>(heap.space().directory().base());
}

uint64_t optional_number(const Napi::CallbackInfo& info, size_t index, const char* name) {
  return info.Length() > index ? whole_number(info, index, name) : 0;
}

/// The space over the frames of that number; that of the process for 0.
base::Ref<slab::Space> space_over(Napi::Env env, uint64_t source) {
  auto space = source == 0
                   ? slab::Space::process()
                   : slab::Space::make(base::Ref<frames::FrameAllocator>(&FramesHandle::attach(env, source)->open()));
  check(env, space.status());
  return space.take();
}

/// initialArenaSize, growthBatch, maxGrowthShift, limit, flags (1 thread-safe, 2 dedicated, 4 debug), source of frames
/// or 0; or a handle.
Napi::Value construct(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() == 1) {
    wrap(info, HeapHandle::attach(env, whole_number(info, 0, "handle")));
    return info.This();
  }
  slab::Config config;
  config.growth.initial = whole_number(info, 0, "initialArenaSize", Code::kInvalidSize);
  config.growth.batch = static_cast<uint32_t>(std::min<uint64_t>(whole_number(info, 1, "growthBatch"), UINT32_MAX));
  config.growth.max_shift =
      static_cast<uint32_t>(std::min<uint64_t>(whole_number(info, 2, "maxGrowthShift"), UINT32_MAX));
  config.limit = whole_number(info, 3, "limit");
  const uint64_t flags = whole_number(info, 4, "flags");
  config.thread_safe = (flags & 1) != 0;
  config.dedicated = (flags & 2) != 0;
  config.debug = (flags & 4) != 0;
  auto made = Heap::make(config, space_over(env, optional_number(info, 5, "source")));
  check(env, made.status());
  wrap(info, HeapHandle::make(env, made.take()));
  return info.This();
}

Napi::Value answer(const Napi::CallbackInfo& info, const Heap& from, const base::Result<void*>& block, uint64_t size) {
  check(info.Env(), block.status(), {.requested = size});
  return number(info.Env(), offset_of(from, block.value()));
}

Napi::Value alloc(const Napi::CallbackInfo& info) {
  Heap& from = heap(info);
  const uint64_t size = whole_number(info, 0, "size", Code::kInvalidSize);
  return answer(info, from, from.alloc(size, optional_number(info, 1, "site")), size);
}

Napi::Value alloc_aligned(const Napi::CallbackInfo& info) {
  Heap& from = heap(info);
  const uint64_t size = whole_number(info, 0, "size", Code::kInvalidSize);
  const uint64_t alignment = whole_number(info, 1, "alignment", Code::kInvalidAlignment);
  return answer(info, from, from.alloc_aligned(size, alignment, optional_number(info, 2, "site")), size);
}

Napi::Value calloc(const Napi::CallbackInfo& info) {
  Heap& from = heap(info);
  const uint64_t size = whole_number(info, 0, "size", Code::kInvalidSize);
  return answer(info, from, from.calloc(size, optional_number(info, 1, "site")), size);
}

Napi::Value realloc(const Napi::CallbackInfo& info) {
  Heap& from = heap(info);
  const uint64_t offset = whole_number(info, 0, "address", Code::kInvalidAddress);
  const uint64_t size = whole_number(info, 1, "size", Code::kInvalidSize);
  const auto block = from.realloc(block_at(from, offset), size, optional_number(info, 2, "site"));
  check(info.Env(), block.status(), {.address = offset, .requested = size});
  return number(info.Env(), offset_of(from, block.value()));
}

Napi::Value free(const Napi::CallbackInfo& info) {
  Heap& from = heap(info);
  const uint64_t offset = whole_number(info, 0, "address", Code::kInvalidAddress);
  check(info.Env(), from.free(block_at(from, offset)), {.address = offset});
  return info.Env().Undefined();
}

Napi::Value alloc_many(const Napi::CallbackInfo& info) {
  Heap& from = heap(info);
  const uint64_t size = whole_number(info, 0, "size", Code::kInvalidSize);
  const auto into = doubles(info, 1, "addresses");
  std::vector<void*> blocks(into.size());
  check(info.Env(), from.alloc_many(size, blocks, optional_number(info, 2, "site")), {.requested = size});
  for (size_t i = 0; i < blocks.size(); ++i) into[i] = static_cast<double>(offset_of(from, blocks[i]));
  return info.Env().Undefined();
}

Napi::Value free_many(const Napi::CallbackInfo& info) {
  Heap& from = heap(info);
  std::vector<void*> blocks;
  for (const double value : doubles(info, 0, "addresses")) {
    // What is no whole number is no block.
    const bool whole = value >= 0 && value < 0x1p53 && value == static_cast<double>(static_cast<uint64_t>(value));
    blocks.push_back(whole ? block_at(from, static_cast<uint64_t>(value)) : nullptr);
  }
  return number(info.Env(), from.free_many(blocks));
}

Napi::Value usable_size(const Napi::CallbackInfo& info) {
  const Heap& from = heap(info);
  const uint64_t offset = whole_number(info, 0, "address", Code::kInvalidAddress);
  const auto size = from.usable_size(block_at(from, offset));
  check(info.Env(), size.status(), {.address = offset});
  return number(info.Env(), size.value());
}

Napi::Value owns(const Napi::CallbackInfo& info) {
  const Heap& from = heap(info);
  return Napi::Boolean::New(info.Env(), from.owns(block_at(from, whole_number(info, 0, "address"))));
}

Napi::Value free_all(const Napi::CallbackInfo& info) {
  heap(info).free_all();
  return info.Env().Undefined();
}

Napi::Value trim(const Napi::CallbackInfo& info) { return number(info.Env(), heap(info).trim()); }

/// Address, bytes and site of each live block in turn.
Napi::Value blocks(const Napi::CallbackInfo& info) {
  Heap& from = heap(info);
  std::vector<double> list;
  const auto add = [&](const void* address, uint64_t bytes, uint64_t site) {
    list.push_back(static_cast<double>(offset_of(from, address)));
    list.push_back(static_cast<double>(bytes));
    list.push_back(static_cast<double>(site));
  };
  if (const slab::Debug* const debug = from.debug(); debug != nullptr) {
    debug->walk([&](const slab::DebugBlock& block) { add(block.address, block.size, block.site); });
  } else {
    using Add = decltype(add);
    from.walk([](void* context, uint8_t* address,
                 uint64_t bytes) noexcept { (*static_cast<Add*>(context))(address, bytes, 0); },
              const_cast<void*>(static_cast<const void*>(&add)));
  }
  return float64_array(info.Env(), list);
}

Napi::Value validate(const Napi::CallbackInfo& info) {
  check(info.Env(), heap(info).validate());
  return info.Env().Undefined();
}

/// Each slab: class, units in use, capacity, address of its segment, position in it.
Napi::Value slabs(const Napi::CallbackInfo& info) {
  Heap& from = heap(info);
  std::vector<double> list;
  from.space().walk(&from, [&](const slab::Slab& each) {
    list.push_back(each.class_index);
    list.push_back(each.used());
    list.push_back(each.capacity);
    list.push_back(static_cast<double>(uint64_t{each.slot} << slab::kSlotShift));
    list.push_back(each.number);
  });
  return float64_array(info.Env(), list);
}

Napi::Value stats(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Heap& from = heap(info);
  const slab::Stats stats = from.stats();
  Napi::Object object = Napi::Object::New(env);
  const auto set = [&](Napi::Object into, const char* name, uint64_t value) { into[name] = number(env, value); };
  set(object, "arenas", stats.space.arenas);
  set(object, "arenaBytes", stats.space.arena_bytes);
  set(object, "freeResidentBytes", stats.space.cached_bytes);
  set(object, "metadataBytes", stats.space.metadata_bytes);
  set(object, "localHeaps", stats.local_heaps);
  set(object, "allocated", stats.allocated);
  set(object, "held", stats.held);
  set(object, "committed", stats.committed);
  set(object, "limit", stats.limit);
  set(object, "refused", stats.refused);
  set(object, "remoteFrees", stats.local.remote_frees);
  set(object, "remoteBatches", stats.local.remote_batches);
  Napi::Object caches = Napi::Object::New(env);
  const auto layer = [&](const char* name, uint64_t hits, uint64_t misses) {
    Napi::Object each = Napi::Object::New(env);
    set(each, "hits", hits);
    set(each, "misses", misses);
    caches[name] = each;
  };
  layer("unit", stats.local.cursor_hits, stats.local.cursor_misses);
  layer("slab", stats.local.queue_hits, stats.local.queue_misses);
  layer("arena", stats.space.hint_hits, stats.space.hint_misses);
  layer("large", stats.large.cache_hits, stats.large.cache_misses);
  object["caches"] = caches;
  Napi::Object large = Napi::Object::New(env);
  set(large, "count", stats.large.blocks);
  set(large, "bytes", stats.large.bytes);
  set(large, "cachedCount", stats.large.cached_blocks);
  set(large, "cachedBytes", stats.large.cached_bytes);
  object["large"] = large;
  Napi::Array classes = Napi::Array::New(env, slab::kClasses);
  for (uint32_t i = 0; i < slab::kClasses; ++i) {
    const slab::ClassStats& each = stats.classes[i];
    Napi::Object entry = Napi::Object::New(env);
    set(entry, "size", each.size);
    set(entry, "units", each.units);
    set(entry, "capacity", each.capacity);
    set(entry, "slabs", each.slabs);
    set(entry, "emptySlabs", each.empty_slabs);
    set(entry, "segments", each.segments);
    set(entry, "committed", each.committed);
    classes[i] = entry;
  }
  object["perClass"] = classes;
  if (const slab::Debug* const debug = from.debug(); debug != nullptr) {
    const auto counts = debug->counts();
    Napi::Object found = Napi::Object::New(env);
    set(found, "blocks", counts.blocks);
    set(found, "delayed", counts.delayed);
    set(found, "overruns", counts.overruns);
    set(found, "lateWrites", counts.late_writes);
    object["debug"] = found;
  }
  return object;
}

Napi::Value window(const Napi::CallbackInfo& info) {
  auto& handle = self<HeapHandle>(info);
  const uint64_t offset = whole_number(info, 0, "offset");
  const uint64_t size = whole_number(info, 1, "size");
  const uint64_t region = handle.open().space().directory().slots() << slab::kSlotShift;
  if (size == 0 || offset > region || size > region - offset) {
    throw_error(info.Env(), Code::kInvalidArgument, "the window is outside the region");
  }
  return handle.window(offset, size);
}

/// offset of a live block, size.
Napi::Value lend(const Napi::CallbackInfo& info) {
  auto& handle = self<HeapHandle>(info);
  Heap& from = handle.open();
  const uint64_t offset = whole_number(info, 0, "offset");
  const uint64_t size = whole_number(info, 1, "size", Code::kInvalidSize);
  const auto usable = from.usable_size(block_at(from, offset));
  check(info.Env(), usable.status(), {.address = offset});
  if (size == 0 || size > usable.value()) throw_error(info.Env(), Code::kInvalidSize, "more than the block has");
  return handle.lend(offset, size);
}

/// offset of a live block, size: zeroes its beginning.
Napi::Value zero(const Napi::CallbackInfo& info) {
  Heap& from = heap(info);
  const uint64_t offset = whole_number(info, 0, "offset");
  const uint64_t size = whole_number(info, 1, "size", Code::kInvalidSize);
  const auto usable = from.usable_size(block_at(from, offset));
  check(info.Env(), usable.status(), {.address = offset});
  if (size > usable.value()) throw_error(info.Env(), Code::kInvalidSize, "more than the block has");
  os::zero(static_cast<uint8_t*>(block_at(from, offset)), size);
  return info.Env().Undefined();
}

Napi::Value recall(const Napi::CallbackInfo& info) {
  if (!info[0].IsArrayBuffer()) throw_error(info.Env(), Code::kInvalidArgument, "memory must be an ArrayBuffer");
  self<HeapHandle>(info).recall(info[0].As<Napi::ArrayBuffer>());
  return info.Env().Undefined();
}

Napi::Value region(const Napi::CallbackInfo& info) {
  auto& handle = self<HeapHandle>(info);
  Napi::Object result = Napi::Object::New(info.Env());
  result["bytes"] = number(info.Env(), handle.open().space().directory().slots() << slab::kSlotShift);
  result["handle"] = number(info.Env(), handle.number());
  result["holder"] = number(info.Env(), handle.holder());
  return result;
}

Napi::Value heap_classes(const Napi::CallbackInfo& info) {
  std::vector<double> sizes;
  for (const slab::ClassInfo& each : slab::kClassTable) sizes.push_back(each.size);
  return float64_array(info.Env(), sizes);
}

Napi::Value close(const Napi::CallbackInfo& info) {
  self<HeapHandle>(info).close();
  return info.Env().Undefined();
}

}  // namespace

void export_slab(Napi::Env env, Napi::Object exports) {
  const napi_property_descriptor classes = entry<heap_classes>("heapClasses");
  if (napi_define_properties(env, exports, 1, &classes) != napi_ok) throw Napi::Error::New(env);
  define_class<construct>(env, exports, "SlabHeap", {entry<alloc>("alloc"),        entry<alloc_aligned>("allocAligned"),
                                                     entry<calloc>("calloc"),      entry<realloc>("realloc"),
                                                     entry<free>("free"),          entry<alloc_many>("allocMany"),
                                                     entry<free_many>("freeMany"), entry<usable_size>("usableSize"),
                                                     entry<owns>("owns"),          entry<free_all>("freeAll"),
                                                     entry<trim>("trim"),          entry<blocks>("blocks"),
                                                     entry<slabs>("slabs"),        entry<stats>("stats"),
                                                     entry<validate>("validate"),  entry<window>("window"),
                                                     entry<lend>("lend"),          entry<zero>("zero"),
                                                     entry<recall>("recall"),      entry<region>("region"),
                                                     entry<close>("close")});
}

}  // namespace freestone::bind
