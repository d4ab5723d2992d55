// FileSpace of lib/native.ts.
#include "bind/arguments.h"
#include "bind/class.h"
#include "bind/exports.h"

namespace freestone::bind {

using base::Code;
using filespace::FileSpace;

namespace {

Napi::Value construct(const Napi::CallbackInfo& info) {
  auto space = FileSpace::make(whole_number(info, 0, "initialOffset"), whole_number(info, 1, "limit"));
  check(info.Env(), space.status());
  wrap(info, space.take());
  return info.This();
}

Napi::Value allocate(const Napi::CallbackInfo& info) {
  const uint64_t size = whole_number(info, 0, "size", Code::kInvalidSize);
  const auto offset = self<FileSpace>(info).allocate(size, whole_number(info, 1, "alignment", Code::kInvalidAlignment));
  check(info.Env(), offset.status(), {.requested = size});
  return Napi::Number::New(info.Env(), static_cast<double>(offset.value()));
}

Napi::Value end_of_file(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(self<FileSpace>(info).end_of_file()));
}

Napi::Value is_allocated(const Napi::CallbackInfo& info) {
  const uint64_t offset = whole_number(info, 0, "offset");
  return Napi::Boolean::New(info.Env(), self<FileSpace>(info).is_allocated(offset, whole_number(info, 1, "size")));
}

Napi::Value blocks(const Napi::CallbackInfo& info) {
  const auto blocks = self<FileSpace>(info).blocks();
  check(info.Env(), blocks.status());
  Napi::Float64Array list = Napi::Float64Array::New(info.Env(), blocks.value().size() * 2);
  for (size_t i = 0; i < blocks.value().size(); ++i) {
    list[i * 2] = static_cast<double>(blocks.value()[i].offset);
    list[i * 2 + 1] = static_cast<double>(blocks.value()[i].size);
  }
  return list;
}

Napi::Value validate_no_overlaps(const Napi::CallbackInfo& info) {
  check(info.Env(), self<FileSpace>(info).validate_no_overlaps());
  return info.Env().Undefined();
}

}  // namespace

void export_filespace(Napi::Env env, Napi::Object exports) {
  define_class<construct>(
      env, exports, "FileSpace",
      {entry<allocate>("allocate"), entry<end_of_file>("endOfFile"), entry<is_allocated>("isAllocated"),
       entry<blocks>("blocks"), entry<validate_no_overlaps>("validateNoOverlaps")});
}

}  // namespace freestone::bind
