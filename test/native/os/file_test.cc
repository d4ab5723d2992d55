#include "os/file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "random_bytes.h"
#include "temporary_directory.h"

using namespace freestone;
using base::Code;
using os::File;
using os::OpenMode;

namespace {

/// What the next calls of flock fail with, in order; none left, and the system is asked.
std::vector<int> flock_errors;

base::ConstBytes text(const char* characters) {
  return {reinterpret_cast<const uint8_t*>(characters), std::char_traits<char>::length(characters)};
}

std::string read_text(const File& file, uint64_t address, size_t size) {
  std::vector<uint8_t> bytes(size);
  const auto got = file.read_at(address, bytes);
  REQUIRE(got.ok());
  return {bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(got.value())};
}

/// What opening says, the file being closed again at once.
Code open_code(const char* path, OpenMode mode) { return File::open(path, mode).status().code(); }

}  // namespace

/// In place of the C library's, so that a test can be on a file system that has no locks.
extern "C" int flock(int descriptor, int operation) noexcept {
  if (!flock_errors.empty()) {
    errno = flock_errors.front();
    flock_errors.erase(flock_errors.begin());
    return -1;
  }
  return static_cast<int>(syscall(SYS_flock, descriptor, operation));
}

TEST_CASE("what is written can be read, at any address, up to the end of the file") {
  TemporaryDirectory directory;
  auto opened = File::open(directory / "a", OpenMode::kCreate);
  REQUIRE(opened.ok());
  File file = opened.take();
  CHECK(file.writable());
  REQUIRE(file.write_at(5, text("hello")).ok());
  REQUIRE(file.write_at(0, text("01234")).ok());
  CHECK(file.size().value() == 10);
  CHECK(read_text(file, 3, 4) == "34he");
  CHECK(read_text(file, 8, 100) == "lo");
  CHECK(read_text(file, 1000, 10).empty());
  REQUIRE(file.truncate(7).ok());
  CHECK(file.size().value() == 7);
  REQUIRE(file.truncate(9).ok());
  CHECK(read_text(file, 5, 10) == std::string("he\0\0", 4));
  CHECK(file.sync().ok());
  CHECK(file.close().ok());
}

TEST_CASE("what is in the page cache can be read without waiting, and no more than there is") {
  TemporaryDirectory directory;
  File file = File::open(directory / "a", OpenMode::kCreate).take();
  REQUIRE(file.write_at(0, text("0123456789")).ok());
  std::vector<uint8_t> bytes(100);
  const auto got = file.read_cached(2, bytes);
  REQUIRE(got.ok());
  // Just written; where the system cannot say what is in memory, nothing.
  if (got.value() != 0) {
    CHECK(got.value() == 8);
    CHECK(std::string(bytes.begin(), bytes.begin() + 8) == "23456789");
  }
  CHECK(file.read_cached(50, bytes).value() == 0);
  CHECK(file.read_cached(UINT64_MAX, bytes).status().code() == Code::kInvalidArgument);
}

TEST_CASE("every call on a closed file says so") {
  TemporaryDirectory directory;
  auto opened = File::open(directory / "a", OpenMode::kCreate);
  REQUIRE(opened.ok());
  File file = opened.take();
  REQUIRE(file.close().ok());
  uint8_t byte = 0;
  CHECK(file.close().code() == Code::kClosed);
  CHECK(file.read_at(0, {&byte, 1}).status().code() == Code::kClosed);
  CHECK(file.write_at(0, {&byte, 1}).code() == Code::kClosed);
  CHECK(file.size().status().code() == Code::kClosed);
  CHECK(file.truncate(0).code() == Code::kClosed);
  CHECK(file.sync().code() == Code::kClosed);
  CHECK(file.read_cached(0, {&byte, 1}).status().code() == Code::kClosed);
  CHECK(file.preallocate(0, 1).code() == Code::kClosed);
  CHECK(file.open_direct().status().code() == Code::kClosed);
}

TEST_CASE("a file that is opened to read cannot be changed") {
  TemporaryDirectory directory;
  directory.write("a", "content");
  auto opened = File::open(directory / "a", OpenMode::kRead);
  REQUIRE(opened.ok());
  CHECK(opened.value().write_at(0, text("x")).code() == Code::kReadOnly);
  CHECK(opened.value().truncate(0).code() == Code::kReadOnly);
  CHECK(opened.value().preallocate(0, 1).code() == Code::kReadOnly);
  CHECK(opened.value().open_direct().status().code() == Code::kReadOnly);
  CHECK(opened.value().sync().ok());
  CHECK(directory.read("a") == "content");
}

TEST_CASE("each mode opens what it says and nothing else") {
  TemporaryDirectory directory;
  directory.write("old", "content");
  CHECK(open_code(directory / "new", OpenMode::kRead) == Code::kSystem);
  CHECK(open_code(directory / "new", OpenMode::kReadWrite) == Code::kSystem);
  CHECK_FALSE(directory.has("new"));
  CHECK(open_code(directory / "old", OpenMode::kCreate) == Code::kExists);
  CHECK(open_code(directory / "old", OpenMode::kReadWrite) == Code::kOk);
  CHECK(directory.read("old") == "content");
  CHECK(open_code(directory / "old", OpenMode::kOverwrite) == Code::kOk);
  CHECK(directory.read("old").empty());
  CHECK(open_code(directory / "new", OpenMode::kOverwrite) == Code::kOk);
  CHECK(directory.has("new"));
  CHECK(open_code(directory / "newer", OpenMode::kCreate) == Code::kOk);
  CHECK(directory.has("newer"));
}

TEST_CASE("a system error keeps its errno and names the call") {
  TemporaryDirectory directory;
  const auto missing = File::open(directory / "no/such", OpenMode::kCreate).status();
  CHECK(missing.system_error() == ENOENT);
  CHECK(std::string(missing.operation()) == "open");
  CHECK(File::open(directory.path().c_str(), OpenMode::kReadWrite).status().system_error() == EISDIR);
  CHECK(File::open(directory.path().c_str(), OpenMode::kOverwrite).status().system_error() == EISDIR);
  REQUIRE(symlink("/nonexistent/target", directory / "dangling") == 0);
  CHECK(open_code(directory / "dangling", OpenMode::kCreate) == Code::kExists);
  CHECK(File::open(directory / "dangling", OpenMode::kOverwrite).status().system_error() == ENOENT);
}

TEST_CASE("overwriting a symbolic link to nothing makes what it points to") {
  TemporaryDirectory directory;
  REQUIRE(symlink("target", directory / "link") == 0);
  CHECK(open_code(directory / "link", OpenMode::kOverwrite) == Code::kOk);
  CHECK(directory.has("target"));
}

TEST_CASE("opening a pipe does not wait for its other end") {
  TemporaryDirectory directory;
  REQUIRE(mkfifo(directory / "pipe", 0600) == 0);
  auto opened = File::open(directory / "pipe", OpenMode::kRead);
  REQUIRE(opened.ok());
  uint8_t byte;
  CHECK(opened.value().read_at(0, {&byte, 1}).status().system_error() == ESPIPE);
}

TEST_CASE("one writer or any number of readers have a file open") {
  TemporaryDirectory directory;
  directory.write("a", "content");
  const char* const path = directory / "a";
  {
    auto writer = File::open(path, OpenMode::kReadWrite);
    REQUIRE(writer.ok());
    CHECK(open_code(path, OpenMode::kReadWrite) == Code::kFileLocked);
    CHECK(open_code(path, OpenMode::kRead) == Code::kFileLocked);
    CHECK(open_code(path, OpenMode::kOverwrite) == Code::kFileLocked);
    CHECK(open_code(path, OpenMode::kCreate) == Code::kExists);
    CHECK(directory.read("a") == "content");  // a locked file is not truncated
  }
  auto reader = File::open(path, OpenMode::kRead);
  REQUIRE(reader.ok());
  CHECK(open_code(path, OpenMode::kRead) == Code::kOk);
  CHECK(open_code(path, OpenMode::kReadWrite) == Code::kFileLocked);
  CHECK(open_code(path, OpenMode::kOverwrite) == Code::kFileLocked);
  CHECK(directory.read("a") == "content");
  REQUIRE(reader.take().close().ok());
  CHECK(open_code(path, OpenMode::kReadWrite) == Code::kOk);
}

TEST_CASE("libhdf5's variable turns the lock off") {
  TemporaryDirectory directory;
  directory.write("a", "content");
  const char* const path = directory / "a";
  auto writer = File::open(path, OpenMode::kReadWrite);
  REQUIRE(writer.ok());
  for (const char* value : {"FALSE", "0"}) {
    setenv("HDF5_USE_FILE_LOCKING", value, 1);
    CHECK(open_code(path, OpenMode::kReadWrite) == Code::kOk);
  }
  for (const char* value : {"TRUE", "1", "BEST_EFFORT", ""}) {
    setenv("HDF5_USE_FILE_LOCKING", value, 1);
    CHECK(open_code(path, OpenMode::kReadWrite) == Code::kFileLocked);
  }
  unsetenv("HDF5_USE_FILE_LOCKING");
}

TEST_CASE("a file system without locks is used without one") {
  TemporaryDirectory directory;
  for (const int error : {ENOSYS, ENOTSUP, EOPNOTSUPP}) {
    flock_errors = {error};
    CHECK(open_code(directory / "a", OpenMode::kOverwrite) == Code::kOk);
  }
  flock_errors = {EINTR, EINTR};
  CHECK(open_code(directory / "a", OpenMode::kReadWrite) == Code::kOk);
  CHECK(flock_errors.empty());
}

TEST_CASE("a file that cannot be locked is as it was: gone if it is new, whole if it is not") {
  TemporaryDirectory directory;
  directory.write("old", "content");
  for (const int error : {ENOLCK, EWOULDBLOCK}) {
    const Code code = error == ENOLCK ? Code::kSystem : Code::kFileLocked;
    flock_errors = {error};
    CHECK(open_code(directory / "new", OpenMode::kCreate) == code);
    CHECK_FALSE(directory.has("new"));
    flock_errors = {error};
    CHECK(open_code(directory / "new", OpenMode::kOverwrite) == code);
    CHECK_FALSE(directory.has("new"));
    flock_errors = {error};
    CHECK(open_code(directory / "old", OpenMode::kOverwrite) == code);
    CHECK(directory.read("old") == "content");
  }
}

TEST_CASE("addresses beyond 2^63 - 1 are refused before the system is asked") {
  TemporaryDirectory directory;
  auto opened = File::open(directory / "a", OpenMode::kCreate);
  REQUIRE(opened.ok());
  uint8_t byte = 0;
  CHECK(opened.value().write_at(base::kMaxAddress, {&byte, 1}).code() == Code::kInvalidArgument);
  CHECK(opened.value().read_at(UINT64_MAX, {&byte, 1}).status().code() == Code::kInvalidArgument);
  CHECK(opened.value().truncate(base::kMaxAddress + 1).code() == Code::kInvalidSize);
  CHECK(opened.value().size().value() == 0);
}

TEST_CASE("a full device is an error with its errno") {
  auto opened = File::open("/dev/full", OpenMode::kReadWrite);
  if (!opened.ok()) return;  // a container may not have the device
  const base::Status status = opened.value().write_at(0, text("x"));
  CHECK(status.system_error() == ENOSPC);
  CHECK(std::string(status.operation()) == "write");
}

TEST_CASE("threads write and read one file at once") {
  TemporaryDirectory directory;
  auto opened = File::open(directory / "a", OpenMode::kCreate);
  REQUIRE(opened.ok());
  const File file = opened.take();
  std::vector<std::thread> threads;
  std::vector<int> good(8);
  for (uint32_t id = 0; id < 8; ++id) {
    threads.emplace_back([&, id] {
      const auto data = random_bytes(100'000, id);
      std::vector<uint8_t> back(data.size());
      if (!file.write_at(id * 100'000, data).ok()) return;
      const auto got = file.read_at(id * 100'000, back);
      good[id] = got.ok() && got.value() == data.size() && back == data;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const int one : good) CHECK(one == 1);
  CHECK(file.size().value() == 800'000);
}

TEST_CASE("a moved file is open where it went and closed once") {
  TemporaryDirectory directory;
  auto opened = File::open(directory / "a", OpenMode::kCreate);
  REQUIRE(opened.ok());
  File first = opened.take();
  File second = std::move(first);
  CHECK_FALSE(first.is_open());  // NOLINT: that is what is tested
  CHECK(second.is_open());
  CHECK(second.write_at(0, text("x")).ok());
}

TEST_CASE("a child process does not inherit the file") {
  TemporaryDirectory directory;
  auto opened = File::open(directory / "a", OpenMode::kCreate);
  REQUIRE(opened.ok());
  bool found = false;
  for (int descriptor = 3; descriptor < 64; ++descriptor) {
    char target[4096] = {};
    const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
    if (readlink(link.c_str(), target, sizeof(target) - 1) < 0 || std::string(target) != directory / "a") continue;
    found = true;
    CHECK((fcntl(descriptor, F_GETFD) & FD_CLOEXEC) != 0);
  }
  CHECK(found);
}
