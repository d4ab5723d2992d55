#pragma once
// Virtual memory in the six verbs that allocators need: address space first, memory for pages of it later.
//   threads: any, on ranges that do not meet.    memory: whole pages; a range that is not made of them gives
//   `kInvalidAddress` or `kInvalidSize`, and nothing changes.
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/base.h"

namespace freestone::os {

/// What may be done with pages.
enum class Access : uint8_t {
  /// Any touch is a fault.
  kNone,
  kRead,
  kReadWrite,
};

/// The smallest unit of memory that the system maps.
[[nodiscard]] size_t page_size() noexcept;

/// Sizes of the huge pages that the system has, ascending; empty if none.
/// @param sys_root where sysfs is mounted; ignored on systems that have none
[[nodiscard]] base::Result<base::Array<size_t>> huge_page_sizes(const char* sys_root = "/sys") noexcept;

/// Address space without memory behind it; a touch is a fault until it is committed.
/// @param alignment of the first byte: a power of two, at least 1
[[nodiscard]] base::Result<uint8_t*> reserve(size_t size, size_t alignment) noexcept;

/// Makes pages readable and writable. Pages that had no memory read as zero; those that had keep their content.
[[nodiscard]] base::Status commit(uint8_t* address, size_t size) noexcept;

/// Gives the memory of pages back and keeps their addresses. The content is lost; a touch is a fault.
[[nodiscard]] base::Status decommit(uint8_t* address, size_t size) noexcept;

/// Gives addresses and memory back. @param address,size exactly what `reserve` returned and was given
[[nodiscard]] base::Status release(uint8_t* address, size_t size) noexcept;

/// Makes a range that `reserve` gave longer or shorter at its end; it is released in its new size. What is added is as
/// `reserve` leaves it. `kOutOfMemory` when the addresses behind are taken, `kUnsupported` where the system cannot;
/// nothing has changed then.
[[nodiscard]] base::Status resize(uint8_t* address, size_t size, size_t to) noexcept;

/// Copies memory that somebody else may take away meanwhile: the system's EFAULT then, where a plain copy would end the
/// process. Any ranges that do not overlap. `kUnsupported` where the system has no way.
[[nodiscard]] base::Status copy_foreign(uint8_t* into, const uint8_t* from, size_t size) noexcept;
/// The same for many runs, which are put one after the other: a call of the system for some hundreds of them. None of
/// them is empty.
[[nodiscard]] base::Status copy_foreign(uint8_t* into, std::span<const base::ConstBytes> runs) noexcept;
/// Whether `copy_foreign` has a way. Tried once.
[[nodiscard]] bool copies_foreign() noexcept;

/// Changes what may be done with committed pages; their content stays.
[[nodiscard]] base::Status protect(uint8_t* address, size_t size, Access access) noexcept;

}  // namespace freestone::os
