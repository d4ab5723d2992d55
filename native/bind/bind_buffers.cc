// SharedBuffers of lib/native.ts. Blocks are byte offsets in the memory that was given.
#include "bind/arguments.h"
#include "bind/buffers_handle.h"
#include "bind/class.h"
#include "bind/exports.h"

namespace freestone::bind {

using base::Code;
using buffers::SharedBuffers;

namespace {

SharedBuffers& shared(const Napi::CallbackInfo& info) { return self<BuffersHandle>(info).open(); }

Napi::Number number(Napi::Env env, uint64_t value) { return Napi::Number::New(env, static_cast<double>(value)); }

uint32_t word(const Napi::CallbackInfo& info, size_t index, const char* name) {
  return static_cast<uint32_t>(std::min<uint64_t>(whole_number(info, index, name), UINT32_MAX));
}

/// blocks, words, limit; or blocks, words, handle, true.
Napi::Value construct(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  (void)bytes(info, 0, "blocks");
  (void)words(info, 1, "words");
  const BuffersHandle::Memory memory{.blocks = info[0].As<Napi::Uint8Array>(),
                                     .words = info[1].As<Napi::Uint32Array>()};
  const uint64_t value = whole_number(info, 2, "limit");
  wrap(info, info.Length() > 3 ? BuffersHandle::attach(env, memory, value) : BuffersHandle::make(env, memory, value));
  return info.This();
}

/// sizeClass, size, zeroed, offsets to fill.
Napi::Value refill(const Napi::CallbackInfo& info) {
  auto& handle = self<BuffersHandle>(info);
  SharedBuffers& from = handle.open();
  const uint32_t size_class = word(info, 0, "sizeClass");
  const uint64_t size = whole_number(info, 1, "size", Code::kInvalidSize);
  const bool zeroed = whole_number(info, 2, "zeroed") != 0;
  uint64_t offsets[buffers::kMaxRefill];
  const std::span<double> list = doubles(info, 3, "offsets");
  if (list.size() > buffers::kMaxRefill) throw_error(info.Env(), Code::kInvalidArgument, "offsets is too long");
  check(info.Env(), from.refill(handle.member(), size_class, size, zeroed, {offsets, list.size()}),
        {.requested = size});
  for (size_t i = 0; i < list.size(); ++i) list[i] = static_cast<double>(offsets[i]);
  return info.Env().Undefined();
}

Napi::Value drain(const Napi::CallbackInfo& info) {
  auto& handle = self<BuffersHandle>(info);
  uint64_t numbers[buffers::kMaxRefill];
  const auto offsets = whole_numbers(info, 0, "offsets", numbers);
  return number(info.Env(), handle.open().drain(handle.member(), offsets));
}

Napi::Value reclaim(const Napi::CallbackInfo& info) { return number(info.Env(), shared(info).reclaim()); }

Napi::Value trim(const Napi::CallbackInfo& info) { return number(info.Env(), shared(info).trim()); }

Napi::Value validate(const Napi::CallbackInfo& info) {
  check(info.Env(), shared(info).validate());
  return info.Env().Undefined();
}

Napi::Value stats(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const SharedBuffers::Stats stats = shared(info).stats();
  Napi::Object object = Napi::Object::New(env);
  object["limit"] = number(env, stats.limit);
  object["blocks"] = number(env, stats.blocks);
  object["bytes"] = number(env, stats.bytes);
  object["members"] = number(env, stats.members);
  object["transitBlocks"] = number(env, stats.transit_blocks);
  object["transitBytes"] = number(env, stats.transit_bytes);
  object["lostBlocks"] = number(env, stats.lost_blocks);
  object["lostBytes"] = number(env, stats.lost_bytes);
  return object;
}

Napi::Value membership(const Napi::CallbackInfo& info) {
  auto& handle = self<BuffersHandle>(info);
  (void)handle.open();
  Napi::Object object = Napi::Object::New(info.Env());
  object["handle"] = number(info.Env(), handle.number());
  object["member"] = number(info.Env(), handle.member());
  return object;
}

Napi::Value close(const Napi::CallbackInfo& info) {
  const auto recovered = self<BuffersHandle>(info).close();
  return number(info.Env(), recovered.held_blocks);
}

Napi::Value bytes_to_multiple(const Napi::CallbackInfo& info) {
  const auto start = reinterpret_cast<uintptr_t>(bytes(info, 0, "bytes").data());
  const uint64_t multiple = whole_number(info, 1, "multiple", Code::kInvalidAlignment);
  if (!base::is_power_of_two(multiple)) {
    throw_error(info.Env(), Code::kInvalidAlignment, "multiple must be a power of two");
  }
  return number(info.Env(), (multiple - start % multiple) % multiple);
}

/// Whether it could be: the memory is free from then on, and not only when the engine collects.
Napi::Value detach(const Napi::CallbackInfo& info) {
  const bool detached = info[0].IsArrayBuffer() && napi_detach_arraybuffer(info.Env(), info[0]) == napi_ok;
  return Napi::Boolean::New(info.Env(), detached);
}

}  // namespace

void export_buffers(Napi::Env env, Napi::Object exports) {
  const napi_property_descriptor functions[] = {entry<bytes_to_multiple>("bytesToMultiple"), entry<detach>("detach")};
  if (napi_define_properties(env, exports, std::size(functions), functions) != napi_ok) throw Napi::Error::New(env);
  define_class<construct>(
      env, exports, "SharedBuffers",
      {entry<refill>("refill"), entry<drain>("drain"), entry<reclaim>("reclaim"), entry<trim>("trim"),
       entry<validate>("validate"), entry<stats>("stats"), entry<membership>("membership"), entry<close>("close")});
}

}  // namespace freestone::bind
