// The addon's entry: one state per environment, and every tier's exports.
#include "bind/class.h"
#include "bind/environment.h"
#include "bind/exports.h"

namespace freestone::bind {

namespace {

Napi::Value set_error_factory(const Napi::CallbackInfo& info) {
  if (!info[0].IsFunction()) throw_error(info.Env(), base::Code::kInvalidArgument, "factory must be a function");
  Environment::of(info.Env()).error_factory() = Napi::Persistent(info[0].As<Napi::Function>());
  return info.Env().Undefined();
}

Napi::Object install(Napi::Env env, Napi::Object exports) {
  Environment::install(env);
  const napi_property_descriptor factory = entry<set_error_factory>("setErrorFactory");
  if (napi_define_properties(env, exports, 1, &factory) != napi_ok) throw Napi::Error::New(env);
  export_arena(env, exports);
  export_buffers(env, exports);
  export_filespace(env, exports);
  export_frames(env, exports);
  export_pipeline(env, exports);
  export_pool(env, exports);
  export_slab(env, exports);
  return exports;
}

}  // namespace

}  // namespace freestone::bind

static Napi::Object Init(Napi::Env env, Napi::Object exports) { return freestone::bind::install(env, exports); }

NODE_API_MODULE(freestone, Init)
