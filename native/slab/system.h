#pragma once
// What this tier asks of the operating system itself, as a table, so that tests can have any call fail.
//   threads: any.    memory: none.
#include "base/base.h"
#include "os/os.h"

namespace freestone::slab {

/// Each as the function of os of the same name.
struct System {
  base::Result<uint8_t*> (*reserve)(size_t size, size_t alignment) noexcept = os::reserve;
  base::Status (*release)(uint8_t* address, size_t size) noexcept = os::release;
  base::Status (*commit)(uint8_t* address, size_t size) noexcept = os::commit;
  base::Status (*purge)(uint8_t* address, size_t size) noexcept = os::purge;
};

}  // namespace freestone::slab
