#include "pipeline/convert.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "pipeline/copy_dimensions.h"

namespace freestone::pipeline {

using base::Code;
using base::Result;
using base::Status;

namespace {

/// Elements that are converted at once, within the nearest cache.
constexpr uint64_t kBlock = 1024;

/// IEEE 754 binary16, by its bits.
struct Half {
  uint16_t bits;
};

/// Rounded to nearest, ties to even.
Half half(double value) noexcept {
  if (std::isnan(value)) return {0x7E00};
  const auto sign = static_cast<uint16_t>(std::signbit(value) ? 0x8000 : 0);
  const double magnitude = std::fabs(value);
  if (magnitude >= 65520) return {static_cast<uint16_t>(sign | 0x7C00)};
  // Those below the normal range are multiples of 2^-24; a mantissa that is rounded up to 2048 carries into the
  // exponent.
  const int exponent = magnitude < 0x1p-14 ? -15 : std::ilogb(magnitude);
  const double scaled = exponent == -15 ? magnitude * 0x1p24 : std::ldexp(magnitude, 10 - exponent);
  const auto rounded = static_cast<uint16_t>(std::nearbyint(scaled));
  const auto above = static_cast<uint16_t>(exponent == -15 ? 0 : (exponent + 14) << 10);
  return {static_cast<uint16_t>(sign | (above + rounded))};
}

/// The whole numbers that a floating-point number may stand for.
template <typename To>
constexpr double lowest() noexcept {
  if constexpr (std::is_unsigned_v<To>) return 0;
  return sizeof(To) == 8 ? -0x1.fffffffffffffp52 : static_cast<double>(std::numeric_limits<To>::min());
}

template <typename To>
constexpr double highest() noexcept {
  return sizeof(To) == 8 ? 0x1.fffffffffffffp52 : static_cast<double>(std::numeric_limits<To>::max());
}

template <typename From, typename To>
constexpr bool always_fits() noexcept {
  if constexpr (std::is_same_v<To, Half> || std::is_floating_point_v<To>) {
    return true;
  } else if constexpr (std::is_floating_point_v<From>) {
    return false;
  } else {
    return std::in_range<To>(std::numeric_limits<From>::min()) && std::in_range<To>(std::numeric_limits<From>::max());
  }
}

/// The number as another type; `misfits` is counted up when that cannot be. Free of branches, so that several are done
/// at once.
template <typename From, typename To>
To converted(From value, unsigned& misfits) noexcept {
  if constexpr (std::is_same_v<To, Half>) {
    return half(static_cast<double>(value));
  } else if constexpr (std::is_floating_point_v<To>) {
    return static_cast<To>(value);
  } else if constexpr (std::is_floating_point_v<From>) {
    const auto exact = static_cast<double>(value);
    constexpr double low = lowest<To>();
    constexpr double high = highest<To>();
    // What is outside, or no number, becomes one that is inside, and so differs from what it was.
    const double inside = exact >= low ? (exact <= high ? exact : high) : low;
    using Wide = std::conditional_t<sizeof(To) < 4 || std::is_same_v<To, int32_t>, int32_t, int64_t>;
    const auto whole = static_cast<Wide>(inside);
    misfits |= static_cast<unsigned>(static_cast<double>(whole) != exact);
    return static_cast<To>(whole);
  } else {
    misfits |= static_cast<unsigned>(!std::in_range<To>(value));
    return static_cast<To>(value);
  }
}

template <typename From, typename To>
bool convert(uint8_t* to, const uint8_t* from, uint64_t count) noexcept {
  unsigned misfits = 0;
  for (uint64_t i = 0; i < count; ++i) {
    From value;
    std::memcpy(&value, from + i * sizeof(From), sizeof(From));
    const To result = converted<From, To>(value, misfits);
    std::memcpy(to + i * sizeof(To), &result, sizeof(To));
  }
  return misfits == 0;
}

/// What a pair of kinds comes to.
struct Pair {
  bool (*convert)(uint8_t* to, const uint8_t* from, uint64_t count) noexcept = nullptr;
  uint64_t source_size = 0;
  uint64_t target_size = 0;
  bool refuses = false;
};

template <typename From, typename To>
Pair pair_of() noexcept {
  // JavaScript has these numbers as BigInt, which is no floating-point number to it.
  constexpr bool is_exact = std::is_integral_v<From> && sizeof(From) == 8;
  if constexpr (is_exact && (std::is_floating_point_v<To> || std::is_same_v<To, Half>)) {
    return {};
  } else {
    return {convert<From, To>, sizeof(From), sizeof(To), !always_fits<From, To>()};
  }
}

/// Calls `visit` with a value of the kind's type.
template <typename Visit>
Pair with_kind(uint32_t kind, Visit visit) noexcept {
  switch (static_cast<NumberKind>(kind)) {
    case NumberKind::kInt8:
      return visit(int8_t{});
    case NumberKind::kUint8:
      return visit(uint8_t{});
    case NumberKind::kInt16:
      return visit(int16_t{});
    case NumberKind::kUint16:
      return visit(uint16_t{});
    case NumberKind::kInt32:
      return visit(int32_t{});
    case NumberKind::kUint32:
      return visit(uint32_t{});
    case NumberKind::kInt64:
      return visit(int64_t{});
    case NumberKind::kUint64:
      return visit(uint64_t{});
    case NumberKind::kFloat16:
      return visit(Half{});
    case NumberKind::kFloat32:
      return visit(float{});
    case NumberKind::kFloat64:
      return visit(double{});
  }
  return {};
}

Pair pair_of(uint32_t source, uint32_t target) noexcept {
  return with_kind(source, [&](auto from) noexcept {
    using From = decltype(from);
    if constexpr (std::is_same_v<From, Half>) {
      return Pair{};
    } else {
      return with_kind(target, [](auto to) noexcept { return pair_of<From, decltype(to)>(); });
    }
  });
}

}  // namespace

Result<ElementForm> ElementForm::make(std::span<const uint32_t> description) noexcept {
  if (description.size() != 4) return Status(Code::kInvalidArgument, "a form is four numbers");
  const uint32_t source = description[0];
  const uint32_t target = description[1];
  ElementForm form;
  form.source_size_ = description[2];
  form.target_size_ = form.source_size_;
  form.swap_ = description[3];
  constexpr auto kLast = static_cast<uint32_t>(NumberKind::kFloat64);
  if (source > kLast || target > kLast || (source == 0) != (target == 0)) {
    return Status(Code::kInvalidArgument, "an unknown kind of number");
  }
  if (source != 0) {
    const Pair pair = pair_of(source, target);
    if (pair.convert == nullptr) return Status(Code::kUnsupported, "converting these numbers");
    if (pair.source_size != form.source_size_) return Status(Code::kInvalidArgument, "a number of another size");
    form.convert_ = pair.convert;
    form.target_size_ = pair.target_size;
    form.refuses_ = pair.refuses;
  }
  if (form.source_size_ == 0) return Status(Code::kInvalidSize, "an element has no bytes");
  if (form.swap_ > 1 && form.target_size_ % form.swap_ != 0) {
    return Status(Code::kInvalidArgument, "a word does not divide its element");
  }
  return form;
}

bool ElementForm::transform_row(uint8_t* to, const uint8_t* from, const Dimension& row) const noexcept {
  alignas(64) uint8_t packed[kBlock * sizeof(uint64_t)];
  alignas(64) uint8_t converted[kBlock * sizeof(uint64_t)];
  const auto source_size = static_cast<int64_t>(source_size_);
  const auto target_size = static_cast<int64_t>(target_size_);
  const bool apart = row.source_stride != source_size;
  const bool direct = to != nullptr && swap_ <= 1 && row.target_stride == target_size;
  for (uint64_t done = 0; done < row.count; done += kBlock) {
    const uint64_t count = row.count - done < kBlock ? row.count - done : kBlock;
    const uint8_t* source = from + static_cast<int64_t>(done) * row.source_stride;
    uint8_t* const target = to == nullptr ? nullptr : to + static_cast<int64_t>(done) * row.target_stride;
    if (apart) {
      const Dimension pack{count, source_size, row.source_stride};
      copy_dimensions(packed, source, {&pack, 1}, source_size_, 1);
      source = packed;
    }
    if (!convert_(direct ? target : converted, source, count)) return false;
    if (direct || target == nullptr) continue;
    const Dimension unpack{count, row.target_stride, target_size};
    copy_dimensions(target, converted, {&unpack, 1}, target_size_, swap_);
  }
  return true;
}

bool ElementForm::transform(uint8_t* to, const uint8_t* from, std::span<const Dimension> dimensions) const noexcept {
  if (convert_ == nullptr) {
    if (to != nullptr) copy_dimensions(to, from, dimensions, source_size_, swap_);
    return true;
  }
  if (to == nullptr && !refuses_) return true;
  // No place to write to stays where it is.
  Dimension still[kMostDimensions];
  if (to == nullptr) {
    size_t rank = 0;
    for (const Dimension& dimension : dimensions) still[rank++] = {dimension.count, 0, dimension.source_stride};
    dimensions = {still, rank};
  }
  const Dimension row = dimensions.empty() ? Dimension{} : dimensions.back();
  const auto outer = dimensions.empty() ? dimensions : dimensions.first(dimensions.size() - 1);
  return walk(to, from, outer,
              [&](uint8_t* target, const uint8_t* source) noexcept { return transform_row(target, source, row); });
}

Status convert_box(base::Bytes target, const BoxPlace& target_place, base::ConstBytes source,
                   const BoxPlace& source_place, std::span<const uint64_t> counts, const ElementForm& form) noexcept {
  const bool looks = target.empty();
  const uint64_t room = looks ? UINT64_MAX : target.size();
  const auto box =
      Dimensions::make(room, target_place, form.target_size(), source.size(), source_place, form.source_size(), counts);
  if (!box.ok()) return box.status();
  if (box.value().empty()) return {};
  uint8_t* const to = looks ? nullptr : target.data() + target_place.offset;
  if (form.transform(to, source.data() + source_place.offset, box.value().all())) return {};
  return Status(Code::kTypeMismatch, "a number that its type cannot hold");
}

}  // namespace freestone::pipeline
