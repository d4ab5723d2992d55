#pragma once
// JavaScript classes over shared C++ objects: construct, bind, tag, unwrap. Napi::ObjectWrap trusts `this`; these do
// not.
#include <initializer_list>
#include <memory>
#include <vector>

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

using Entries = std::vector<napi_property_descriptor>;

/// Gives `object` the methods of its class, each with a reference of its own to `shared`: it needs no look at `this`
/// then, which costs as much as all the rest of a short call, and works whatever `this` is.
template <typename T>
void bind_methods(napi_env env, napi_value object, const Entries& entries, const base::Ref<T>& shared) {
  const auto drop = [](napi_env, void* data, void*) { delete static_cast<base::Ref<T>*>(data); };
  for (napi_property_descriptor entry : entries) {
    auto holder = std::make_unique<base::Ref<T>>(shared);
    if (napi_create_function(env, entry.utf8name, NAPI_AUTO_LENGTH, entry.method, holder.get(), &entry.value) !=
            napi_ok ||
        napi_add_finalizer(env, entry.value, holder.get(), drop, nullptr, nullptr) != napi_ok) {
      throw Napi::Error::New(env);
    }
    (void)holder.release();  // the function's now
    entry.method = nullptr;
    if (napi_define_properties(env, object, 1, &entry) != napi_ok) throw Napi::Error::New(env);
  }
}

/// Makes `object`, the `this` of a constructor, the wrapper of `shared`.
template <typename T>
void wrap(const Napi::CallbackInfo& info, base::Ref<T> shared) {
  if (!info.IsConstructCall()) throw_error(info.Env(), base::Code::kInvalidArgument, "the class needs `new`");
  const napi_env env = info.Env();
  bind_methods(env, info.This(), *static_cast<const Entries*>(info.Data()), shared);
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

/// Whether `value` wraps a `T`.
template <typename T>
[[nodiscard]] bool is_wrapped(Napi::Env env, const Napi::Value& value) {
  bool tagged = false;
  return value.IsObject() && napi_check_object_type_tag(env, value, &kTypeTag<T>, &tagged) == napi_ok && tagged;
}

/// What `value` wraps, if it is a `T`; otherwise throws. Valid while `value` is; tasks take a Ref of it.
template <typename T>
[[nodiscard]] T& unwrap(Napi::Env env, const Napi::Value& value, const char* name) {
  void* holder = nullptr;
  if (!is_wrapped<T>(env, value) || napi_unwrap(env, value, &holder) != napi_ok) {
    throw_error(env, base::Code::kInvalidArgument, std::string(name) + " is not what it must be");
  }
  return **static_cast<base::Ref<T>*>(holder);
}

/// What the method belongs to, in a method of the class whose constructor wraps a `T`.
template <typename T>
[[nodiscard]] T& self(const Napi::CallbackInfo& info) {
  return **static_cast<base::Ref<T>*>(info.Data());
}

/// Defines a class and puts it into `exports`. Its methods are each object's own.
template <Function kConstructor>
void define_class(Napi::Env env, Napi::Object exports, const char* name,
                  std::initializer_list<napi_property_descriptor> methods) {
  // The same in every environment.
  static Entries entries(methods);
  napi_value constructor;
  const napi_status status =
      napi_define_class(env, name, NAPI_AUTO_LENGTH, method<kConstructor>, &entries, 0, nullptr, &constructor);
  if (status != napi_ok) throw Napi::Error::New(env);
  exports.Set(name, Napi::Value(env, constructor));
}

}  // namespace freestone::bind
