#pragma once
// What this tier asks of the tier below, as a table, so that tests can have any call fail.
//   threads: any.    memory: none.
#include "base/base.h"
#include "os/os.h"

namespace freestone::frames {

/// Each as the function of os of the same name.
struct System {
  base::Result<uint8_t*> (*reserve)(size_t size, size_t alignment) noexcept = os::reserve;
  base::Status (*release)(uint8_t* address, size_t size) noexcept = os::release;
  base::Status (*commit)(uint8_t* address, size_t size) noexcept = os::commit;
  base::Status (*decommit)(uint8_t* address, size_t size) noexcept = os::decommit;
  base::Status (*purge)(uint8_t* address, size_t size) noexcept = os::purge;
  base::Status (*populate)(uint8_t* address, size_t size) noexcept = os::populate;
  base::Status (*advise_huge)(uint8_t* address, size_t size, bool use) noexcept = os::advise_huge;
  base::Status (*map_huge)(uint8_t* address, size_t size, size_t page) noexcept = os::map_huge;
  base::Status (*lock_pages)(uint8_t* address, size_t size) noexcept = os::lock_pages;
  base::Status (*bind_memory)(uint8_t* address, size_t size, std::span<const uint32_t> nodes,
                              os::Binding binding) noexcept = os::bind_memory;
};

}  // namespace freestone::frames
