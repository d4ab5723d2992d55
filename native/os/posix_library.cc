#include <dlfcn.h>

#include "os/library.h"

namespace freestone::os {

void* load_library(const char* name) noexcept { return dlopen(name, RTLD_NOW | RTLD_LOCAL); }

void* find_symbol(void* library, const char* name) noexcept {
  return library == nullptr ? nullptr : dlsym(library, name);
}

}  // namespace freestone::os
