#pragma once
// Shared libraries that are used where they are installed and missed where they are not.
//   threads: any.    memory: the system's; a library is never unloaded, because a thread may be in it.

namespace freestone::os {

/// The shared library of that file name, looked for as the system looks for one. Null when it is not there.
[[nodiscard]] void* load_library(const char* name) noexcept;

/// A function of the library, or null when it has none of that name or `library` is null.
[[nodiscard]] void* find_symbol(void* library, const char* name) noexcept;

}  // namespace freestone::os
