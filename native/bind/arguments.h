#pragma once
// Arguments of a call as clean C++ values. What does not fit throws: the wrappers in lib/ check first and with better
// words, so these are the second line, for a wrong call must never be a crash.
#include <string>

#include "base/base.h"
#include "bind/napi_setup.h"

namespace freestone::bind {

/// The largest of them.
inline constexpr uint64_t kMaxSafeInteger = (uint64_t{1} << 53) - 1;

/// Whether a number is a whole one, 0 to 2^53 - 1.
[[nodiscard]] bool is_whole(double value) noexcept;

/// A whole number, 0 to 2^53 - 1. @param code what any other number gives; what is no number is `kInvalidArgument`
[[nodiscard]] uint64_t whole_number(const Napi::CallbackInfo& info, size_t index, const char* name,
                                    base::Code code = base::Code::kInvalidArgument);

/// A string without zero characters.
[[nodiscard]] std::string text(const Napi::CallbackInfo& info, size_t index, const char* name);

/// The bytes of a Uint8Array or Buffer; empty when it was detached. They stay while the array is referenced.
[[nodiscard]] base::Bytes bytes(const Napi::CallbackInfo& info, size_t index, const char* name);

/// The same of any typed array.
[[nodiscard]] base::Bytes memory(const Napi::CallbackInfo& info, size_t index, const char* name);

/// The elements of a Uint32Array.
[[nodiscard]] std::span<const uint32_t> words(const Napi::CallbackInfo& info, size_t index, const char* name);

/// The elements of a Float64Array, whole numbers as in `whole_number`, copied to `numbers`; returns the part that was
/// filled. Longer than `numbers` throws `kInvalidArgument`.
[[nodiscard]] std::span<const uint64_t> whole_numbers(const Napi::CallbackInfo& info, size_t index, const char* name,
                                                      std::span<uint64_t> numbers);

/// The elements of a Float64Array, which are the caller's to write.
[[nodiscard]] std::span<double> doubles(const Napi::CallbackInfo& info, size_t index, const char* name);

/// A new Float64Array.
[[nodiscard]] Napi::Value float64_array(Napi::Env env, std::span<const double> values);

}  // namespace freestone::bind
