#pragma once
// Memory with properties: huge pages, locked pages, pages of a file, and pages whose memory comes or goes early. For
// address space that `reserve` gave.
//   threads: any, on ranges that do not meet.    memory: whole pages, as in memory.h.
#include <cstddef>
#include <cstdint>

#include "base/base.h"

namespace freestone::os {

/// Gives the memory of committed pages back; they stay committed and read as zero. `kUnsupported` or `kSystem` for
/// locked pages.
[[nodiscard]] base::Status purge(uint8_t* address, size_t size) noexcept;

/// Zeroes bytes of memory that is private and of no file. Where the system tells which pages have no memory yet, those
/// are left without, since they read as zero: for large ranges of which little may have been written.
void zero(uint8_t* address, size_t size) noexcept;

/// Puts fresh pages in place of whatever is there, which read as zero and are neither locked nor of a file. A touch by
/// another thread meanwhile meets the old page or the new one, and is no fault.
[[nodiscard]] base::Status renew(uint8_t* address, size_t size) noexcept;

/// As `release`, later: for memory that somebody may still be using who cannot be told. Its memory goes back now and
/// its addresses are renewed; they go back when many others wait and a minute has passed, or when very many wait.
[[nodiscard]] base::Status retire(uint8_t* address, size_t size) noexcept;

/// Gives committed pages their memory now. `kUnsupported` where the system cannot.
[[nodiscard]] base::Status populate(uint8_t* address, size_t size) noexcept;

/// Asks for huge pages where they fit, or for none. Advice: content and access stay. `kUnsupported` where the system
/// takes none.
[[nodiscard]] base::Status advise_huge(uint8_t* address, size_t size, bool use) noexcept;

/// Puts huge pages of `page` bytes, set aside for this process, in place of reserved pages: readable, writable, zero.
/// `kOutOfMemory` when the system has too few, `kUnsupported` when it has none at all; nothing has changed then.
[[nodiscard]] base::Status map_huge(uint8_t* address, size_t size, size_t page) noexcept;

/// Keeps committed pages in RAM from their first touch on. `kLimitExceeded` or `kSystem` when that is not allowed.
[[nodiscard]] base::Status lock_pages(uint8_t* address, size_t size) noexcept;

/// A file that memory can be made of: the one at `path`, created when missing, or one without a name when null. Made
/// `size` bytes long if it is shorter. Where the system allows, one without a name can never shrink.
/// @returns a descriptor, which the caller closes with `close_backing`
[[nodiscard]] base::Result<int> open_backing(const char* path, uint64_t size) noexcept;
/// The same for an open file, by a descriptor of its own.
[[nodiscard]] base::Result<int> share_backing(int descriptor, uint64_t size) noexcept;
void close_backing(int descriptor) noexcept;

/// Puts the first `size` bytes of a file in place of reserved pages: readable, writable, and shared with everyone who
/// maps it.
[[nodiscard]] base::Status map_backing(uint8_t* address, size_t size, int descriptor) noexcept;

}  // namespace freestone::os
