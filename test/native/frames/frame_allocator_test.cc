// What a caller sees: misuse, failures of the system, zones, nodes, compaction, and what is said about it all.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <random>
#include <set>
#include <vector>

#include "frames/support.h"

using namespace freestone;
using namespace freestone::frames;
using base::Code;

namespace {

ZoneConfig zone(ZoneKind kind, uint64_t size) {
  ZoneConfig config;
  config.kind = kind;
  config.size = size;
  return config;
}

}  // namespace

TEST_CASE("a million bad frees are refused and change nothing") {
  const auto allocator = make_allocator(64 * kMiB);
  std::mt19937_64 random(1);
  std::set<std::pair<uint64_t, uint32_t>> live;
  for (int i = 0; i < 2000; ++i) {
    const uint32_t frames = 1 + static_cast<uint32_t>(random() % (i % 50 == 0 ? 700 : 12));
    const auto run = allocator->allocate(frames, {.exact = true});
    if (run.ok()) live.emplace(index_of(run.value()), frames);
  }
  const Counts before = counts_of(*allocator);
  uint64_t accepted = 0;
  const uint64_t count = steps(1000000);
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t frame = random() % 64 == 0 ? random() : random() % (allocator->frame_limit() + 600);
    const auto frames = static_cast<uint32_t>(random() % 32 == 0 ? random() : random() % 16);
    if (live.count({frame, frames}) != 0) continue;
    accepted += allocator->free(FrameId{frame}, frames).code() != Code::kInvalidAddress;
  }
  CHECK(accepted == 0);
  CHECK(counts_of(*allocator) == before);
  CHECK(allocator->validate().ok());
  for (const auto& [frame, frames] : live) REQUIRE(allocator->free(FrameId{frame}, frames).ok());
}

TEST_CASE("a run grows into free frames behind it, shrinks from its end, and is refused in its old length") {
  const auto allocator = make_allocator(8 * kMiB);
  const FrameId run = allocator->allocate(20).value();
  const uint64_t first = index_of(run);
  REQUIRE(first % kBlockFrames == 0);
  const uint64_t free_before = allocator->stats().value().free_frames;
  const Counts before = counts_of(*allocator);
  // Over several words, nearly to the end of its block, and back.
  uint32_t length = 20;
  for (const uint32_t to : {33U, 511U, 100U, 64U, 1U, 2U, 20U}) {
    CAPTURE(to);
    REQUIRE(allocator->resize(run, length, to).ok());
    CHECK(allocator->is_run(run, to));
    CHECK(allocator->free(run, length).code() == Code::kInvalidAddress);
    CHECK(allocator->stats().value().free_frames + to == free_before + 20);
    CHECK(allocator->validate().ok());
    length = to;
  }
  CHECK(counts_of(*allocator) == before);
  const FrameId second = allocator->allocate(20).value();
  REQUIRE(index_of(second) == first + 32);
  CHECK(allocator->resize(run, 20, 33).code() == Code::kOutOfMemory);
  CHECK(allocator->resize(second, 20, 500).code() == Code::kUnsupported);
  CHECK(allocator->resize(run, 20, 512).code() == Code::kUnsupported);
  CHECK(allocator->resize(run, 20, 0).code() == Code::kInvalidSize);
  CHECK(allocator->resize(run, 19, 10).code() == Code::kInvalidAddress);
  CHECK(allocator->resize(FrameId{first + 1}, 19, 10).code() == Code::kInvalidAddress);
  CHECK(allocator->resize(FrameId{UINT64_MAX}, 1, 2).code() == Code::kInvalidAddress);
  CHECK(allocator->is_run(run, 20));
  REQUIRE(allocator->free(second, 20).ok());
  REQUIRE(allocator->resize(run, 20, 33).ok());
  REQUIRE(allocator->free(run, 33).ok());
  CHECK(allocator->stats().value().free_frames == free_before + 20);
}

TEST_CASE("a batch is given and taken as a whole or not at all") {
  const auto allocator = make_allocator(4 * kMiB);
  std::vector<FrameId> all(1024);
  REQUIRE(allocator->allocate_batch(1, all).ok());
  std::vector<FrameId> more(2);
  const Counts full = counts_of(*allocator);
  CHECK(allocator->allocate_batch(1, more).code() == Code::kOutOfMemory);
  CHECK(counts_of(*allocator) == full);
  REQUIRE(allocator->free(all[5], 1).ok());
  const Counts one = counts_of(*allocator);
  CHECK(allocator->allocate_batch(1, more).code() == Code::kOutOfMemory);
  CHECK(counts_of(*allocator) == one);
  size_t failed = 0;
  CHECK(allocator->free_batch(all, 1, &failed).code() == Code::kInvalidAddress);
  CHECK(failed == 5);
  CHECK(counts_of(*allocator) == one);
  std::vector<FrameId> twice{all[0], all[1], all[0]};
  CHECK(allocator->free_batch(twice, 1, &failed).code() == Code::kInvalidAddress);
  CHECK(failed == 2);
  all.erase(all.begin() + 5);
  CHECK(allocator->free_batch(all, 1).ok());
  CHECK(allocator->validate().ok());
  CHECK(allocator->stats().value().free_frames == 1024);
}

namespace {

/// Calls of the system that still succeed.
int64_t allowed = INT64_MAX;
bool next_fails() noexcept { return allowed-- <= 0; }
const base::Status kRefused(Code::kOutOfMemory, "refused by the test");

/// A system without memory from some call on; blocks are committed one by one.
System failing_system() {
  System system;
  system.reserve = [](size_t size, size_t alignment) noexcept -> base::Result<uint8_t*> {
    if (next_fails()) return kRefused;
    return os::reserve(size, alignment);
  };
  system.commit = [](uint8_t* address, size_t size) noexcept -> base::Status {
    // A region of 64 MiB is never granted as a whole.
    if (size == 64 * kMiB || next_fails()) return kRefused;
    return os::commit(address, size);
  };
  return system;
}

}  // namespace

TEST_CASE("when the system refuses memory at any point nothing has changed") {
  const System system = failing_system();
  Config config;
  config.size = 64 * kMiB;
  config.track = true;
  int64_t needed = 0;
  for (;; ++needed) {
    allowed = needed;
    auto made = FrameAllocator::make(config, system);
    if (made.ok()) break;
    REQUIRE(made.status().code() == Code::kOutOfMemory);
    REQUIRE(needed < 100);
  }
  allowed = needed;
  const auto allocator = FrameAllocator::make(config, system).take();
  for (const uint32_t frames : {1U, 40U, 512U, 700U, 3000U}) {
    CAPTURE(frames);
    allowed = 0;
    const uint64_t free_before = counts_of(*allocator).free_frames;
    const Counts before = counts_of(*allocator);
    CHECK(allocator->allocate(frames, {.alignment = 1024, .exact = true}).status().code() == Code::kOutOfMemory);
    CHECK(counts_of(*allocator).free_frames == free_before);
    CHECK(counts_of(*allocator).allocations == before.allocations);
    CHECK(counts_of(*allocator).committed_bytes == before.committed_bytes);
    CHECK(allocator->validate().ok());
    allowed = INT64_MAX;
    const auto run = allocator->allocate(frames, {.alignment = 1024, .exact = true});
    REQUIRE(run.ok());
    std::memset(allocator->address_of(run.value()), 1, frames * size_t{4096});
    REQUIRE(allocator->free(run.value(), frames).ok());
    CHECK(allocator->trim() > 0);
    CHECK(counts_of(*allocator).committed_bytes == 0);
  }
  allowed = INT64_MAX;
}

TEST_CASE("watermarks keep a reserve for emergencies and tell when they are crossed") {
  ZoneConfig zone;
  zone.size = 4 * kMiB;
  zone.watermarks = {.min = 100, .low = 200, .high = 300};
  Config config;
  config.zones = {&zone, 1};
  const auto allocator = make_allocator(config);
  std::vector<PressureEvent> events;
  const auto listener = allocator->add_listener(
      [](void* context, const PressureEvent& event) noexcept {
        static_cast<std::vector<PressureEvent>*>(context)->push_back(event);
      },
      &events);
  REQUIRE(listener.ok());
  std::vector<FrameId> runs;
  for (;;) {
    const auto run = allocator->allocate(1, {.zone = ZoneKind::kNormal});
    if (!run.ok()) {
      CHECK(run.status().code() == Code::kZoneDepleted);
      break;
    }
    runs.push_back(run.value());
  }
  CHECK(runs.size() == 1024 - 100);
  REQUIRE(events.size() == 2);
  CHECK(events[0].level == Pressure::kLow);
  CHECK(events[0].free_frames == 200);
  CHECK(events[1].level == Pressure::kMin);
  CHECK(events[1].free_frames == 100);
  for (int i = 0; i < 100; ++i) {
    const auto run = allocator->allocate(1, {.emergency = true});
    REQUIRE(run.ok());
    runs.push_back(run.value());
  }
  CHECK_FALSE(allocator->allocate(1, {.emergency = true}).ok());
  for (const FrameId run : runs) REQUIRE(allocator->free(run, 1).ok());
  REQUIRE(events.size() == 4);
  CHECK(events[2].level == Pressure::kLow);
  CHECK(events[3].level == Pressure::kNone);
  CHECK(events[3].free_frames == 300);
  allocator->remove_listener(listener.value());
  CHECK(allocator->validate().ok());
}

TEST_CASE("zones follow each other as the fallback says") {
  const ZoneConfig zones[] = {zone(ZoneKind::kNormal, 2 * kMiB), zone(ZoneKind::kDma, 2 * kMiB),
                              zone(ZoneKind::kDevice, 2 * kMiB), zone(ZoneKind::kHuge, 2 * kMiB)};
  const ZoneKind next[] = {ZoneKind::kDma};
  Config config;
  config.zones = zones;
  config.fallback[0] = next;
  const auto allocator = make_allocator(config);
  CHECK(allocator->device(2) >= 0);
  CHECK(allocator->device(0) == -1);
  for (uint32_t i = 0; i < 1024; ++i) {
    const auto run = allocator->allocate(1);
    REQUIRE(run.ok());
    CHECK(allocator->place_of(static_cast<BlockIndex>(index_of(run.value()) / kBlockFrames)).zone == i / 512);
    *allocator->address_of(run.value()) = 1;
  }
  CHECK(allocator->allocate(1).status().code() == Code::kOutOfMemory);
  CHECK(allocator->allocate(1, {.zone = ZoneKind::kDma}).status().code() == Code::kZoneDepleted);
  CHECK(allocator->allocate(1, {.zone = ZoneKind::kHuge}).ok());
  const auto stats = allocator->stats().take();
  CHECK((stats.zones[1].locked || stats.zones[1].lock_error != 0));
  CHECK((stats.zones[3].huge || stats.zones[3].advised));
  CHECK(stats.promotions == 2);
}

TEST_CASE("nodes are tried by distance, and counted as numastat does") {
  const uint32_t near_second[] = {10, 30, 20};
  const uint32_t row1[] = {30, 10, 20};
  const uint32_t row2[] = {20, 20, 10};
  const NodeConfig nodes[] = {{.id = 4, .size = 2 * kMiB, .distances = near_second, .cpus = {}},
                              {.id = 5, .size = 2 * kMiB, .distances = row1, .cpus = {}},
                              {.id = 9, .size = 2 * kMiB, .distances = row2, .cpus = {}}};
  Config config;
  config.size = 6 * kMiB;
  config.nodes = nodes;
  const auto allocator = make_allocator(config);
  for (uint32_t i = 0; i < 1536; ++i) {
    const auto run = allocator->allocate(1, {.node = 4});
    REQUIRE(run.ok());
    const uint32_t expected[] = {0, 2, 1};
    CHECK(allocator->place_of(static_cast<BlockIndex>(index_of(run.value()) / kBlockFrames)).node == expected[i / 512]);
    if (i == 511) {
      CHECK(allocator->allocate(1, {.node = 4, .strict = true}).status().code() == Code::kNumaNodeUnavailable);
    }
  }
  CHECK(allocator->allocate(1, {.node = 7}).status().code() == Code::kNumaNodeUnavailable);
  const auto stats = allocator->stats().take();
  CHECK(stats.nodes[0].hits == 512);
  CHECK(stats.nodes[0].foreign == 1024);
  CHECK(stats.nodes[1].misses == 512);
  CHECK(stats.nodes[2].misses == 512);
  CHECK(allocator->validate().ok());
}

TEST_CASE("compaction moves only runs that may be moved, with their content, and empties blocks") {
  const auto allocator = make_allocator(64 * kMiB);
  struct Moves {
    FrameAllocator* allocator;
    std::vector<FrameId> where;
    uint64_t refused = 0;
  } moves{allocator.get(), {}};
  const size_t count = 20 * 512;
  for (size_t i = 0; i < count; ++i) {
    const auto run = allocator->allocate(1, {.mover = i + 1});
    REQUIRE(run.ok());
    *reinterpret_cast<uint64_t*>(allocator->address_of(run.value())) = i + 1;
    moves.where.push_back(run.value());
  }
  const auto fixed = allocator->allocate(1);
  REQUIRE(fixed.ok());
  for (size_t i = 0; i < count; ++i) {
    if (i % 8 == 0) continue;
    REQUIRE(allocator->free(moves.where[i], 1).ok());
  }
  const auto result = allocator->compact(
      [](void* context, uint64_t mover, FrameId from, FrameId to, uint32_t frames) noexcept {
        auto& all = *static_cast<Moves*>(context);
        if (all.where[mover - 1] != from || frames != 1) return false;
        // One owner in a hundred does not want to.
        if (mover % 801 == 0) return ++all.refused, false;
        all.where[mover - 1] = to;
        return true;
      },
      &moves);
  CHECK(result.freed_blocks >= 14);
  CHECK(result.after.index[kBlockOrder] < result.before.index[kBlockOrder]);
  CHECK(allocator->is_run(fixed.value(), 1));
  CHECK(allocator->validate().ok());
  for (size_t i = 0; i < count; i += 8) {
    REQUIRE(*reinterpret_cast<uint64_t*>(allocator->address_of(moves.where[i])) == i + 1);
    REQUIRE(allocator->free(moves.where[i], 1).ok());
  }
  CHECK(allocator->stats().value().free_frames == 64 * kMiB / 4096 - 1);
}

TEST_CASE("trim gives back what is free and says so, and the map shows what is used") {
  const auto allocator = make_allocator(64 * kMiB);
  const auto run = allocator->allocate(4096);
  REQUIRE(run.ok());
  const auto one = allocator->allocate(1);
  CHECK(allocator->stats().value().committed_bytes == 18 * kMiB);
  std::memset(allocator->address_of(run.value()), 7, 16 * kMiB);
  REQUIRE(allocator->free(run.value(), 4096).ok());
  CHECK(allocator->trim() == 16 * kMiB);
  CHECK(allocator->stats().value().committed_bytes == 2 * kMiB);
  std::vector<uint8_t> map(allocator->block_count());
  allocator->map(map);
  CHECK(std::count(map.begin(), map.end(), 0) == 31);
  CHECK(allocator->free(one.value(), 1).ok());
  const auto again = allocator->allocate(4096);
  CHECK(*allocator->address_of(again.value()) == 0);
}

TEST_CASE("pages of 1 GiB are kept, and smaller ones set aside are given back") {
  // The real call succeeds only where an administrator has set such pages aside.
  static uint64_t granted;
  System system;
  system.map_huge = [](uint8_t*, size_t, size_t page) noexcept -> base::Status {
    return page == granted ? base::Status() : base::Status(Code::kUnsupported, "huge pages");
  };
  for (const uint64_t page : {uint64_t{1} << 21, uint64_t{1} << 30}) {
    CAPTURE(page);
    granted = page;
    Config config;
    config.size = uint64_t{1} << 30;
    config.huge_pages = HugePages::kReserve;
    const auto allocator = FrameAllocator::make(config, system).take();
    const auto frame = allocator->allocate(512);
    REQUIRE(frame.ok());
    REQUIRE(allocator->free(frame.value(), 512).ok());
    CHECK((allocator->trim() == 0) == (page > 2 * kMiB));
  }
}

TEST_CASE("memory that was lent is handed out, and left as it is at the end") {
  auto reserved = base::Result<uint8_t*>(os::reserve(8 * kMiB, 2 * kMiB));
  REQUIRE(reserved.ok());
  uint8_t* const memory = reserved.value();
  REQUIRE(os::commit(memory, 8 * kMiB).ok());
  Config config;
  config.size = 8 * kMiB;
  config.memory = memory;
  {
    const auto allocator = FrameAllocator::make(config).take();
    CHECK(allocator->base() == memory);
    const auto frame = allocator->allocate(2048);
    REQUIRE(frame.ok());
    CHECK(allocator->allocate(1).status().code() == Code::kOutOfMemory);
    memory[8 * kMiB - 1] = 7;
  }
  CHECK(memory[8 * kMiB - 1] == 7);
  config.memory = memory + 4096;
  config.size = 4 * kMiB;
  CHECK(FrameAllocator::make(config).status().code() == Code::kInvalidAlignment);
  config.memory = memory;
  config.size = 4 * kMiB - 4096;
  CHECK(FrameAllocator::make(config).status().code() == Code::kInvalidSize);
  CHECK(os::release(memory, 8 * kMiB).ok());
}

TEST_CASE("an exact run leaves the rest of its power of two to others") {
  const auto allocator = make_allocator(8 * kMiB);
  for (const uint32_t frames : {513U, 600U, 1024U, 1500U}) {
    CAPTURE(frames);
    const auto exact = allocator->allocate(frames, {.exact = true});
    REQUIRE(exact.ok());
    CHECK(counts_of(*allocator).free_frames == 2048 - frames);
    REQUIRE(allocator->free(exact.value(), frames).ok());
    const auto rounded = allocator->allocate(frames);
    REQUIRE(rounded.ok());
    CHECK(counts_of(*allocator).free_frames == 2048 - std::bit_ceil(frames));
    REQUIRE(allocator->free(rounded.value(), frames).ok());
    CHECK(counts_of(*allocator).free_frames == 2048);
    CHECK(allocator->validate().ok());
  }
}

TEST_CASE("a terabyte is reserved without being touched, and walks tell who has what") {
  Config config;
  // ThreadSanitizer leaves no terabyte of address space.
  config.size = steps(10) == 10 ? 1024 * kGiB : 16 * kGiB;
  config.track = true;
  const auto allocator = make_allocator(config);
  const auto run = allocator->allocate(33, {.site = 77});
  REQUIRE(run.ok());
  Run seen;
  allocator->walk([](void* context, const Run& one) noexcept { return *static_cast<Run*>(context) = one, true; },
                  &seen);
  CHECK(seen.frame == run.value());
  CHECK(seen.site == 77);
  CHECK(allocator->stats().value().metadata_bytes < config.size / 100);
  allocator->set_timing(true);
  CHECK(allocator->free(run.value(), 33).ok());
  CHECK(allocator->free_times().total() == 1);
}

TEST_CASE("after a fork each process has frames of its own, and device zones in common") {
  const ZoneConfig zones[] = {zone(ZoneKind::kNormal, 4 * kMiB), zone(ZoneKind::kDevice, 2 * kMiB)};
  Config config;
  config.zones = zones;
  const auto allocator = make_allocator(config);
  const FrameId own = allocator->allocate(3).value();
  const FrameId common = allocator->allocate(3, {.zone = ZoneKind::kDevice}).value();
  std::strcpy(reinterpret_cast<char*>(allocator->address_of(own)), "parent");
  std::strcpy(reinterpret_cast<char*>(allocator->address_of(common)), "parent");
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    // No assertion may run here: it would be the parent's report.
    bool right = std::strcmp(reinterpret_cast<char*>(allocator->address_of(own)), "parent") == 0;
    std::strcpy(reinterpret_cast<char*>(allocator->address_of(own)), "child");
    std::strcpy(reinterpret_cast<char*>(allocator->address_of(common)), "child");
    right = right && allocator->free(own, 3).ok() && !allocator->free(own, 3).ok();
    for (int i = 0; i < 1000; ++i) right = right && allocator->allocate(1).ok();
    right = right && allocator->validate().ok();
    _exit(right ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
  CHECK(std::strcmp(reinterpret_cast<char*>(allocator->address_of(own)), "parent") == 0);
  CHECK(std::strcmp(reinterpret_cast<char*>(allocator->address_of(common)), "child") == 0);
  CHECK(allocator->is_run(own, 3));
  CHECK(allocator->stats().value().allocations == 2);
  CHECK(allocator->validate().ok());
}
