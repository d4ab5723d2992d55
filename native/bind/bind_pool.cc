// Pool of lib/native.ts. Blocks are byte offsets in the pool's region.
#include "bind/arguments.h"
#include "bind/class.h"
#include "bind/exports.h"
#include "bind/frames_handle.h"
#include "bind/pool_handle.h"

namespace freestone::bind {

using base::Code;
using base::Ref;

namespace {

const Ref<PooledMemory>& memory(const Napi::CallbackInfo& info) { return self<PoolHandle>(info).open(); }

Napi::Number number(Napi::Env env, uint64_t value) { return Napi::Number::New(env, static_cast<double>(value)); }

/// The region of a pool that was given none: as much address space as the system lets have, which costs nothing.
Ref<frames::FrameAllocator> make_region(Napi::Env env) {
  frames::Config config;
  config.huge_pages = frames::HugePages::kNever;
  for (uint64_t size = uint64_t{64} << 30;; size /= 2) {
    config.size = size;
    auto made = frames::FrameAllocator::make(config, kSystem);
    if (!made.ok() && size > (uint64_t{64} << 20)) continue;
    check(env, made.status(), {.requested = size});
    return made.take();
  }
}

/// limit, purgeDelay, the number of a frame allocator or 0, hardened, quarantine; or a handle alone.
Napi::Value construct(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() == 1) {
    wrap(info, PoolHandle::attach(env, whole_number(info, 0, "handle")));
    return info.This();
  }
  pool::Config config;
  config.limit = whole_number(info, 0, "limit");
  config.purge_delay_ms = whole_number(info, 1, "purgeDelay");
  const uint64_t source = whole_number(info, 2, "source");
  config.hardened = info[3].ToBoolean().Value();
  // JavaScript reaches a window's every byte.
  config.guard_pages = false;
  config.quarantine = whole_number(info, 4, "quarantine");
  Ref<frames::FrameAllocator> frames =
      source == 0 ? make_region(env) : Ref<frames::FrameAllocator>(&FramesHandle::attach(env, source)->open());
  auto made = Ref<PooledMemory>::make(std::move(frames));
  if (!made) throw_error(env, Code::kOutOfMemory, "out of memory");
  config.source = &made->source;
  auto pool = pool::Pool::make(config);
  check(env, pool.status());
  made->pool = pool.take();
  wrap(info, PoolHandle::make(env, std::move(made)));
  return info.This();
}

Napi::Value answer(const Napi::CallbackInfo& info, const base::Result<void*>& block, uint64_t size) {
  check(info.Env(), block.status(), {.requested = size});
  return number(info.Env(), memory(info)->offset_of(block.value()));
}

Napi::Value alloc(const Napi::CallbackInfo& info) {
  const uint64_t size = whole_number(info, 0, "size", Code::kInvalidSize);
  return answer(info, memory(info)->pool->allocate(size), size);
}

Napi::Value alloc_aligned(const Napi::CallbackInfo& info) {
  const uint64_t size = whole_number(info, 0, "size", Code::kInvalidSize);
  const uint64_t alignment = whole_number(info, 1, "alignment", Code::kInvalidAlignment);
  return answer(info, memory(info)->pool->allocate_aligned(size, alignment), size);
}

Napi::Value calloc(const Napi::CallbackInfo& info) {
  const uint64_t size = whole_number(info, 0, "size", Code::kInvalidSize);
  return answer(info, memory(info)->pool->allocate_zeroed(1, size), size);
}

void* block(const Napi::CallbackInfo& info) {
  return memory(info)->address_of(whole_number(info, 0, "address", Code::kInvalidAddress));
}

Napi::Value realloc(const Napi::CallbackInfo& info) {
  const uint64_t size = whole_number(info, 1, "size", Code::kInvalidSize);
  void* const old = block(info);
  return answer(info, memory(info)->pool->reallocate(old, size), size);
}

Napi::Value free(const Napi::CallbackInfo& info) {
  const Ref<PooledMemory>& held = memory(info);
  const uint64_t offset = whole_number(info, 0, "address", Code::kInvalidAddress);
  const base::Status status = held->pool->free(held->address_of(offset));
  if (!status.ok()) check(info.Env(), status, {.address = offset});
  return {};
}

Napi::Value free_all(const Napi::CallbackInfo& info) {
  memory(info)->pool->free_all();
  self<PoolHandle>(info).detach_windows();
  return info.Env().Undefined();
}

Napi::Value owns(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), memory(info)->pool->owns(block(info)));
}

Napi::Value usable_size(const Napi::CallbackInfo& info) {
  void* const at = block(info);
  const auto size = memory(info)->pool->usable_size(at);
  check(info.Env(), size.status(), {.address = memory(info)->offset_of(at)});
  return number(info.Env(), size.value());
}

Napi::Value stats(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const pool::Stats stats = memory(info)->pool->stats();
  Napi::Object object = Napi::Object::New(env);
  object["liveBlocks"] = number(env, stats.live_blocks);
  object["liveBytes"] = number(env, stats.live_bytes);
  object["committed"] = number(env, stats.committed);
  object["highWater"] = number(env, stats.high_water);
  object["cached"] = number(env, stats.cached);
  object["largeBlocks"] = number(env, stats.large_blocks);
  object["largeBytes"] = number(env, stats.large_bytes);
  object["crossThreadFrees"] = number(env, stats.cross_thread_frees);
  object["heaps"] = number(env, stats.heaps);
  object["abandonedHeaps"] = number(env, stats.abandoned_heaps);
  Napi::Array classes = Napi::Array::New(env);
  for (const pool::ClassStats& entry : stats.classes) {
    Napi::Object each = Napi::Object::New(env);
    each["blockSize"] = number(env, entry.block_size);
    each["spans"] = number(env, entry.spans);
    each["liveBlocks"] = number(env, entry.live_blocks);
    classes[classes.Length()] = each;
  }
  object["perClass"] = classes;
  return object;
}

/// Address and usable size of each live block in turn.
Napi::Value blocks(const Napi::CallbackInfo& info) {
  struct Walk {
    const PooledMemory& memory;
    std::vector<double> list;
  } walk{*memory(info), {}};
  walk.memory.pool->walk(
      [](void* context, void* at, size_t size) noexcept {
        auto& into = *static_cast<Walk*>(context);
        into.list.push_back(static_cast<double>(into.memory.offset_of(at)));
        into.list.push_back(static_cast<double>(size));
        return true;
      },
      &walk);
  return float64_array(info.Env(), walk.list);
}

Napi::Value trim(const Napi::CallbackInfo& info) {
  const Ref<PooledMemory>& held = memory(info);
  const uint64_t bytes = held->pool->trim(whole_number(info, 0, "age"));
  (void)held->frames->trim();
  return number(info.Env(), bytes);
}

/// Fault, address and offset of each finding in turn.
Napi::Value findings(const Napi::CallbackInfo& info) {
  const Ref<PooledMemory>& held = memory(info);
  std::vector<double> list;
  pool::Finding found[16];
  while (const size_t count = held->pool->findings(found)) {
    for (const pool::Finding& finding : std::span(found).first(count)) {
      list.push_back(static_cast<double>(finding.fault));
      list.push_back(static_cast<double>(held->offset_of(finding.block)));
      list.push_back(static_cast<double>(finding.offset));
    }
  }
  return float64_array(info.Env(), list);
}

Napi::Value validate(const Napi::CallbackInfo& info) {
  check(info.Env(), memory(info)->pool->validate());
  return info.Env().Undefined();
}

Napi::Value window(const Napi::CallbackInfo& info) {
  const uint64_t offset = whole_number(info, 0, "offset");
  const uint64_t size = whole_number(info, 1, "size");
  const uint64_t region = memory(info)->frames->region_bytes();
  if (size == 0 || offset > region || size > region - offset) {
    throw_error(info.Env(), Code::kInvalidArgument, "the window is outside the region");
  }
  return self<PoolHandle>(info).window(offset, size);
}

Napi::Value region(const Napi::CallbackInfo& info) {
  Napi::Object result = Napi::Object::New(info.Env());
  result["bytes"] = number(info.Env(), memory(info)->frames->region_bytes());
  result["handle"] = number(info.Env(), self<PoolHandle>(info).number());
  return result;
}

Napi::Value close(const Napi::CallbackInfo& info) {
  self<PoolHandle>(info).close();
  return info.Env().Undefined();
}

}  // namespace

void export_pool(Napi::Env env, Napi::Object exports) {
  define_class<construct>(
      env, exports, "Pool",
      {entry<alloc>("alloc"), entry<alloc_aligned>("allocAligned"), entry<calloc>("calloc"), entry<realloc>("realloc"),
       entry<free>("free"), entry<free_all>("freeAll"), entry<owns>("owns"), entry<usable_size>("usableSize"),
       entry<stats>("stats"), entry<blocks>("blocks"), entry<trim>("trim"), entry<findings>("findings"),
       entry<validate>("validate"), entry<window>("window"), entry<region>("region"), entry<close>("close")});
}

}  // namespace freestone::bind
