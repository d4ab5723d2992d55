#include "pipeline/file_sink.h"

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "temporary_directory.h"

using namespace freestone;
using base::Code;
using pipeline::Executor;
using pipeline::FileSink;
using pipeline::Task;
using pipeline::Worker;

namespace {

/// Closes a sink, and says when it has.
struct CloseTask : Task {
  explicit CloseTask(FileSink& sink) : sink(sink) {}
  void run(Worker&) noexcept override {
    status = sink.finish_close();
    done.store(true, std::memory_order_release);  // pairs with the acquire in `wait`
  }
  void wait() const {
    while (!done.load(std::memory_order_acquire)) std::this_thread::yield();
  }
  FileSink& sink;
  base::Status status;
  std::atomic<bool> done{false};
};

base::Ref<FileSink> open(const char* path) {
  auto sink = FileSink::open(path, os::OpenMode::kOverwrite);
  REQUIRE(sink.ok());
  return sink.take();
}

}  // namespace

TEST_CASE("a sink remembers its path and lends its file") {
  TemporaryDirectory directory;
  const std::string path = directory / "a";
  const auto sink = open(path.c_str());
  CHECK(sink->path() == path);
  const auto lease = sink->lease();
  REQUIRE(lease.ok());
  CHECK(lease.value().file().size().value() == 0);
}

TEST_CASE("a sink that cannot be opened says why") {
  CHECK(FileSink::open("/nonexistent/a", os::OpenMode::kCreate).status().code() == Code::kSystem);
}

TEST_CASE("a close waits for every lease before it and refuses every one after it") {
  TemporaryDirectory directory;
  Executor executor;
  REQUIRE(executor.start(2).ok());
  const auto sink = open(directory / "a");
  auto first = sink->lease().take();
  auto second = sink->lease().take();
  CloseTask close(*sink);
  REQUIRE(sink->begin_close(executor, close));
  CHECK(sink->lease().status().code() == Code::kClosed);
  CloseTask again(*sink);
  CHECK_FALSE(sink->begin_close(executor, again));
  first.reset();
  std::this_thread::yield();
  CHECK_FALSE(close.done.load());
  CHECK(second.file().is_open());
  second.reset();
  close.wait();
  CHECK(close.status.ok());
  CHECK_FALSE(sink->begin_close(executor, again));
}

TEST_CASE("a close without leases happens at once and gives the lock back") {
  TemporaryDirectory directory;
  Executor executor;
  REQUIRE(executor.start(1).ok());
  const auto sink = open(directory / "a");
  CHECK(FileSink::open(directory / "a", os::OpenMode::kReadWrite).status().code() == Code::kFileLocked);
  CloseTask close(*sink);
  REQUIRE(sink->begin_close(executor, close));
  close.wait();
  CHECK(FileSink::open(directory / "a", os::OpenMode::kReadWrite).ok());
}

TEST_CASE("a sink that nobody closed is closed with its last holder") {
  TemporaryDirectory directory;
  auto sink = open(directory / "a");
  auto lease = sink->lease().take();
  sink = {};
  CHECK(FileSink::open(directory / "a", os::OpenMode::kReadWrite).status().code() == Code::kFileLocked);
  lease.reset();
  CHECK(FileSink::open(directory / "a", os::OpenMode::kReadWrite).ok());
}

TEST_CASE("threads that lease while another closes get the open file or kClosed") {
  TemporaryDirectory directory;
  Executor executor;
  REQUIRE(executor.start(2).ok());
  for (int round = 0; round < 50; ++round) {
    const auto sink = open(directory / "a");
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (;;) {
          const auto lease = sink->lease();
          if (!lease.ok()) {
            if (lease.status().code() != Code::kClosed) wrong.fetch_add(1, std::memory_order_relaxed);
            return;
          }
          if (!lease.value().file().is_open()) wrong.fetch_add(1, std::memory_order_relaxed);
        }
      });
    }
    CloseTask close(*sink);
    CHECK(sink->begin_close(executor, close));
    close.wait();
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong.load() == 0);
  }
}
