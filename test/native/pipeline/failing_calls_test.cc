// The system's calls under the operations on a file: short, interrupted, refused. On Linux, whose own calls are behind.
#ifdef __linux__
#include <doctest/doctest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "pipeline/operation_helpers.h"
#include "pipeline/operations.h"
#include "pipeline/write_hook.h"
#include "random_bytes.h"
#include "temporary_directory.h"

using namespace freestone;
using base::Code;
using base::Ref;
using base::Status;
using filespace::FileSpace;
using namespace pipeline;

namespace {

enum class Call { kWrite, kRead, kTruncate, kSync };

/// What is to happen to calls of one kind: in each period of `answers` that many calls get the errors, or move at most
/// so many bytes.
struct Plan {
  struct Answer {
    int error = 0;
    size_t at_most = SIZE_MAX;
  };
  std::mutex mutex;
  Call call = Call::kWrite;
  std::vector<Answer> answers;
  bool repeats = false;
  size_t next = 0;
};

Plan plan;
/// Whether there is a plan at all; the calls of all other tests pass by.
std::atomic<bool> planned{false};

Plan::Answer answer_to(Call call) {
  if (!planned.load(std::memory_order_acquire)) return {};  // pairs with the release in `Planned`
  const std::lock_guard guard(plan.mutex);
  if (call != plan.call || (plan.next >= plan.answers.size() && !plan.repeats)) return {};
  return plan.answers[plan.next++ % plan.answers.size()];
}

/// The plan, for as long as this lives.
class Planned {
 public:
  Planned(Call call, std::vector<Plan::Answer> answers, bool repeats = false) {
    const std::lock_guard guard(plan.mutex);
    plan.call = call;
    plan.answers = std::move(answers);
    plan.repeats = repeats;
    plan.next = 0;
    planned.store(true, std::memory_order_release);
  }
  ~Planned() { planned.store(false, std::memory_order_release); }
  Planned(const Planned&) = delete;
  Planned& operator=(const Planned&) = delete;
};

template <typename Move>
ssize_t answered(Call call, size_t count, Move move) noexcept {
  const Plan::Answer answer = answer_to(call);
  if (answer.error != 0) {
    errno = answer.error;
    return -1;
  }
  return move(count < answer.at_most ? count : answer.at_most);
}

}  // namespace

std::atomic<WriteHook> write_hook{nullptr};

// In place of the C library's.
extern "C" ssize_t pwrite(int descriptor, const void* data, size_t count, off_t at) {
  if (const WriteHook hook = write_hook.load()) return hook(descriptor, data, count, at);
  return answered(Call::kWrite, count, [&](size_t size) noexcept {
    return static_cast<ssize_t>(syscall(SYS_pwrite64, descriptor, data, size, at));
  });
}
extern "C" ssize_t pread(int descriptor, void* into, size_t count, off_t at) {
  return answered(Call::kRead, count, [&](size_t size) noexcept {
    return static_cast<ssize_t>(syscall(SYS_pread64, descriptor, into, size, at));
  });
}
extern "C" int ftruncate(int descriptor, off_t size) noexcept {
  return static_cast<int>(answered(Call::kTruncate, 1, [&](size_t) noexcept {
    return static_cast<ssize_t>(syscall(SYS_ftruncate, descriptor, size));
  }));
}
extern "C" int fsync(int descriptor) {
  return static_cast<int>(
      answered(Call::kSync, 1, [&](size_t) noexcept { return static_cast<ssize_t>(syscall(SYS_fsync, descriptor)); }));
}

TEST_CASE("writes and reads that are short and interrupted are whole in the end") {
  TemporaryDirectory directory;
  const auto sink = open(directory / "a");
  Worker worker;
  const auto data = random_bytes(10'000, 1);
  const std::vector<Plan::Answer> answers{{.error = EINTR}, {.at_most = 1},    {.error = EINTR},
                                          {.error = EINTR}, {.at_most = 4095}, {.at_most = 7}};
  {
    const Planned interrupted(Call::kWrite, answers, true);
    REQUIRE(Write{.file = sink->lease().take(), .address = 11, .data = data}.run(worker).ok());
    CHECK(plan.next > answers.size());
  }
  std::vector<uint8_t> back(data.size());
  const Planned interrupted(Call::kRead, answers, true);
  REQUIRE(Read{.file = sink->lease().take(), .address = 11, .into = back}.run(worker).ok());
  CHECK(plan.next > answers.size());
  CHECK(back == data);
}

TEST_CASE(
    "a write or read that fails behind its beginning says why, and one that moves nothing does not go on for ever") {
  TemporaryDirectory directory;
  const auto sink = open(directory / "a");
  Worker worker;
  const auto data = random_bytes(1000, 2);
  REQUIRE(Write{.file = sink->lease().take(), .address = 0, .data = data}.run(worker).ok());
  std::vector<uint8_t> back(1000);
  for (const int error : {EIO, ENOSPC, EDQUOT, EFBIG}) {
    const Planned cut(Call::kWrite, {{.at_most = 500}, {.error = error}});
    const Status status = Write{.file = sink->lease().take(), .address = 0, .data = data}.run(worker);
    CHECK(status.code() == Code::kSystem);
    CHECK(status.system_error() == error);
    CHECK(std::string(status.operation()) == "write");
  }
  {
    const Planned cut(Call::kRead, {{.at_most = 500}, {.error = EIO}});
    const Status status = Read{.file = sink->lease().take(), .address = 0, .into = back}.run(worker);
    CHECK(status.system_error() == EIO);
    CHECK(std::string(status.operation()) == "read");
  }
  {
    const Planned nothing(Call::kWrite, {{.at_most = 0}});
    CHECK(Write{.file = sink->lease().take(), .address = 0, .data = data}.run(worker).system_error() == EIO);
  }
  const Planned nothing(Call::kRead, {{.at_most = 500}, {.at_most = 0}});
  CHECK(Read{.file = sink->lease().take(), .address = 0, .into = back}.run(worker).code() == Code::kCorruptFile);
}

TEST_CASE("changes of size and barriers are made again when they are interrupted, and say what else went wrong") {
  TemporaryDirectory directory;
  const auto sink = open(directory / "a");
  Worker worker;
  {
    const Planned interrupted(Call::kTruncate, {{.error = EINTR}, {.error = EINTR}, {}, {.error = ENOSPC}});
    CHECK(Truncate{.file = sink->lease().take(), .size = 100}.run(worker).ok());
    CHECK(Truncate{.file = sink->lease().take(), .size = 200}.run(worker).system_error() == ENOSPC);
  }
  CHECK(sink->lease().take().file().size().value() == 100);
  const Planned interrupted(Call::kSync, {{.error = EINTR}, {}, {.error = EIO}});
  CHECK(Sync{.file = sink->lease().take()}.run(worker).ok());
  CHECK(Sync{.file = sink->lease().take()}.run(worker).system_error() == EIO);
}

TEST_CASE(
    "of chunks that workers store while every third write fails, the others are there, and only those take space") {
  TemporaryDirectory directory;
  const auto sink = open(directory / "a");
  auto made = FileSpace::make({.initial_offset = 100});
  REQUIRE(made.ok());
  const Ref<FileSpace> space = made.take();
  const auto chain = filters({2, 1, 8, 1, 1, 4, 3, 0});
  Executor executor;
  Worker worker;
  for (int round = 0; round < 10; ++round) {
    std::vector<std::vector<uint8_t>> chunks;
    std::vector<std::unique_ptr<Run<StoreChunk>>> stores;
    for (uint32_t i = 0; i < 32; ++i) {
      chunks.push_back(random_bytes(3001 + i, i + 100, i % 2 == 0 ? Kind::kNoise : Kind::kRuns));
      stores.push_back(std::make_unique<Run<StoreChunk>>(
          StoreChunk{.file = sink->lease().take(), .space = space, .filters = chain, .chunk = chunks.back()}));
    }
    const uint64_t before = space->stats().live_bytes;
    {
      const Planned failing(Call::kWrite, {{.at_most = 100}, {}, {.error = ENOSPC}}, true);
      REQUIRE(executor.start(4).ok());
      for (auto& store : stores) executor.submit(*store);
      executor.stop();
    }
    uint64_t stored = 0;
    int failures = 0;
    for (size_t i = 0; i < stores.size(); ++i) {
      if (!stores[i]->status.ok()) {
        CHECK(stores[i]->status.system_error() == ENOSPC);
        ++failures;
        continue;
      }
      stored += stores[i]->operation.stored_size;
      std::vector<uint8_t> back(chunks[i].size());
      LoadChunk load{.file = sink->lease().take(),
                     .filters = chain,
                     .address = stores[i]->operation.address,
                     .stored_size = stores[i]->operation.stored_size,
                     .into = back};
      REQUIRE(load.run(worker).ok());
      REQUIRE(back == chunks[i]);
    }
    CHECK(failures > 0);
    CHECK(failures < 32);
    CHECK(space->stats().live_bytes == before + stored);
    CHECK(space->validate_no_overlaps().ok());
    CHECK(space->commit().ok());
  }
}

TEST_CASE("a chunk that cannot be read says why, and is read the next time") {
  TemporaryDirectory directory;
  const auto sink = open(directory / "a");
  auto space = FileSpace::make({.initial_offset = 0});
  REQUIRE(space.ok());
  const auto chain = filters({1, 1, 6});
  const auto chunk = random_bytes(5000, 3);
  Worker worker;
  StoreChunk store{.file = sink->lease().take(), .space = space.take(), .filters = chain, .chunk = chunk};
  REQUIRE(store.run(worker).ok());
  std::vector<uint8_t> back(chunk.size());
  LoadChunk load{.file = sink->lease().take(),
                 .filters = chain,
                 .address = store.address,
                 .stored_size = store.stored_size,
                 .into = back};
  {
    const Planned failing(Call::kRead, {{.at_most = 10}, {.error = EIO}});
    CHECK(load.run(worker).system_error() == EIO);
  }
  const Planned interrupted(Call::kRead, {{.error = EINTR}, {.at_most = 10}});
  CHECK(load.run(worker).ok());
  CHECK(back == chunk);
}
#endif
