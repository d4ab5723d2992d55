#include "os/memory.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "temporary_directory.h"

using namespace freestone;
using base::Code;

namespace {

/// Asks the kernel to read or write a byte, which says EFAULT where a touch would end the process.
class Probe {
 public:
  Probe() : zero_(open("/dev/zero", O_RDWR)), pipe_{} { REQUIRE(pipe(pipe_) == 0); }
  ~Probe() {
    for (const int descriptor : {zero_, pipe_[0], pipe_[1]}) close(descriptor);
  }
  bool readable(const uint8_t* address) {
    // A pipe, because /dev/null does not look at what it is given.
    if (syscall(SYS_write, pipe_[1], address, 1) != 1) return false;
    char byte;
    return read(pipe_[0], &byte, 1) == 1;
  }
  bool writable(uint8_t* address) { return syscall(SYS_read, zero_, address, 1) == 1; }

 private:
  int zero_;
  int pipe_[2];
};

}  // namespace

TEST_CASE("the page size is a power of two") {
  CHECK(os::page_size() >= 4096);
  CHECK(base::is_power_of_two(os::page_size()));
}

TEST_CASE("reserved memory is a fault until it is committed, reads as zero then, and is a fault again after") {
  const size_t page = os::page_size();
  const size_t size = page * 16;
  Probe probe;
  auto reserved = os::reserve(size, 1);
  REQUIRE(reserved.ok());
  uint8_t* const memory = reserved.value();
  CHECK_FALSE(probe.readable(memory));
  CHECK_FALSE(probe.writable(memory));

  REQUIRE(os::commit(memory, page * 8).ok());
  for (size_t i = 0; i < page * 8; ++i) REQUIRE(memory[i] == 0);
  for (size_t i = 0; i < page * 8; ++i) memory[i] = static_cast<uint8_t>(i);
  CHECK_FALSE(probe.readable(memory + page * 8));

  SUBCASE("committing what is committed keeps the content") {
    REQUIRE(os::commit(memory, size).ok());
    CHECK(memory[page + 1] == static_cast<uint8_t>(page + 1));
    CHECK(memory[size - 1] == 0);
  }
  SUBCASE("decommitting drops the memory of those pages alone") {
    REQUIRE(os::decommit(memory + page * 2, page * 2).ok());
    CHECK_FALSE(probe.readable(memory + page * 2));
    CHECK(memory[1] == 1);
    CHECK(memory[page * 4 + 1] == static_cast<uint8_t>(page * 4 + 1));
    REQUIRE(os::commit(memory + page * 2, page * 2).ok());
    unsigned char resident[2] = {1, 1};
    REQUIRE(mincore(memory + page * 2, page * 2, resident) == 0);
    CHECK((resident[0] & 1) == 0);
    for (size_t i = page * 2; i < page * 4; ++i) REQUIRE(memory[i] == 0);
  }
  SUBCASE("protecting changes what may be done and keeps the content") {
    REQUIRE(os::protect(memory, page, os::Access::kRead).ok());
    CHECK(memory[5] == 5);
    CHECK(probe.readable(memory));
    CHECK_FALSE(probe.writable(memory));
    REQUIRE(os::protect(memory, page, os::Access::kNone).ok());
    CHECK_FALSE(probe.readable(memory));
    REQUIRE(os::protect(memory, page, os::Access::kReadWrite).ok());
    CHECK(probe.writable(memory));
    CHECK(memory[5] == 5);
  }
  REQUIRE(os::release(memory, size).ok());
  CHECK_FALSE(probe.readable(memory));
}

TEST_CASE("a reservation is aligned as asked and can be used to both ends") {
  for (const size_t alignment : {size_t{1}, size_t{4096}, size_t{1} << 16, size_t{2} << 20, size_t{64} << 20}) {
    const size_t size = os::page_size() * 3;
    auto reserved = os::reserve(size, alignment);
    REQUIRE(reserved.ok());
    CHECK(reinterpret_cast<uintptr_t>(reserved.value()) % alignment == 0);
    REQUIRE(os::commit(reserved.value(), size).ok());
    reserved.value()[0] = 1;
    reserved.value()[size - 1] = 1;
    CHECK(os::release(reserved.value(), size).ok());
  }
}

TEST_CASE("more than the machine has can be reserved, because nothing is behind it") {
  const size_t size = size_t{128} << 30;
  auto reserved = os::reserve(size, size_t{1} << 30);
  REQUIRE(reserved.ok());
  CHECK(os::release(reserved.value(), size).ok());
}

TEST_CASE("more than the address space holds is out of memory") {
  CHECK(os::reserve(size_t{1} << 62, 1).status().code() == Code::kOutOfMemory);
  CHECK(os::reserve(SIZE_MAX - os::page_size() + 1, size_t{1} << 21).status().code() == Code::kOutOfMemory);
}

TEST_CASE("a reservation gives its tail back, takes it again while nobody has it, and keeps its content") {
  const size_t page = os::page_size();
  const auto reserved = os::reserve(page * 64, 1);
  REQUIRE(reserved.ok());
  uint8_t* const memory = reserved.value();
  REQUIRE(os::commit(memory, page * 64).ok());
  memory[0] = 1;
  memory[page * 32] = 2;
  REQUIRE(os::resize(memory, page * 64, page * 16).ok());
  Probe probe;
  CHECK_FALSE(probe.readable(memory + page * 16));
  REQUIRE(os::resize(memory, page * 16, page * 48).ok());
  REQUIRE(os::commit(memory + page * 16, page * 32).ok());
  CHECK(memory[0] == 1);
  CHECK(memory[page * 32] == 0);
  // A stranger behind it.
  void* const behind = mmap(memory + page * 48, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  REQUIRE(behind == memory + page * 48);
  CHECK(os::resize(memory, page * 48, page * 49).code() == Code::kOutOfMemory);
  CHECK(os::resize(memory, page * 48, page * 48 + 1).code() == Code::kInvalidSize);
  CHECK(os::resize(memory + 1, page * 48, page).code() == Code::kInvalidAddress);
  CHECK(memory[0] == 1);
  CHECK(os::release(static_cast<uint8_t*>(behind), page).ok());
  CHECK(os::release(memory, page * 48).ok());
}

TEST_CASE("what is not whole pages is refused by every verb") {
  const size_t page = os::page_size();
  auto reserved = os::reserve(page * 2, 1);
  REQUIRE(reserved.ok());
  uint8_t* const memory = reserved.value();
  CHECK(os::reserve(0, 1).status().code() == Code::kInvalidSize);
  CHECK(os::reserve(page + 1, 1).status().code() == Code::kInvalidSize);
  CHECK(os::reserve(page, 0).status().code() == Code::kInvalidAlignment);
  CHECK(os::reserve(page, 3).status().code() == Code::kInvalidAlignment);
  for (const auto verb : {os::commit, os::decommit, os::release}) {
    CHECK(verb(memory + 1, page).code() == Code::kInvalidAddress);
    CHECK(verb(nullptr, page).code() == Code::kInvalidAddress);
    CHECK(verb(memory, page - 1).code() == Code::kInvalidSize);
    CHECK(verb(memory, 0).code() == Code::kInvalidSize);
  }
  CHECK(os::protect(memory + 1, page, os::Access::kRead).code() == Code::kInvalidAddress);
  CHECK(os::protect(memory, 5, os::Access::kRead).code() == Code::kInvalidSize);
  CHECK(os::release(memory, page * 2).ok());
}

TEST_CASE("huge page sizes come in order from the system's directory") {
  TemporaryDirectory sys;
  sys.write("kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", "0");
  sys.write("kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "0");
  sys.write("kernel/mm/hugepages/hugepages-64kB/nr_hugepages", "0");
  sys.write("kernel/mm/hugepages/hugepages-3kB/nr_hugepages", "0");
  sys.write("kernel/mm/hugepages/hugepages-2048kBx/nr_hugepages", "0");
  sys.write("kernel/mm/hugepages/other", "0");
  const auto sizes = os::huge_page_sizes(sys.path().c_str());
  REQUIRE(sizes.ok());
  REQUIRE(sizes.value().size() == 3);
  CHECK(sizes.value()[0] == size_t{64} << 10);
  CHECK(sizes.value()[1] == size_t{2} << 20);
  CHECK(sizes.value()[2] == size_t{1} << 30);
}

TEST_CASE("a system without huge pages has none, and the real one can be asked") {
  TemporaryDirectory sys;
  const auto none = os::huge_page_sizes(sys.path().c_str());
  REQUIRE(none.ok());
  CHECK(none.value().empty());
  const auto real = os::huge_page_sizes();
  REQUIRE(real.ok());
  for (const size_t size : real.value().span()) CHECK(size > os::page_size());
  CHECK(os::huge_page_sizes(std::string(1000, 'x').c_str()).status().code() == Code::kInvalidArgument);
}

TEST_CASE("memory that is not there can be copied from, which is an error") {
  const size_t page = os::page_size();
  const auto source = os::reserve(4 * page, page);
  REQUIRE(source.ok());
  REQUIRE(os::commit(source.value(), 3 * page).ok());
  for (size_t i = 0; i < 3 * page; ++i) source.value()[i] = static_cast<uint8_t>(i * 7);
  std::vector<uint8_t> into(4 * page);
  const auto status = os::copy_foreign(into.data(), source.value() + 5, 3 * page - 5);
  if (status.code() != Code::kUnsupported) {
    REQUIRE(status.ok());
    CHECK(std::equal(into.begin(), into.begin() + static_cast<ptrdiff_t>(3 * page - 5), source.value() + 5));
    CHECK(os::copy_foreign(into.data(), source.value() + 5, 3 * page).system_error() == EFAULT);
  }
  CHECK(os::copy_foreign(into.data(), source.value(), 0).ok());
  CHECK(os::release(source.value(), 4 * page).ok());
}

TEST_CASE(
    "many ranges of memory that is somebody else's are put one after the other, or are a fault that can be told") {
  if (!os::copies_foreign()) return;
  const size_t page = os::page_size();
  const auto source = os::reserve(4 * page, 1);
  REQUIRE(source.ok());
  REQUIRE(os::commit(source.value(), 3 * page).ok());
  for (size_t i = 0; i < 3 * page; ++i) source.value()[i] = static_cast<uint8_t>(i * 31 + i / 256);
  // More than one call takes, of all lengths.
  std::vector<base::ConstBytes> runs;
  std::vector<uint8_t> wanted;
  for (size_t i = 0; i < 2000; ++i) {
    const size_t from = i * 977 % (2 * page);
    runs.emplace_back(source.value() + from, 1 + i % 90);
    wanted.insert(wanted.end(), runs.back().begin(), runs.back().end());
  }
  std::vector<uint8_t> into(wanted.size());
  REQUIRE(os::copy_foreign(into.data(), runs).ok());
  CHECK(into == wanted);
  CHECK(os::copy_foreign(nullptr, std::span<const base::ConstBytes>()).ok());
  // A run that begins in memory and ends outside; and one that is outside.
  runs[1999] = {source.value() + 3 * page - 10, 20};
  into.resize(wanted.size() + 100);
  CHECK(os::copy_foreign(into.data(), runs).system_error() == EFAULT);
  runs[3] = {source.value() + 3 * page, 20};
  CHECK(os::copy_foreign(into.data(), runs).system_error() == EFAULT);
  CHECK(os::release(source.value(), 4 * page).ok());
}
