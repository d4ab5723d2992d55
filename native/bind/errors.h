#pragma once
// A Status as the error that JavaScript meets.
//   threads: the JavaScript thread of the environment.
#include "base/base.h"
#include "bind/napi_setup.h"

namespace freestone::bind {

/// Facts that become properties of an error; absent ones do not.
struct Facts {
  /// The file concerned, or null.
  const char* path = nullptr;
  /// The place in it.
  std::optional<uint64_t> address = std::nullopt;
  /// How many bytes were asked for.
  std::optional<uint64_t> requested = std::nullopt;
};

/// The error that the factory makes of a failure.
[[nodiscard]] Napi::Value make_error(Napi::Env env, const base::Status& status, const Facts& facts = {});

/// Throws it, as a C++ exception that becomes a JavaScript one.
[[noreturn]] void throw_error(Napi::Env env, const base::Status& status, const Facts& facts = {});

/// Throws `kInvalidArgument`, or another code, with a message made for the occasion.
[[noreturn]] void throw_error(Napi::Env env, base::Code code, const std::string& message);

/// Makes it the pending JavaScript exception; does nothing in an environment that is being terminated, where there can
/// be none.
void throw_to_javascript(const Napi::Error& error) noexcept;

/// Throws unless the status is ok.
void check(Napi::Env env, const base::Status& status, const Facts& facts = {});

}  // namespace freestone::bind
