#include "pipeline/convert.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <type_traits>
#include <utility>
#include <vector>

using namespace freestone;
using base::Code;
using namespace pipeline;

namespace {

template <typename Number>
constexpr uint32_t kind_of() {
  constexpr bool is_signed = std::is_signed_v<Number>;
  if constexpr (std::is_floating_point_v<Number>) return sizeof(Number) == 4 ? 10 : 11;
  if constexpr (sizeof(Number) == 1) return is_signed ? 1 : 2;
  if constexpr (sizeof(Number) == 2) return is_signed ? 3 : 4;
  if constexpr (sizeof(Number) == 4) return is_signed ? 5 : 6;
  return is_signed ? 7 : 8;
}

ElementForm form_of(const std::vector<uint32_t>& description) {
  const auto form = ElementForm::make(description);
  REQUIRE(form.ok());
  return form.value();
}

template <typename Number>
std::vector<Number> interesting() {
  std::vector<Number> values;
  const auto add = [&](auto value) {
    if constexpr (std::is_floating_point_v<Number>) {
      values.push_back(static_cast<Number>(value));
    } else if constexpr (std::is_integral_v<decltype(value)>) {
      if (std::in_range<Number>(value)) values.push_back(static_cast<Number>(value));
    }
  };
  for (int bits : {0, 1, 7, 8, 15, 16, 31, 32, 52, 53, 62, 63}) {
    const auto power = uint64_t{1} << bits;
    add(power);
    add(power - 1);
    add(power + 1);
    add(static_cast<int64_t>(0 - power));
    add(static_cast<int64_t>(0 - power - 1));
    add(static_cast<int64_t>(1 - power));
  }
  if constexpr (std::is_floating_point_v<Number>) {
    for (double value : {0.5, -0.5, -0.0, 1e10, 1e30, -1e300, 1.5, 254.99999, 0x1p63, 0x1p64, -0x1p63}) add(value);
    values.push_back(std::numeric_limits<Number>::infinity());
    values.push_back(-std::numeric_limits<Number>::infinity());
    values.push_back(std::numeric_limits<Number>::quiet_NaN());
    values.push_back(std::numeric_limits<Number>::denorm_min());
    values.push_back(std::numeric_limits<Number>::max());
  }
  return values;
}

/// By the definition: whether `To` takes the number, in arithmetic wide enough for both.
template <typename From, typename To>
bool takes(From value) {
  if constexpr (std::is_floating_point_v<To>) {
    return true;
  } else if constexpr (std::is_floating_point_v<From>) {
    const auto wide = static_cast<long double>(value);
    if (!std::isfinite(wide) || wide != std::trunc(wide)) return false;
    if (sizeof(To) == 8 && std::fabs(wide) > 9007199254740991.0L) return false;
    return wide >= static_cast<long double>(std::numeric_limits<To>::min()) &&
           wide <= static_cast<long double>(std::numeric_limits<To>::max());
  } else {
    return std::in_range<To>(value);
  }
}

template <typename From, typename To>
void check_pair() {
  const std::vector<uint32_t> description{kind_of<From>(), kind_of<To>(), sizeof(From), 1};
  if constexpr (std::is_integral_v<From> && sizeof(From) == 8 && std::is_floating_point_v<To>) {
    CHECK(ElementForm::make(description).status().code() == Code::kUnsupported);
    return;
  } else {
    const ElementForm form = form_of(description);
    REQUIRE(form.target_size() == sizeof(To));
    for (const From value : interesting<From>()) {
      // Among others that fit, at an odd address, so that one is found wherever it stands.
      std::vector<uint8_t> from(1 + 2500 * sizeof(From));
      std::vector<uint8_t> into(2500 * sizeof(To) + 1);
      std::memcpy(from.data() + 1 + 2222 * sizeof(From), &value, sizeof(From));
      const uint64_t count = 2500;
      const int64_t source_stride = sizeof(From);
      const int64_t target_stride = sizeof(To);
      const base::Status status =
          convert_box(into, {1, {&target_stride, 1}}, from, {1, {&source_stride, 1}}, {&count, 1}, form);
      CAPTURE(+value);
      CAPTURE(kind_of<From>());
      CAPTURE(kind_of<To>());
      const int64_t nowhere = 0;
      CHECK(convert_box({}, {0, {&nowhere, 1}}, from, {1, {&source_stride, 1}}, {&count, 1}, form).code() ==
            (takes<From, To>(value) ? Code::kOk : Code::kTypeMismatch));
      if (!takes<From, To>(value)) {
        CHECK(status.code() == Code::kTypeMismatch);
        CHECK(form.refuses());
        continue;
      }
      REQUIRE(status.ok());
      To result;
      std::memcpy(&result, into.data() + 1 + 2222 * sizeof(To), sizeof(To));
      const To wanted = static_cast<To>(value);
      if (wanted != wanted) {
        CHECK(result != result);
      } else {
        CHECK(result == wanted);
      }
      CHECK(into[1] == 0);
      CHECK(into.back() == 0);
    }
  }
}

template <typename From, typename... To>
void check_to() {
  (check_pair<From, To>(), ...);
}

template <typename... All>
void check_all() {
  (check_to<All, All...>(), ...);
}

}  // namespace

TEST_CASE("every number becomes the same number of another type, or is refused") {
  check_all<int8_t, uint8_t, int16_t, uint16_t, int32_t, uint32_t, int64_t, uint64_t, float, double>();
}

TEST_CASE("halves are rounded to nearest, ties to even") {
  const ElementForm form = form_of({11, 9, 8, 1});
  const std::vector<std::pair<double, uint16_t>> cases{
      {0.0, 0},
      {-0.0, 0x8000},
      {1.0, 0x3C00},
      {-2.0, 0xC000},
      {65504, 0x7BFF},
      {65519.99, 0x7BFF},
      {65520, 0x7C00},
      {-1e9, 0xFC00},
      {1.0 / 3, 0x3555},
      {0x1p-24, 1},
      {0x1p-25, 0},
      {0x1.8p-24, 2},
      {0x1p-14, 0x0400},
      {2049, 0x6800},
      {2051, 0x6802},
      {NAN, 0x7E00},
      {INFINITY, 0x7C00},
      {0x1.ff8p-15, 0x03FF},
      {0x1.ffep-15, 0x0400},
      {0x1.fffp-15, 0x0400},
      {0x1.ffep0, 0x3FFF + 1},
  };
  for (const auto& [value, bits] : cases) {
    CAPTURE(value);
    uint16_t into = 0;
    REQUIRE(form.transform(reinterpret_cast<uint8_t*>(&into), reinterpret_cast<const uint8_t*>(&value), {}));
    CHECK(into == bits);
  }
}

TEST_CASE("numbers are converted from any strides to any strides, and then reversed") {
  const uint64_t counts[] = {3, 1, 1500};
  std::vector<int32_t> from(3 * 1600 * 2);
  for (size_t i = 0; i < from.size(); ++i) from[i] = static_cast<int32_t>(i) - 4000;
  const int64_t source_strides[] = {1600 * 8, 77, 8};
  const int64_t target_strides[] = {3, 5, 10};
  std::vector<uint8_t> into(1500 * 10, 0xEE);
  const ElementForm form = form_of({5, 3, 4, 2});
  REQUIRE(convert_box(into, {0, target_strides}, {reinterpret_cast<const uint8_t*>(from.data()), from.size() * 4},
                      {0, source_strides}, counts, form)
              .ok());
  for (size_t row = 0; row < 3; ++row) {
    for (size_t i = 0; i < 1500; ++i) {
      const auto value = static_cast<uint16_t>(from[row * 3200 + i * 2]);
      uint16_t bits;
      std::memcpy(&bits, into.data() + row * 3 + i * 10, 2);
      REQUIRE(base::byte_swap(bits) == value);
    }
  }
  for (size_t i = 0; i < 1500; ++i) REQUIRE(into[i * 10 + 2] == 0xEE);
}

TEST_CASE("forms that make no sense are refused") {
  const auto code = [](const std::vector<uint32_t>& description) {
    return ElementForm::make(description).status().code();
  };
  CHECK(code({0, 0, 5, 1}) == Code::kOk);
  CHECK(code({0, 0, 8}) == Code::kInvalidArgument);
  CHECK(code({0, 11, 8, 1}) == Code::kInvalidArgument);
  CHECK(code({11, 0, 8, 1}) == Code::kInvalidArgument);
  CHECK(code({12, 1, 8, 1}) == Code::kInvalidArgument);
  CHECK(code({11, 10, 4, 1}) == Code::kInvalidArgument);
  CHECK(code({11, 10, 8, 3}) == Code::kInvalidArgument);
  CHECK(code({0, 0, 0, 1}) == Code::kInvalidSize);
  CHECK(code({9, 10, 2, 1}) == Code::kUnsupported);
  CHECK(code({7, 11, 8, 1}) == Code::kUnsupported);
}

TEST_CASE("what leaves its memory is refused before anything is written") {
  const ElementForm form = form_of({11, 10, 8, 1});
  std::vector<double> from(10);
  std::vector<uint8_t> into(40, 1);
  const base::ConstBytes source(reinterpret_cast<const uint8_t*>(from.data()), 80);
  const uint64_t count = 10;
  const int64_t eight = 8;
  const int64_t four = 4;
  CHECK(convert_box(into, {0, {&eight, 1}}, source, {0, {&eight, 1}}, {&count, 1}, form).code() ==
        Code::kInvalidArgument);
  CHECK(convert_box(into, {0, {&four, 1}}, source, {8, {&eight, 1}}, {&count, 1}, form).code() ==
        Code::kInvalidArgument);
  CHECK(into == std::vector<uint8_t>(40, 1));
  CHECK(convert_box(into, {0, {&four, 1}}, source, {0, {&eight, 1}}, {&count, 1}, form).ok());
  const uint64_t none = 0;
  CHECK(convert_box(into, {0, {&four, 1}}, source, {0, {&eight, 1}}, {&none, 1}, form).ok());
}
