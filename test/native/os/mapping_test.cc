#include "os/mapping.h"

#include <doctest/doctest.h>

#include <vector>

#include <algorithm>
#include <cstring>

#include "os/memory.h"
#include "temporary_directory.h"

using namespace freestone;

namespace {

constexpr size_t kHuge = size_t{2} << 20;

struct Reserved {
  explicit Reserved(size_t bytes) : size(bytes), address(os::reserve(bytes, kHuge).take()) {}
  ~Reserved() { (void)os::release(address, size); }
  size_t size;
  uint8_t* address;
};

bool all_zero(const uint8_t* bytes, size_t size) {
  return std::all_of(bytes, bytes + size, [](uint8_t byte) { return byte == 0; });
}

}  // namespace

TEST_CASE("retired memory is empty, and can be touched for as long as few are") {
  std::vector<uint8_t*> retired;
  for (int i = 0; i < 5000; ++i) {
    const size_t size = 16 * os::page_size();
    auto reserved = os::reserve(size, os::page_size());
    REQUIRE(reserved.ok());
    uint8_t* const memory = reserved.value();
    REQUIRE(os::commit(memory, size).ok());
    memory[0] = 7;
    REQUIRE(os::retire(memory, size).ok());
    CHECK(memory[0] == 0);
    memory[size - 1] = 1;
    retired.push_back(memory);
  }
  // The last ones are there; how many of the first ones are not is the system's matter.
  for (size_t i = retired.size() - 64; i < retired.size(); ++i) retired[i][0] = 1;
}

TEST_CASE("purged pages read as zero and stay writable") {
  const Reserved memory(kHuge);
  REQUIRE(os::commit(memory.address, memory.size).ok());
  std::memset(memory.address, 7, memory.size);
  REQUIRE(os::purge(memory.address, memory.size).ok());
  CHECK(all_zero(memory.address, memory.size));
  memory.address[0] = 1;
  CHECK(memory.address[0] == 1);
}

TEST_CASE("advice and early memory leave content alone") {
  const Reserved memory(kHuge);
  REQUIRE(os::commit(memory.address, memory.size).ok());
  memory.address[kHuge / 2] = 9;
  (void)os::advise_huge(memory.address, memory.size, true);
  (void)os::populate(memory.address, memory.size);
  CHECK(memory.address[kHuge / 2] == 9);
  (void)os::advise_huge(memory.address, memory.size, false);
  CHECK(memory.address[kHuge / 2] == 9);
}

TEST_CASE("huge pages are there altogether or not at all") {
  const Reserved memory(kHuge);
  const auto status = os::map_huge(memory.address, memory.size, kHuge);
  if (status.ok()) {
    CHECK(all_zero(memory.address, memory.size));
  } else {
    CHECK((status.code() == base::Code::kOutOfMemory || status.code() == base::Code::kUnsupported));
    // Still reserved, and usable like any other.
    REQUIRE(os::commit(memory.address, memory.size).ok());
    memory.address[0] = 1;
  }
}

TEST_CASE("two mappings of one backing are the same memory, with a name or without") {
  TemporaryDirectory directory;
  const std::string path = directory / "backing";
  for (const char* const name : {static_cast<const char*>(nullptr), path.c_str()}) {
    auto backing = os::open_backing(name, kHuge);
    REQUIRE(backing.ok());
    auto again = os::share_backing(backing.value(), kHuge);
    REQUIRE(again.ok());
    const Reserved one(kHuge);
    const Reserved two(kHuge);
    REQUIRE(os::map_backing(one.address, kHuge, backing.value()).ok());
    REQUIRE(os::map_backing(two.address, kHuge, again.value()).ok());
    CHECK(all_zero(one.address, kHuge));
    one.address[12345] = 42;
    CHECK(two.address[12345] == 42);
    os::close_backing(backing.value());
    os::close_backing(again.value());
    two.address[1] = 3;
    CHECK(one.address[1] == 3);
  }
  const auto missing = os::open_backing((path + "/nowhere").c_str(), kHuge);
  CHECK_FALSE(missing.ok());
}
