// Free, commit, rollback, extend and the strategies, against a map of bytes.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "filespace/filespace.h"

using namespace freestone;
using base::Code;
using filespace::Block;
using filespace::Config;
using filespace::FileSpace;
using filespace::Kind;
using filespace::Strategy;

namespace {

base::Ref<FileSpace> make(const Config& config) {
  auto space = FileSpace::make(config);
  REQUIRE(space.ok());
  return space.take();
}

std::vector<Block> holes(const FileSpace& space) {
  std::vector<Block> list;
  const auto got = space.holes();
  for (const auto& section : got.value().span()) list.push_back(section.block);
  return list;
}

/// One byte a state: '.' free, 'L' live, 'p' pending.
struct Naive {
  std::string bytes;
  std::map<uint64_t, uint64_t> live;

  uint64_t fit(Strategy strategy, uint64_t size) const {
    uint64_t best = bytes.size();
    uint64_t best_size = 0;
    for (uint64_t at = 0; at < bytes.size();) {
      uint64_t end = at;
      while (end < bytes.size() && bytes[end] == '.') ++end;
      const uint64_t hole = end - at;
      const bool better = best == bytes.size() || (strategy == Strategy::kBestFit && hole < best_size) ||
                          (strategy == Strategy::kWorstFit && hole > best_size);
      if (strategy != Strategy::kEndOfFile && hole >= size && better) {
        best = at;
        best_size = hole;
      }
      at = end + 1;
    }
    return best;
  }
  void set(uint64_t at, uint64_t size, char state) {
    if (bytes.size() < at + size) bytes.resize(at + size, '.');
    for (uint64_t i = 0; i < size; ++i) bytes[at + i] = state;
  }
  void trim() {
    while (!bytes.empty() && bytes.back() == '.') bytes.pop_back();
  }
};

}  // namespace

TEST_CASE("a freed block is reused only after the commit, and merges with both neighbours") {
  const auto space = make({.strategy = Strategy::kBestFit});
  for (int i = 0; i < 5; ++i) REQUIRE(space->allocate(100).ok());
  REQUIRE(space->free(100, 100).ok());
  REQUIRE(space->free(300, 100).ok());
  CHECK(space->allocate(50).value() == 500);
  CHECK(space->stats().pending_bytes == 200);
  CHECK_FALSE(space->is_allocated(100, 100));
  REQUIRE(space->commit().ok());
  CHECK(holes(*space) == std::vector<Block>{{100, 100}, {300, 100}});
  REQUIRE(space->free(200, 100).ok());
  REQUIRE(space->commit().ok());
  CHECK(holes(*space) == std::vector<Block>{{100, 300}});
  CHECK(space->allocate(300).value() == 100);
  CHECK(space->validate().ok());
}

TEST_CASE("what lies free at the end gives the end back with the commit") {
  const auto space = make({.initial_offset = 48, .strategy = Strategy::kBestFit});
  for (int i = 0; i < 3; ++i) REQUIRE(space->allocate(100).ok());
  REQUIRE(space->free(148, 100).ok());
  REQUIRE(space->free(248, 100).ok());
  CHECK(space->end_of_file() == 348);
  REQUIRE(space->commit().ok());
  CHECK(space->end_of_file() == 148);
  CHECK(space->validate().ok());
}

TEST_CASE("a double, foreign, partial or overlapping free is refused and changes nothing") {
  const auto space = make({.strategy = Strategy::kBestFit});
  for (int i = 0; i < 3; ++i) REQUIRE(space->allocate(100).ok());
  const Block wrong[] = {{0, 50}, {50, 50}, {100, 200}, {1, 100}, {300, 1}, {99, 2}, {0, uint64_t{1} << 62}};
  for (const Block& block : wrong) CHECK(space->free(block.offset, block.size).code() == Code::kInvalidAddress);
  CHECK(space->free(0, 0).code() == Code::kInvalidSize);
  CHECK(space->free(base::kMaxAddress, 5).code() == Code::kInvalidAddress);
  REQUIRE(space->free(100, 100).ok());
  CHECK(space->free(100, 100).code() == Code::kInvalidAddress);
  CHECK(space->free_range(50, 100).code() == Code::kInvalidAddress);
  CHECK(space->stats().live_bytes == 200);
  REQUIRE(space->free_range(20, 30).ok());
  CHECK(space->blocks().value().size() == 3);
  REQUIRE(space->commit().ok());
  CHECK(space->free(100, 100).code() == Code::kInvalidAddress);
  CHECK(holes(*space) == std::vector<Block>{{20, 30}, {100, 100}});
  CHECK(space->validate().ok());
}

TEST_CASE("each strategy takes the hole that it names, and can be changed") {
  const auto space = make({});
  for (const uint64_t size : {50, 10, 300, 10, 80, 10, 300, 10}) REQUIRE(space->allocate(size).ok());
  for (const Block& block : {Block{0, 50}, Block{60, 300}, Block{370, 80}, Block{460, 300}}) {
    REQUIRE(space->free(block.offset, block.size).ok());
  }
  REQUIRE(space->commit().ok());
  CHECK(space->allocate(60).value() == 770);
  space->set_strategy(Strategy::kBestFit);
  CHECK(space->allocate(60).value() == 370);
  space->set_strategy(Strategy::kFirstFit);
  CHECK(space->allocate(60).value() == 60);
  space->set_strategy(Strategy::kWorstFit);
  CHECK(space->allocate(20).value() == 460);
  CHECK(space->allocate(20, 64).value() == 512);
  CHECK(space->validate().ok());
}

TEST_CASE("a block is extended into the end, a free neighbour, and not into what is pending") {
  const auto space = make({.limit = 1000, .strategy = Strategy::kBestFit});
  for (int i = 0; i < 3; ++i) REQUIRE(space->allocate(100).ok());
  CHECK(space->extend(200, 100, 250).value());
  CHECK(space->end_of_file() == 450);
  REQUIRE(space->free(100, 100).ok());
  CHECK_FALSE(space->extend(0, 100, 150).value());
  REQUIRE(space->commit().ok());
  CHECK(space->extend(0, 100, 150).value());
  CHECK_FALSE(space->extend(0, 150, 250).value());
  CHECK_FALSE(space->extend(200, 250, 2000).value());
  CHECK(space->extend(0, 100, 150).status().code() == Code::kInvalidAddress);
  CHECK(space->extend(0, 150, 100).status().code() == Code::kInvalidSize);
  CHECK(space->validate().ok());
}

TEST_CASE("metadata and small data come from blocks of their own, and extend into their rests") {
  const auto space = make({.strategy = Strategy::kBestFit, .metadata_block = 2048, .small_data_block = 2048});
  CHECK(space->allocate(100, 1, Kind::kMetadata).value() == 0);
  CHECK(space->allocate(100, 1, Kind::kRaw).value() == 2048);
  CHECK(space->allocate(100, 1, Kind::kMetadata).value() == 100);
  // A large one in front of the rest of the block that the file ends with, which moves up.
  CHECK(space->allocate(5000, 1, Kind::kRaw).value() == 2148);
  CHECK(space->end_of_file() == 9096);
  CHECK(space->extend(100, 100, 150).value());
  CHECK(space->allocate(10, 1, Kind::kMetadata).value() == 250);
  CHECK(space->validate().ok());
  CHECK(space->shrink_tail().value() == 1948);
  REQUIRE(space->free(2148, 5000).ok());
  REQUIRE(space->commit().ok());
  CHECK(space->end_of_file() == 2148);
  CHECK(space->validate().ok());
}

TEST_CASE("small blocks share pages by kind, large ones begin on one, and an empty page serves any") {
  const auto space = make({.strategy = Strategy::kBestFit, .page_size = 4096});
  CHECK(space->allocate(1000, 1, Kind::kMetadata).value() == 0);
  CHECK(space->allocate(1000, 1, Kind::kRaw).value() == 4096);
  CHECK(space->allocate(1000, 1, Kind::kMetadata).value() == 1000);
  CHECK(space->allocate(5000, 1, Kind::kRaw).value() == 8192);
  CHECK(space->allocate(3500, 1, Kind::kRaw).value() == 16384);
  CHECK(space->extend(4096, 1000, 1100).value());
  CHECK_FALSE(space->extend(4096, 1100, 4097).value());
  REQUIRE(space->free(4096, 1100).ok());
  REQUIRE(space->commit().ok());
  CHECK(space->allocate(4096, 1, Kind::kMetadata).value() == 4096);
  CHECK(space->validate().ok());
}

TEST_CASE("a rollback is the last commit again") {
  std::mt19937 engine(9);
  for (int round = 0; round < 60; ++round) {
    Config config{.initial_offset = 40, .strategy = static_cast<Strategy>(engine() % 4)};
    if (round % 3 == 1) config.metadata_block = config.small_data_block = 256;
    if (round % 3 == 2) config.page_size = 512;
    const auto space = make(config);
    std::vector<Block> live;
    std::vector<Block> committed;
    for (int step = 0; step < 300; ++step) {
      const auto kind = static_cast<Kind>(engine() % 3);
      const size_t pick = live.empty() ? 0 : engine() % live.size();
      switch (engine() % 8) {
        case 0:
          REQUIRE(space->commit().ok());
          committed = live;
          break;
        case 1:
          if (engine() % 3 != 0) break;
          REQUIRE(space->rollback().ok());
          live = committed;
          break;
        case 2:
        case 3:
          if (live.empty()) break;
          REQUIRE(space->free(live[pick].offset, live[pick].size).ok());
          live.erase(live.begin() + static_cast<long>(pick));
          break;
        case 4:
          if (!live.empty() && space->extend(live[pick].offset, live[pick].size, live[pick].size + 20).value()) {
            live[pick].size += 20;
          }
          break;
        default: {
          const uint64_t size = 1 + engine() % 700;
          live.push_back({space->allocate(size, uint64_t{1} << engine() % 5, kind).value(), size});
        }
      }
      const auto status = space->validate();
      CAPTURE(round);
      CAPTURE(step);
      REQUIRE_MESSAGE(status.ok(), status.operation());
      std::sort(live.begin(), live.end(), [](const Block& a, const Block& b) { return a.offset < b.offset; });
      const auto blocks = space->blocks();
      REQUIRE(std::equal(live.begin(), live.end(), blocks.value().begin(), blocks.value().end()));
    }
  }
}

TEST_CASE("a rollback forgets what was allocated since the commit and keeps what was freed: it is live again") {
  const auto space = make({.initial_offset = 10, .strategy = Strategy::kBestFit});
  for (int i = 0; i < 3; ++i) REQUIRE(space->allocate(100).ok());
  REQUIRE(space->free(110, 100).ok());
  REQUIRE(space->commit().ok());
  // Of the committed blocks one is freed; two new ones come, one where space was free, one at the end, and one goes
  // again.
  REQUIRE(space->free(10, 100).ok());
  CHECK(space->allocate(100).value() == 110);
  CHECK(space->allocate(50).value() == 310);
  REQUIRE(space->free(310, 50).ok());
  CHECK_FALSE(space->is_allocated(10, 100));
  REQUIRE(space->rollback().ok());
  CHECK(space->is_allocated(10, 100));
  CHECK(space->stats().pending_bytes == 0);
  CHECK(space->end_of_file() == 310);
  CHECK(holes(*space) == std::vector<Block>{{110, 100}});
  // What it kept can be freed again, once, and becomes free with the next commit; what it forgot cannot.
  CHECK(space->free(310, 50).code() == Code::kInvalidAddress);
  CHECK(space->free(110, 100).code() == Code::kInvalidAddress);
  REQUIRE(space->free(10, 100).ok());
  CHECK(space->free(10, 100).code() == Code::kInvalidAddress);
  REQUIRE(space->commit().ok());
  CHECK(holes(*space) == std::vector<Block>{{10, 200}});
  REQUIRE(space->rollback().ok());
  CHECK(holes(*space) == std::vector<Block>{{10, 200}});
  CHECK(space->validate().ok());
}

TEST_CASE("pages of 512 bytes to 1 GiB work alike, and no other size is one") {
  for (const uint64_t page : {uint64_t{512}, uint64_t{4096}, uint64_t{1} << 20, uint64_t{1} << 30}) {
    const auto space = make({.strategy = Strategy::kBestFit, .page_size = page});
    CHECK(space->allocate(page / 4, 1, Kind::kMetadata).value() == 0);
    CHECK(space->allocate(page / 4, 1, Kind::kRaw).value() == page);
    CHECK(space->allocate(page / 4, 1, Kind::kMetadata).value() == page / 4);
    CHECK(space->allocate(page + 1, 1, Kind::kRaw).value() == 2 * page);
    CHECK(space->allocate(page, 1, Kind::kRaw).value() == 4 * page);
    CHECK(space->end_of_file() == 5 * page);
    CHECK(space->extend(page, page / 4, page).value());
    REQUIRE(space->free(0, page / 4).ok());
    REQUIRE(space->free(page / 4, page / 4).ok());
    REQUIRE(space->free(4 * page, page).ok());
    REQUIRE(space->commit().ok());
    // The empty page serves large blocks as well, and the free one at the end is given back.
    CHECK(space->end_of_file() == 4 * page);
    CHECK(space->allocate(page, 1, Kind::kRaw).value() == 0);
    CHECK(space->validate().ok());
  }
  for (const uint64_t page : {uint64_t{256}, uint64_t{1000}, uint64_t{3} << 10, uint64_t{1} << 31, UINT64_MAX}) {
    CHECK(FileSpace::make({.page_size = page}).status().code() == Code::kInvalidArgument);
  }
}

TEST_CASE("what ends beyond 63 bits is refused by every call and changes nothing") {
  const auto space = make({.initial_offset = 10, .strategy = Strategy::kBestFit});
  REQUIRE(space->allocate(100).value() == 10);
  const uint64_t most = base::kMaxAddress;
  CHECK(space->allocate(most + 1).status().code() == Code::kInvalidSize);
  CHECK(space->allocate(most).status().code() == Code::kLimitExceeded);
  for (const uint64_t size : {most, most + 1, UINT64_MAX}) {
    CHECK(space->free(10, size).code() == Code::kInvalidAddress);
    CHECK(space->free_range(10, size).code() == Code::kInvalidAddress);
    CHECK(space->extend(10, 100, size).status().code() == Code::kInvalidSize);
    CHECK(space->extend(10, size, size).status().code() == Code::kInvalidAddress);
    CHECK(space->is_allocated(10, size));
    CHECK_FALSE(space->is_allocated(size, size));
  }
  CHECK(space->extend(10, 100, most - 10).value());
  CHECK(space->end_of_file() == most);
  REQUIRE(space->rollback().ok());
  const uint64_t sizes[] = {most, most};
  uint64_t offsets[2];
  CHECK(space->allocate_many(sizes, offsets).code() == Code::kInvalidSize);
  CHECK(space->end_of_file() == 10);
  CHECK(space->validate().ok());
}

TEST_CASE("commits and rollbacks at random leave of every strategy what a map of bytes has") {
  for (const Strategy strategy : {Strategy::kEndOfFile, Strategy::kFirstFit, Strategy::kBestFit, Strategy::kWorstFit}) {
    const auto space = make({.strategy = strategy});
    Naive naive;
    Naive committed;
    std::mt19937 engine(static_cast<uint32_t>(strategy) + 91);
    for (int step = 0; step < 4000; ++step) {
      if (engine() % 5 < 3 || naive.live.empty()) {
        const uint64_t size = 1 + engine() % 40;
        const uint64_t expected = naive.fit(strategy, size);
        REQUIRE(space->allocate(size).value() == expected);
        naive.set(expected, size, 'L');
        naive.live[expected] = size;
      } else {
        auto at = naive.live.lower_bound(engine() % (naive.bytes.size() + 1));
        if (at == naive.live.end()) at = naive.live.begin();
        REQUIRE(space->free(at->first, at->second).ok());
        naive.set(at->first, at->second, 'p');
        naive.live.erase(at);
      }
      if (engine() % 12 == 0) {
        REQUIRE(space->commit().ok());
        std::replace(naive.bytes.begin(), naive.bytes.end(), 'p', '.');
        naive.trim();
        committed = naive;
      } else if (engine() % 30 == 0) {
        REQUIRE(space->rollback().ok());
        naive = committed;
      }
      REQUIRE(space->end_of_file() == naive.bytes.size());
      std::string found(naive.bytes.size(), '?');
      const auto sections = space->sections();
      for (const auto& [block, state, kind] : sections.value().span()) {
        const char mark = state == filespace::State::kLive ? 'L' : state == filespace::State::kPending ? 'p' : '.';
        found.replace(block.offset, block.size, block.size, mark);
      }
      REQUIRE(found == naive.bytes);
      const auto blocks = space->blocks();
      REQUIRE(std::equal(naive.live.begin(), naive.live.end(), blocks.value().begin(), blocks.value().end(),
                         [](const auto& one, const Block& other) {
                           return Block{one.first, one.second} == other;
                         }));
      if (step % 20 == 0) REQUIRE(space->validate().ok());
    }
  }
}

TEST_CASE("every strategy does what a map of bytes does") {
  for (const Strategy strategy : {Strategy::kEndOfFile, Strategy::kFirstFit, Strategy::kBestFit, Strategy::kWorstFit}) {
    for (const bool track : {true, false}) {
      const auto space = make({.strategy = strategy, .track = track});
      Naive naive;
      std::mt19937 engine(static_cast<uint32_t>(strategy) + 17);
      for (int step = 0; step < 3000; ++step) {
        if (engine() % 3 != 0 || naive.live.empty()) {
          const uint64_t size = 1 + engine() % 40;
          const uint64_t expected = naive.fit(strategy, size);
          REQUIRE(space->allocate(size).value() == expected);
          naive.set(expected, size, 'L');
          naive.live[expected] = size;
        } else {
          auto at = naive.live.lower_bound(engine() % (naive.bytes.size() + 1));
          if (at == naive.live.end()) at = naive.live.begin();
          REQUIRE(space->free(at->first, at->second).ok());
          naive.set(at->first, at->second, 'p');
          naive.live.erase(at);
        }
        if (engine() % 7 == 0) {
          REQUIRE(space->commit().ok());
          std::replace(naive.bytes.begin(), naive.bytes.end(), 'p', '.');
          naive.trim();
        }
        REQUIRE(space->end_of_file() == naive.bytes.size());
        const uint64_t offset = engine() % (naive.bytes.size() + 20);
        const uint64_t size = engine() % 30;
        const bool used =
            offset < naive.bytes.size() && naive.bytes.substr(offset, size).find('L') != std::string::npos;
        REQUIRE(space->is_allocated(offset, size) == used);
        if (step % 50 == 0) REQUIRE(space->validate().ok());
      }
      CHECK(space->stats().live_bytes ==
            static_cast<uint64_t>(std::count(naive.bytes.begin(), naive.bytes.end(), 'L')));
    }
  }
}

TEST_CASE("a fault in either index is found") {
  for (const bool in_address_index : {true, false}) {
    const auto space = make({.strategy = Strategy::kBestFit});
    for (int i = 0; i < 10; ++i) REQUIRE(space->allocate(100).ok());
    for (uint64_t i = 0; i < 9; i += 2) REQUIRE(space->free(i * 100, 100).ok());
    REQUIRE(space->commit().ok());
    REQUIRE(space->validate().ok());
    REQUIRE(space->inject_fault(in_address_index));
    CHECK(space->validate_no_overlaps().code() == Code::kOverlap);
    CHECK(space->validate().code() == Code::kOverlap);
  }
}

TEST_CASE("a hole among a million takes 48 bytes of memory or less, and a comb is refilled from the front") {
  const auto space = make({.strategy = Strategy::kFirstFit});
  for (int i = 0; i < 2'000'000; ++i) REQUIRE(space->allocate(64).ok());
  const uint64_t live_only = space->stats().memory;
  CHECK(live_only <= 2'000'000 * 32);
  for (uint64_t i = 0; i < 1'000'000; ++i) REQUIRE(space->free(i * 128, 64).ok());
  REQUIRE(space->commit().ok());
  CHECK(space->stats().holes == 1'000'000);
  CHECK(space->stats().memory - live_only / 2 <= 48'000'000);
  for (uint64_t i = 0; i < 1000; ++i) REQUIRE(space->allocate(64).value() == i * 128);
  CHECK(space->validate().ok());
}

TEST_CASE("what a file says is free is free, and all else is live") {
  const auto space = make({.initial_offset = 48, .strategy = Strategy::kBestFit});
  const filespace::Section free[] = {{.block = {100, 50}}, {.block = {200, 10}}};
  CHECK(space->restore(150, free).code() == Code::kInvalidArgument);
  REQUIRE(space->restore(1000, free).ok());
  CHECK(space->allocate(10).value() == 200);
  CHECK(space->is_allocated(48, 1));
  CHECK(space->free(150, 50).ok());
  CHECK(space->restore(1000, free).code() == Code::kInvalidArgument);
  CHECK(space->validate().ok());
}
