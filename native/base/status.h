#pragma once
// How every tier says that something failed: a code, and for a failure of the system its errno and the call.
//   threads: plain values.    memory: none; the operation's name is a string literal.
#include <cstdint>
#include <utility>

namespace freestone::base {

/// What went wrong. The values are the positions in `errorCodes` of lib/errors.ts, counted from 1; a test holds the two
/// equal.
enum class Code : uint8_t {
  /// Nothing went wrong.
  kOk = 0,
  /// The system gives no more memory.
  kOutOfMemory = 1,
  /// A size that no request may have: zero, or too large for what it is used on.
  kInvalidSize = 2,
  /// An alignment that is not a power of two.
  kInvalidAlignment = 3,
  /// Any other argument out of its range.
  kInvalidArgument = 4,
  /// An address that is not the start of what it must be the start of.
  kInvalidAddress = 5,
  /// A NUMA node that does not exist or has no memory to give.
  kNumaNodeUnavailable = 6,
  /// A zone of memory has nothing left.
  kZoneDepleted = 7,
  /// The request would go beyond a limit that the user or the format set.
  kLimitExceeded = 8,
  /// Use after close.
  kClosed = 9,
  /// Two ranges that must be apart are not.
  kOverlap = 10,
  /// No placement satisfies the request.
  kNoSpace = 11,
  /// The content of a file contradicts itself.
  kCorruptFile = 12,
  /// Something that this system or this version cannot do.
  kUnsupported = 13,
  /// What was asked for is not there.
  kNotFound = 14,
  /// What was to be created is there already.
  kExists = 15,
  /// A value of one type where another is needed.
  kTypeMismatch = 16,
  /// A write to what was opened for reading.
  kReadOnly = 17,
  /// Another process, or another open file of this one, holds the lock.
  kFileLocked = 18,
  /// Never given by C++: the addon could not be loaded.
  kAddonNotFound = 19,
  /// A system call failed; `system_error` has its errno. Not in `errorCodes`: it reaches JavaScript under the system's
  /// own name.
  kSystem = 255,
};

/// The outcome of an operation.
class [[nodiscard]] Status {
 public:
  /// Success.
  constexpr Status() noexcept = default;
  /// @param operation what was being done, as a phrase with static lifetime
  constexpr Status(Code code, const char* operation) noexcept : operation_(operation), code_(code) {}
  /// A failed system call. @param error errno, or on Windows what GetLastError said; positive
  [[nodiscard]] static constexpr Status system(int32_t error, const char* call) noexcept {
    Status status(Code::kSystem, call);
    status.system_error_ = error;
    return status;
  }

  [[nodiscard]] constexpr bool ok() const noexcept { return code_ == Code::kOk; }
  [[nodiscard]] constexpr Code code() const noexcept { return code_; }
  /// 0 unless the code is `kSystem`.
  [[nodiscard]] constexpr int32_t system_error() const noexcept { return system_error_; }
  /// The system call's name if the code is `kSystem`, else a phrase; empty on success.
  [[nodiscard]] constexpr const char* operation() const noexcept { return operation_; }

 private:
  const char* operation_ = "";
  int32_t system_error_ = 0;
  Code code_ = Code::kOk;
};

/// A value, or why there is none. `T` has a cheap default, which is what a failed result holds.
template <typename T>
class [[nodiscard]] Result {
 public:
  constexpr Result(T value) noexcept : value_(std::move(value)) {}  // NOLINT: `return value;` is the point
  /// `status` must be a failure.
  constexpr Result(Status status) noexcept : status_(status) {}  // NOLINT: as above

  [[nodiscard]] constexpr bool ok() const noexcept { return status_.ok(); }
  [[nodiscard]] constexpr Status status() const noexcept { return status_; }
  /// Only when `ok`.
  [[nodiscard]] constexpr const T& value() const noexcept { return value_; }
  /// Moves the value out; only when `ok`, and once.
  [[nodiscard]] constexpr T take() noexcept { return std::move(value_); }

 private:
  T value_{};
  Status status_;
};

}  // namespace freestone::base
