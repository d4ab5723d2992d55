#include "os/transfer.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace freestone;
using base::Code;

TEST_CASE("short transfers go on where the last one ended") {
  std::vector<size_t> places;
  const auto moved = os::transfer_all(10, "read", [&](size_t done, size_t count, int32_t&) noexcept -> ptrdiff_t {
    places.push_back(done);
    return static_cast<ptrdiff_t>(count < 4 ? count : 4);
  });
  REQUIRE(moved.ok());
  CHECK(moved.value() == 10);
  CHECK(places == std::vector<size_t>{0, 4, 8});
}

TEST_CASE("an interrupted call is made again, and any other error is told") {
  int calls = 0;
  const auto moved = os::transfer_all(8, "write", [&](size_t, size_t count, int32_t& error) noexcept -> ptrdiff_t {
    error = EINTR;
    return ++calls < 5 ? -1 : static_cast<ptrdiff_t>(count);
  });
  CHECK(moved.ok());
  CHECK(calls == 5);
  const auto failed = os::transfer_all(8, "write", [&](size_t done, size_t, int32_t& error) noexcept -> ptrdiff_t {
    error = ENOSPC;
    return done == 0 ? 3 : -1;
  });
  CHECK(failed.status().code() == Code::kSystem);
  CHECK(failed.status().system_error() == ENOSPC);
  CHECK(std::string(failed.status().operation()) == "write");
}

TEST_CASE("more than a system moves at once is asked for in parts") {
  const size_t size = (size_t{5} << 30) + 7;
  size_t calls = 0;
  const auto moved = os::transfer_all(size, "read", [&](size_t done, size_t count, int32_t&) noexcept -> ptrdiff_t {
    ++calls;
    if (count > os::kMaxTransfer || done + count > size) return 0;
    return static_cast<ptrdiff_t>(count);
  });
  REQUIRE(moved.ok());
  CHECK(moved.value() == size);
  CHECK(calls == 6);
}

TEST_CASE("a transfer ends where nothing more comes, and one of nothing makes no call") {
  const auto moved = os::transfer_all(
      10, "read", [](size_t done, size_t, int32_t&) noexcept -> ptrdiff_t { return done == 0 ? 6 : 0; });
  REQUIRE(moved.ok());
  CHECK(moved.value() == 6);
  const auto none = os::transfer_all(0, "read", [](size_t, size_t, int32_t& error) noexcept -> ptrdiff_t {
    error = EIO;
    return -1;
  });
  REQUIRE(none.ok());
  CHECK(none.value() == 0);
}
