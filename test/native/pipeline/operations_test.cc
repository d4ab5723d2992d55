#include "pipeline/operations.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "pipeline/operation_helpers.h"
#include "random_bytes.h"
#include "temporary_directory.h"

using namespace freestone;
using base::Code;
using base::Ref;
using base::Status;
using filespace::FileSpace;
using namespace pipeline;

namespace {

Ref<FileSpace> space_from(uint64_t offset, uint64_t limit = base::kMaxAddress) {
  auto space = FileSpace::make({.initial_offset = offset, .limit = limit});
  REQUIRE(space.ok());
  return space.take();
}

}  // namespace

TEST_CASE("chunks that workers store at once do not overlap and load as they were") {
  TemporaryDirectory directory;
  const auto sink = open(directory / "a");
  const auto space = space_from(100);
  const auto chain = filters({2, 1, 8, 1, 1, 4, 3, 0});
  std::vector<std::vector<uint8_t>> chunks;
  std::vector<std::unique_ptr<Run<StoreChunk>>> stores;
  for (uint32_t i = 0; i < 64; ++i) {
    chunks.push_back(random_bytes(10'007 + i, i, i % 2 == 0 ? Kind::kNoise : Kind::kRuns));
    stores.push_back(std::make_unique<Run<StoreChunk>>(
        StoreChunk{.file = sink->lease().take(), .space = space, .filters = chain, .chunk = chunks.back()}));
  }
  Executor executor;
  REQUIRE(executor.start(4).ok());
  for (auto& store : stores) executor.submit(*store);
  executor.stop();
  uint64_t total = 0;
  for (auto& store : stores) {
    REQUIRE(store->status.ok());
    CHECK(store->operation.filter_mask == 0);
    total += store->operation.stored_size;
  }
  CHECK(space->validate_no_overlaps().ok());
  CHECK(space->end_of_file() == 100 + total);

  std::vector<std::vector<uint8_t>> back(chunks.size());
  std::vector<std::unique_ptr<Run<LoadChunk>>> loads;
  for (size_t i = 0; i < chunks.size(); ++i) {
    back[i].resize(chunks[i].size());
    loads.push_back(std::make_unique<Run<LoadChunk>>(LoadChunk{.file = sink->lease().take(),
                                                               .filters = chain,
                                                               .address = stores[i]->operation.address,
                                                               .stored_size = stores[i]->operation.stored_size,
                                                               .into = back[i]}));
  }
  REQUIRE(executor.start(4).ok());
  for (auto& load : loads) executor.submit(*load);
  executor.stop();
  for (size_t i = 0; i < chunks.size(); ++i) {
    REQUIRE(loads[i]->status.ok());
    REQUIRE(back[i] == chunks[i]);
  }
}

TEST_CASE("a chunk without filters is written and read as it is") {
  TemporaryDirectory directory;
  const auto sink = open(directory / "a");
  const auto chain = filters({});
  const auto chunk = pattern(1000);
  Worker worker;
  StoreChunk store{.file = sink->lease().take(), .space = space_from(8), .filters = chain, .chunk = chunk};
  REQUIRE(store.run(worker).ok());
  CHECK(store.address == 8);
  CHECK(store.stored_size == 1000);
  std::vector<uint8_t> back(1000);
  LoadChunk load{.file = sink->lease().take(), .filters = chain, .address = 8, .stored_size = 1000, .into = back};
  REQUIRE(load.run(worker).ok());
  CHECK(back == chunk);
  load.stored_size = 999;
  CHECK(load.run(worker).code() == Code::kCorruptFile);
}

TEST_CASE("a chunk that cannot be written is an error with errno, and one that cannot be encoded takes no space") {
  TemporaryDirectory directory;
  Worker worker;
  const auto chunk = pattern(1000);
  const auto space = space_from(0);
  SUBCASE("a full device") {
    auto full = FileSink::open("/dev/full", os::OpenMode::kReadWrite);
    if (!full.ok()) return;  // a container may not have the device
    StoreChunk store{
        .file = full.value()->lease().take(), .space = space, .filters = filters({1, 1, 6}), .chunk = chunk};
    const Status status = store.run(worker);
    CHECK(status.system_error() == ENOSPC);
    CHECK(std::string(status.operation()) == "write");
  }
  SUBCASE("a file to read") {
    directory.write("a", "x");
    const auto sink = open(directory / "a", os::OpenMode::kRead);
    StoreChunk store{.file = sink->lease().take(), .space = space, .filters = filters({}), .chunk = chunk};
    CHECK(store.run(worker).code() == Code::kReadOnly);
    CHECK(space->end_of_file() == 0);
  }
  SUBCASE("an empty chunk") {
    const auto sink = open(directory / "a");
    StoreChunk store{.file = sink->lease().take(), .space = space, .filters = filters({}), .chunk = {}};
    CHECK(store.run(worker).code() == Code::kInvalidSize);
    CHECK(space->end_of_file() == 0);
  }
  SUBCASE("a space that is full") {
    const auto sink = open(directory / "a");
    StoreChunk store{.file = sink->lease().take(), .space = space_from(0, 999), .filters = filters({}), .chunk = chunk};
    CHECK(store.run(worker).code() == Code::kLimitExceeded);
    CHECK(sink->lease().take().file().size().value() == 0);
  }
}

TEST_CASE("a chunk whose place the file does not have is corrupt, whatever size it claims") {
  TemporaryDirectory directory;
  directory.write("a", std::string(100, 'x'));
  const auto sink = open(directory / "a", os::OpenMode::kRead);
  Worker worker;
  std::vector<uint8_t> into(10);
  const auto load = [&](uint64_t address, uint64_t size) {
    LoadChunk operation{.file = sink->lease().take(),
                        .filters = filters({1, 1, 6}),
                        .address = address,
                        .stored_size = size,
                        .into = into};
    return operation.run(worker).code();
  };
  CHECK(load(0, 101) == Code::kCorruptFile);
  CHECK(load(101, 0) == Code::kCorruptFile);
  CHECK(load(99, 2) == Code::kCorruptFile);
  CHECK(load(UINT64_MAX, 1) == Code::kCorruptFile);
  CHECK(load(0, UINT64_MAX) == Code::kCorruptFile);
  CHECK(load(0, UINT32_MAX) == Code::kCorruptFile);
  CHECK(load(0, 100) == Code::kCorruptFile);
  CHECK(load(100, 0) == Code::kCorruptFile);
}

TEST_CASE("plain reads and writes are whole or an error") {
  TemporaryDirectory directory;
  const auto sink = open(directory / "a");
  Worker worker;
  const auto data = pattern(100);
  CHECK(Write{.file = sink->lease().take(), .address = 50, .data = data}.run(worker).ok());
  std::vector<uint8_t> back(100);
  CHECK(Read{.file = sink->lease().take(), .address = 50, .into = back}.run(worker).ok());
  CHECK(back == data);
  CHECK(Read{.file = sink->lease().take(), .address = 51, .into = back}.run(worker).code() == Code::kCorruptFile);
  CHECK(Truncate{.file = sink->lease().take(), .size = 20}.run(worker).ok());
  CHECK(sink->lease().take().file().size().value() == 20);
  CHECK(Sync{.file = sink->lease().take()}.run(worker).ok());
}

TEST_CASE("a closed file is closed for good") {
  TemporaryDirectory directory;
  const auto sink = open(directory / "a");
  Executor executor;
  REQUIRE(executor.start(1).ok());
  Run<Close> close(Close{.file = sink});
  REQUIRE(sink->begin_close(executor, close));
  executor.stop();
  CHECK(close.status.ok());
  CHECK(sink->lease().status().code() == Code::kClosed);
}
