#pragma once
// JavaScript classes over shared C++ objects: construct, tag, unwrap. Napi::ObjectWrap trusts `this`; these do not.
#include <initializer_list>

#include "bind/errors.h"
#include "bind/napi_setup.h"
#include "bind/type_tags.h"

namespace freestone::bind {

/// A function that JavaScript calls.
using Function = Napi::Value (*)(const Napi::CallbackInfo& info);

/// `kFunction` as Node-API wants it. A C++ exception ends here and becomes a JavaScript one.
template <Function kFunction>
napi_value method(napi_env env, napi_callback_info raw) {
  try {
    const Napi::CallbackInfo info(env, raw);
    return kFunction(info);
  } catch (const Napi::Error& error) {
    throw_to_javascript(error);
  } catch (const std::bad_alloc&) {
    napi_throw_error(env, "ERR_OUT_OF_MEMORY", "out of memory");
  }
  return nullptr;
}

/// An entry of `exports` or of a class.
template <Function kFunction>
[[nodiscard]] napi_property_descriptor entry(const char* name) {
  return {name, nullptr, method<kFunction>, nullptr, nullptr, nullptr, napi_default_method, nullptr};
}

/// Makes `object`, the `this` of a constructor, the wrapper of `shared`.
template <typename T>
void wrap(const Napi::CallbackInfo& info, base::Ref<T> shared) {
  if (!info.IsConstructCall()) throw_error(info.Env(), base::Code::kInvalidArgument, "the class needs `new`");
  const napi_env env = info.Env();
  auto* holder = new base::Ref<T>(std::move(shared));
  const auto drop = [](napi_env, void* data, void*) { delete static_cast<base::Ref<T>*>(data); };
  if (napi_wrap(env, info.This(), holder, drop, nullptr, nullptr) != napi_ok) {
    delete holder;
    throw_error(env, base::Code::kInvalidArgument, "the object has a native part already");
  }
  // Last, so that no object has the tag without the pointer.
  if (napi_type_tag_object(env, info.This(), &kTypeTag<T>) != napi_ok) {
    throw_error(env, base::Code::kInvalidArgument, "the object cannot be tagged");
  }
}

/// What `value` wraps, if it is a `T`; otherwise throws. Valid while `value` is; tasks take a Ref of it.
template <typename T>
[[nodiscard]] T& unwrap(Napi::Env env, const Napi::Value& value, const char* name) {
  bool tagged = false;
  void* holder = nullptr;
  if (!value.IsObject() || napi_check_object_type_tag(env, value, &kTypeTag<T>, &tagged) != napi_ok || !tagged ||
      napi_unwrap(env, value, &holder) != napi_ok) {
    throw_error(env, base::Code::kInvalidArgument, std::string(name) + " is not what it must be");
  }
  return **static_cast<base::Ref<T>*>(holder);
}

/// What the method's `this` wraps.
template <typename T>
[[nodiscard]] T& self(const Napi::CallbackInfo& info) {
  return unwrap<T>(info.Env(), info.This(), "this");
}

/// Defines a class and puts it into `exports`.
template <Function kConstructor>
void define_class(Napi::Env env, Napi::Object exports, const char* name,
                  std::initializer_list<napi_property_descriptor> entries) {
  napi_value constructor;
  const napi_status status = napi_define_class(env, name, NAPI_AUTO_LENGTH, method<kConstructor>, nullptr,
                                               entries.size(), entries.begin(), &constructor);
  if (status != napi_ok) throw Napi::Error::New(env);
  exports.Set(name, Napi::Value(env, constructor));
}

}  // namespace freestone::bind
