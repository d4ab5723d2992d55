#include "bind/errors.h"

#ifdef _WIN32
#include <uv.h>
#endif

#include "bind/environment.h"

namespace freestone::bind {

using base::Code;
using base::Status;

namespace {

/// The errno that Node's own table of errors has, positive. On Windows the status carries what GetLastError said.
int node_errno(int32_t system_error) {
#ifdef _WIN32
  return -uv_translate_sys_error(system_error);
#else
  return system_error;
#endif
}

Napi::Value call_factory(Napi::Env env, double code, const std::string& message, Napi::Object facts) {
  const Napi::FunctionReference& factory = Environment::of(env).error_factory();
  if (factory.IsEmpty()) return Napi::Error::New(env, message).Value();
  return factory.Value().Call({Napi::Number::New(env, code), Napi::String::New(env, message), facts});
}

}  // namespace

Napi::Value make_error(Napi::Env env, const Status& status, const Facts& facts) {
  Napi::Object properties = Napi::Object::New(env);
  std::string message = status.operation();
  if (facts.path != nullptr) {
    properties["path"] = facts.path;
    message.append(" ('").append(facts.path).append("')");
  }
  if (facts.address) properties["address"] = static_cast<double>(*facts.address);
  if (facts.requested) properties["requested"] = static_cast<double>(*facts.requested);
  if (status.code() != Code::kSystem) return call_factory(env, static_cast<double>(status.code()), message, properties);
  properties["errno"] = node_errno(status.system_error());
  properties["syscall"] = status.operation();
  return call_factory(env, 0, message, properties);
}

void throw_error(Napi::Env env, const Status& status, const Facts& facts) {
  throw Napi::Error(env, make_error(env, status, facts));
}

void throw_error(Napi::Env env, Code code, const std::string& message) {
  throw Napi::Error(env, call_factory(env, static_cast<double>(code), message, Napi::Object::New(env)));
}

void throw_to_javascript(const Napi::Error& error) noexcept {
  try {
    error.ThrowAsJavaScriptException();
  } catch (const Napi::Error&) {
    // Also the attempt may fail while the environment is torn down under us.
  }
}

void check(Napi::Env env, const Status& status, const Facts& facts) {
  if (!status.ok()) throw_error(env, status, facts);
}

}  // namespace freestone::bind
