#include "bind/arguments.h"

#include "bind/errors.h"

namespace freestone::bind {

using base::Bytes;
using base::Code;

namespace {

[[noreturn]] void refuse(const Napi::CallbackInfo& info, const char* name, const char* what) {
  throw_error(info.Env(), Code::kInvalidArgument, std::string(name) + " must be " + what);
}

struct TypedArray {
  void* data;
  size_t length;
  napi_typedarray_type type;
};

TypedArray typed_array(const Napi::CallbackInfo& info, size_t index, const char* name, const char* what) {
  const Napi::Value value = info[index];
  if (!value.IsTypedArray()) refuse(info, name, what);
  TypedArray array{nullptr, 0, napi_uint8_array};
  const napi_status status =
      napi_get_typedarray_info(info.Env(), value, &array.type, &array.length, &array.data, nullptr, nullptr);
  if (status != napi_ok) refuse(info, name, what);
  if (array.data == nullptr) array.length = 0;
  return array;
}

TypedArray typed_array(const Napi::CallbackInfo& info, size_t index, const char* name, napi_typedarray_type wanted,
                       const char* what) {
  const TypedArray array = typed_array(info, index, name, what);
  if (array.type != wanted) refuse(info, name, what);
  return array;
}

size_t element_size(napi_typedarray_type type) noexcept {
  switch (type) {
    case napi_int16_array:
    case napi_uint16_array:
      return 2;
    case napi_int32_array:
    case napi_uint32_array:
    case napi_float32_array:
      return 4;
    case napi_float64_array:
    case napi_bigint64_array:
    case napi_biguint64_array:
      return 8;
    default:
      // Of a kind that is not known yet, at least nothing is touched that is not the array's.
      return 1;
  }
}

}  // namespace

bool is_whole(double value) noexcept {
  // Written so that NaN is not. By signed numbers, which processors convert in one instruction.
  return value >= 0 && value <= static_cast<double>(kMaxSafeInteger) &&
         value == static_cast<double>(static_cast<int64_t>(value));
}

uint64_t whole_number(const Napi::CallbackInfo& info, size_t index, const char* name, Code code) {
  double number = 0;
  if (napi_get_value_double(info.Env(), info[index], &number) != napi_ok) refuse(info, name, "a number");
  if (!is_whole(number)) throw_error(info.Env(), code, std::string(name) + " must be a whole number, 0 to 2^53 - 1");
  return static_cast<uint64_t>(number);
}

std::string text(const Napi::CallbackInfo& info, size_t index, const char* name) {
  const Napi::Value value = info[index];
  if (!value.IsString()) refuse(info, name, "a string");
  std::string string = value.As<Napi::String>().Utf8Value();
  if (string.find('\0') != std::string::npos) refuse(info, name, "without zero characters");
  return string;
}

Bytes bytes(const Napi::CallbackInfo& info, size_t index, const char* name) {
  const TypedArray array = typed_array(info, index, name, napi_uint8_array, "a Uint8Array");
  return {static_cast<uint8_t*>(array.data), array.length};
}

Bytes memory(const Napi::CallbackInfo& info, size_t index, const char* name) {
  const TypedArray array = typed_array(info, index, name, "a typed array");
  return {static_cast<uint8_t*>(array.data), array.length * element_size(array.type)};
}

std::span<const uint32_t> words(const Napi::CallbackInfo& info, size_t index, const char* name) {
  const TypedArray array = typed_array(info, index, name, napi_uint32_array, "a Uint32Array");
  return {static_cast<const uint32_t*>(array.data), array.length};
}

std::span<const uint64_t> whole_numbers(const Napi::CallbackInfo& info, size_t index, const char* name,
                                        std::span<uint64_t> numbers) {
  const TypedArray array = typed_array(info, index, name, napi_float64_array, "a Float64Array");
  if (array.length > numbers.size()) refuse(info, name, "shorter");
  const auto* values = static_cast<const double*>(array.data);
  for (size_t i = 0; i < array.length; ++i) {
    const double value = values[i];  // read once: another thread may write a shared array
    if (!is_whole(value)) refuse(info, name, "whole numbers, 0 to 2^53 - 1");
    numbers[i] = static_cast<uint64_t>(value);
  }
  return numbers.first(array.length);
}

std::span<double> doubles(const Napi::CallbackInfo& info, size_t index, const char* name) {
  const TypedArray array = typed_array(info, index, name, napi_float64_array, "a Float64Array");
  return {static_cast<double*>(array.data), array.length};
}

Napi::Value float64_array(Napi::Env env, std::span<const double> values) {
  Napi::Float64Array array = Napi::Float64Array::New(env, values.size());
  if (!values.empty()) std::memcpy(array.Data(), values.data(), values.size_bytes());
  return array;
}

}  // namespace freestone::bind
