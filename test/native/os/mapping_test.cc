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

TEST_CASE("zeroing zeroes what was written and nothing beside it") {
  const size_t page = os::page_size();
  // More than one look at the map has.
  const Reserved memory(6 * kHuge);
  REQUIRE(os::commit(memory.address, memory.size).ok());
  // Never written as a whole: runs, gaps, and both ends in the middle of a page.
  for (const size_t stride : {size_t{1}, size_t{2}, size_t{5}, size_t{511}}) {
    for (size_t at = 0; at < memory.size; at += stride * page) std::memset(memory.address + at, 9, page);
    const size_t from = 3 * page + 100;
    const size_t size = memory.size - 5 * page - 300;
    os::zero(memory.address + from, size);
    CHECK(all_zero(memory.address + from, size));
    CHECK(memory.address[0] == 9);
    if (stride == 1) {
      CHECK(memory.address[from - 1] == 9);
      CHECK(memory.address[from + size] == 9);
    }
    REQUIRE(os::purge(memory.address, memory.size).ok());
    os::zero(memory.address, memory.size);
    CHECK(all_zero(memory.address, memory.size));
    REQUIRE(os::purge(memory.address, memory.size).ok());
  }
  std::memset(memory.address, 7, 100);
  os::zero(memory.address + 10, 20);
  CHECK(memory.address[9] == 7);
  CHECK(all_zero(memory.address + 10, 20));
  CHECK(memory.address[30] == 7);
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
