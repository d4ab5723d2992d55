#ifdef __linux__
#include "pipeline/direct_writer.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <string>
#include <thread>
#include <vector>

#include "pipeline/file_sink.h"
#include "pipeline/write_hook.h"
#include "random_bytes.h"
#include "temporary_directory.h"

using namespace freestone;
using base::Code;
using pipeline::DirectWriter;
using pipeline::FileSink;

namespace {

constexpr size_t kMib = size_t{1} << 20;

/// What the system says to calls from here on, in place of doing them.
struct Faults {
  /// The n-th pwrite from now on fails with `error`, or with 0 writes a part only. -1: none.
  std::atomic<int> pwrite_in{-1};
  std::atomic<int> error{0};
  /// Every pwrite to a descriptor that is open for direct writes fails with EINVAL.
  std::atomic<bool> refuse_direct{false};
  /// Every fallocate fails with this. 0: none.
  std::atomic<int> fallocate{0};
  /// How many there were.
  std::atomic<int> direct_writes{0};
  std::atomic<int> fallocates{0};
};
Faults faults;

[[nodiscard]] bool is_direct(int descriptor) { return (fcntl(descriptor, F_GETFL) & O_DIRECT) != 0; }

ssize_t faulty_write(int descriptor, const void* data, size_t size, off_t address) {
  if (is_direct(descriptor)) {
    ++faults.direct_writes;
    if (faults.refuse_direct) {
      errno = EINVAL;
      return -1;
    }
  }
  if (faults.pwrite_in >= 0 && faults.pwrite_in-- == 0) {
    if (faults.error != 0) {
      errno = faults.error;
      return -1;
    }
    // Direct writes that are short end where a block of the device does.
    size = is_direct(descriptor) ? size / 2 / os::kDirectAlignment * os::kDirectAlignment : size / 2;
  }
  return syscall(SYS_pwrite64, descriptor, data, size, address);
}

/// Faults, for as long as this lives.
struct FaultsEnd {
  FaultsEnd() { write_hook = faulty_write; }
  ~FaultsEnd() {
    write_hook = nullptr;
    faults.pwrite_in = -1;
    faults.error = 0;
    faults.refuse_direct = false;
    faults.fallocate = 0;
    faults.direct_writes = 0;
    faults.fallocates = 0;
  }
};

base::Ref<FileSink> open_sink(const char* path, bool direct) {
  auto sink = FileSink::open(path, os::OpenMode::kOverwrite, direct);
  REQUIRE(sink.ok());
  return sink.take();
}

/// Bytes that the file takes of its file system.
[[nodiscard]] uint64_t space_of(const char* path) {
  struct stat info;
  REQUIRE(stat(path, &info) == 0);
  return static_cast<uint64_t>(info.st_blocks) * 512;
}

std::vector<uint8_t> bytes_of(const TemporaryDirectory& directory, const std::string& name) {
  const std::string text = directory.read(name);
  return {text.begin(), text.end()};
}

}  // namespace

/// In place of the C library's.
extern "C" int fallocate(int descriptor, int mode, off_t address, off_t size) {
  ++faults.fallocates;
  if (faults.fallocate != 0) {
    errno = faults.fallocate;
    return -1;
  }
  return static_cast<int>(syscall(SYS_fallocate, descriptor, mode, address, size));
}

TEST_CASE("direct writes at any address and of any size are what the file has") {
  const FaultsEnd end;
  TemporaryDirectory directory;
  const auto sink = open_sink(directory / "a", true);
  const auto lease = sink->lease().take();
  std::vector<uint8_t> expected;
  const auto data = random_bytes(5 * kMib + 12'345, 1);
  for (const size_t address : {size_t{48}, size_t{4096} * 700 + 1, 8 * kMib, 20 * kMib - 7}) {
    for (const size_t size : {data.size(), 2 * kMib, kMib + 1, kMib, kMib - 1, size_t{5}}) {
      for (const size_t offset : {size_t{0}, size_t{1}}) {
        if (offset + size > data.size()) continue;
        REQUIRE(lease.write(address, {data.data() + offset, size}).ok());
        if (expected.size() < address + size) expected.resize(address + size);
        std::copy_n(data.begin() + static_cast<ptrdiff_t>(offset), size,
                    expected.begin() + static_cast<ptrdiff_t>(address));
      }
    }
  }
  std::vector<uint8_t> back(expected.size());
  CHECK(lease.file().read_at(0, back).value() == back.size());
  CHECK(back == expected);
  CHECK(lease.file().size().value() == expected.size());
}

TEST_CASE("memory that is aligned goes to the file without a copy, other memory by way of a buffer") {
  const FaultsEnd end;
  TemporaryDirectory directory;
  auto opened = os::File::open(directory / "a", os::OpenMode::kCreate);
  REQUIRE(opened.ok());
  const os::File file = opened.take();
  DirectWriter writer;
  REQUIRE(writer.open(file).ok());
  const auto data = random_bytes(4 * kMib + 2 * os::kDirectAlignment, 2);
  const size_t aligned = os::kDirectAlignment - reinterpret_cast<uintptr_t>(data.data()) % os::kDirectAlignment;
  REQUIRE(writer.write(file, 0, {data.data() + aligned, 4 * kMib}).ok());
  CHECK(faults.direct_writes == 1);
  REQUIRE(writer.write(file, 4 * kMib, {data.data() + aligned + 1, 4 * kMib}).ok());
  CHECK(faults.direct_writes == 1 + 4);
  std::vector<uint8_t> back(8 * kMib);
  CHECK(file.read_at(0, back).value() == back.size());
  CHECK(std::equal(back.begin(), back.begin() + 4 * kMib, data.begin() + static_cast<ptrdiff_t>(aligned)));
  CHECK(std::equal(back.begin() + 4 * kMib, back.end(), data.begin() + static_cast<ptrdiff_t>(aligned) + 1));
  CHECK(writer.close().ok());
  CHECK_FALSE(writer.takes(4 * kMib));
}

TEST_CASE("memory that is taken away during a direct write is an error and not the end of the process") {
  const FaultsEnd end;
  TemporaryDirectory directory;
  const auto sink = open_sink(directory / "a", true);
  const auto lease = sink->lease().take();
  const size_t size = 2 * kMib;
  auto memory = os::reserve(size, os::page_size());
  REQUIRE(memory.ok());
  REQUIRE(os::commit(memory.value(), size).ok());
  REQUIRE(lease.write(0, {memory.value() + 1, size - 1}).ok());
  REQUIRE(os::decommit(memory.value(), size).ok());
  CHECK(lease.write(0, {memory.value() + 1, size - 1}).system_error() == EFAULT);
  CHECK(lease.write(0, {memory.value(), size}).system_error() == EFAULT);
  CHECK(os::release(memory.value(), size).ok());
}

TEST_CASE("where the file system refuses direct writes the page cache takes them, once and for all") {
  const FaultsEnd end;
  faults.refuse_direct = true;
  TemporaryDirectory directory;
  const auto sink = open_sink(directory / "a", true);
  const auto lease = sink->lease().take();
  const auto data = random_bytes(3 * kMib, 3);
  REQUIRE(lease.write(100, data).ok());
  CHECK(faults.direct_writes == 1);
  REQUIRE(lease.write(100 + data.size(), data).ok());
  CHECK(faults.direct_writes == 1);
  std::vector<uint8_t> back(data.size());
  for (const uint64_t address : {uint64_t{100}, 100 + data.size()}) {
    CHECK(lease.file().read_at(address, back).value() == back.size());
    CHECK(back == data);
  }
}

TEST_CASE("direct writes and those of neighbours through the page cache, at once, all arrive") {
  const FaultsEnd end;
  TemporaryDirectory directory;
  const auto sink = open_sink(directory / "a", true);
  // Pieces of odd sizes next to each other, so that every second page at a seam is shared by two of them.
  constexpr size_t kPieces = 24;
  std::vector<std::vector<uint8_t>> pieces;
  std::vector<uint64_t> addresses;
  uint64_t at = 123;
  for (uint32_t i = 0; i < kPieces; ++i) {
    pieces.push_back(random_bytes(i % 2 == 0 ? kMib + 777 * i : 3'001 + i, i));
    addresses.push_back(at);
    at += pieces.back().size();
  }
  std::atomic<size_t> next{0};
  std::atomic<int> failed{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto lease = sink->lease().take();
      for (size_t piece = next++; piece < kPieces; piece = next++) {
        if (!lease.write(addresses[piece], pieces[piece]).ok()) ++failed;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(failed == 0);
  const auto lease = sink->lease().take();
  for (size_t piece = 0; piece < kPieces; ++piece) {
    std::vector<uint8_t> back(pieces[piece].size());
    CHECK(lease.file().read_at(addresses[piece], back).value() == back.size());
    CHECK(back == pieces[piece]);
  }
}

TEST_CASE("whichever write fails, directly or not, says so, and short ones and interrupted ones go on") {
  for (const bool direct : {false, true}) {
    for (const int error : {0, EINTR, EIO, ENOSPC, EDQUOT}) {
      for (int call = 0; call < 8; ++call) {
        const FaultsEnd end;
        TemporaryDirectory directory;
        const auto sink = open_sink(directory / "a", direct);
        const auto lease = sink->lease().take();
        const auto data = random_bytes(2 * kMib + 99, 4);
        faults.error = error;
        faults.pwrite_in = call;
        const auto status = lease.write(31, data);
        const bool met = faults.pwrite_in < 0;
        if (!met || error == 0 || error == EINTR) {
          REQUIRE(status.ok());
          std::vector<uint8_t> back(data.size());
          CHECK(lease.file().read_at(31, back).value() == back.size());
          CHECK(back == data);
        } else {
          CHECK(status.system_error() == error);
        }
      }
    }
  }
}

TEST_CASE("a file that grows gets space ahead, is never longer for it, and gives it back at the close") {
  const FaultsEnd end;
  TemporaryDirectory directory;
  const auto data = random_bytes(kMib, 5);
  {
    const auto sink = open_sink(directory / "a", false);
    const auto lease = sink->lease().take();
    for (uint64_t i = 0; i < 32; ++i) {
      REQUIRE(lease.write(i * kMib, data).ok());
      CHECK(lease.file().size().value() == (i + 1) * kMib);
    }
    CHECK(faults.fallocates >= 2);
    CHECK(faults.fallocates <= 4);
    if (faults.fallocates > 0) CHECK(space_of(directory / "a") > 32 * kMib);
  }
  CHECK(space_of(directory / "a") <= 32 * kMib + 65'536);
  CHECK(bytes_of(directory, "a").size() == 32 * kMib);
}

TEST_CASE("a file with holes gets no space for them") {
  const FaultsEnd end;
  TemporaryDirectory directory;
  const auto sink = open_sink(directory / "a", false);
  const auto lease = sink->lease().take();
  const auto data = random_bytes(100'000, 6);
  for (uint64_t i = 1; i < 10; ++i) REQUIRE(lease.write(i * 64 * kMib, data).ok());
  CHECK(faults.fallocates == 0);
}

TEST_CASE("space ahead that is refused is not asked for again, and the writes go on") {
  for (const int error : {EOPNOTSUPP, ENOSPC, EIO}) {
    const FaultsEnd end;
    faults.fallocate = error;
    TemporaryDirectory directory;
    const auto sink = open_sink(directory / "a", false);
    const auto lease = sink->lease().take();
    const auto data = random_bytes(kMib, 7);
    for (uint64_t i = 0; i < 40; ++i) REQUIRE(lease.write(i * kMib, data).ok());
    CHECK(faults.fallocates == 1);
    CHECK(lease.file().size().value() == 40 * kMib);
  }
}

TEST_CASE("space that is reserved is there before the first byte, and a full disk is known then") {
  const FaultsEnd end;
  TemporaryDirectory directory;
  {
    const auto sink = open_sink(directory / "a", false);
    const auto lease = sink->lease().take();
    REQUIRE(lease.reserve(100, 16 * kMib).ok());
    CHECK(lease.file().size().value() == 0);
    CHECK(space_of(directory / "a") >= 16 * kMib);
    faults.fallocate = ENOSPC;
    CHECK(lease.reserve(16 * kMib, 16 * kMib).system_error() == ENOSPC);
    faults.fallocate = EOPNOTSUPP;
    CHECK(lease.reserve(16 * kMib, 16 * kMib).ok());
    CHECK(lease.reserve(0, 0).ok());
  }
  CHECK(space_of(directory / "a") == 0);
  const auto reader = FileSink::open(directory / "a", os::OpenMode::kRead).take();
  const int before = faults.fallocates;
  CHECK(reader->lease().take().reserve(0, 100).code() == Code::kReadOnly);
  CHECK(faults.fallocates == before);
}

TEST_CASE("a truncation ends what was taken behind it") {
  const FaultsEnd end;
  TemporaryDirectory directory;
  const auto sink = open_sink(directory / "a", false);
  const auto lease = sink->lease().take();
  const auto data = random_bytes(kMib, 8);
  for (uint64_t i = 0; i < 12; ++i) REQUIRE(lease.write(i * kMib, data).ok());
  REQUIRE(lease.truncate(5 * kMib).ok());
  CHECK(lease.file().size().value() == 5 * kMib);
  CHECK(space_of(directory / "a") <= 5 * kMib + 65'536);
  for (uint64_t i = 5; i < 12; ++i) REQUIRE(lease.write(i * kMib, data).ok());
  CHECK(lease.file().size().value() == 12 * kMib);
}

TEST_CASE("a close can cut the file, after all that is under way") {
  const FaultsEnd end;
  TemporaryDirectory directory;
  const auto data = random_bytes(kMib, 9);
  for (const uint64_t most : {uint64_t{0}, uint64_t{1000}, kMib, 2 * kMib}) {
    const auto sink = open_sink(directory / "a", false);
    REQUIRE(sink->lease().take().write(0, data).ok());
    CHECK(sink->finish_close(most).ok());
    CHECK(bytes_of(directory, "a").size() == std::min<uint64_t>(most, kMib));
  }
}
#endif
