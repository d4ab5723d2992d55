// One file's addresses: what a call costs, in nanoseconds of the thread's own time, and how long a file becomes.
#include "filespace/filespace.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <vector>

#include "bench.h"
#include "os/os.h"

using namespace freestone::filespace;

namespace {

using namespace freestone::bench;
using Space = freestone::base::Ref<FileSpace>;

uint64_t scale = 1;
/// What a measured call gave, so that it is not left out.
volatile uint64_t sink;

Space make(Config config) {
  // As the addon does: look-ups among many miss the places of small pages as well as their content.
  config.advise = [](uint8_t* memory, size_t size) noexcept { (void)freestone::os::advise_huge(memory, size, true); };
  auto made = FileSpace::make(config);
  if (!made.ok()) std::abort();
  return made.take();
}

void check(bool ok) {
  if (!ok) std::abort();
}

void report(const char* name, const char* unit, double target, const std::function<double()>& measure) {
  std::vector<double> values;
  for (int round = 0; round < 5; ++round) values.push_back(measure());
  std::sort(values.begin(), values.end());
  std::printf("%-44s %9.1f %-6s (%.1f - %.1f)  target %g\n", name, values[2], unit, values[0], values[4], target);
}

/// `count` calls of `work(i)`.
template <typename Work>
double each(uint64_t count, const Work& work) {
  const double start = cpu_now();
  for (uint64_t i = 0; i < count; ++i) work(i);
  return (cpu_now() - start) / static_cast<double>(count);
}

double append(bool track) {
  const Space space = make({.strategy = Strategy::kEndOfFile, .track = track});
  return each(1'000'000 / scale, [&](uint64_t i) { sink = space->allocate(64 + (i & 63)).value(); });
}

/// `holes` holes of 64 to 4096 bytes with blocks of 16 between them.
Space with_holes(uint64_t holes, Strategy strategy, std::vector<Block>& out) {
  const Space space = make({.strategy = strategy});
  std::mt19937_64 engine(1);
  out.clear();
  for (uint64_t i = 0; i < holes; ++i) {
    const uint64_t size = 64 + engine() % 4033;
    out.push_back({space->allocate(size).value(), size});
    check(space->allocate(16).ok());
  }
  for (const Block& hole : out) check(space->free(hole.offset, hole.size).ok());
  check(space->commit().ok());
  return space;
}

double fit(uint64_t holes, Strategy strategy) {
  std::vector<Block> list;
  const Space space = with_holes(holes, strategy, list);
  std::mt19937_64 engine(2);
  const uint64_t count = std::max<uint64_t>(200, holes / 10);
  const uint64_t rounds = std::max<uint64_t>(1, 200'000 / scale / count);
  std::vector<Block> got(count);
  double time = 0;
  for (uint64_t round = 0; round < rounds; ++round) {
    for (Block& block : got) block.size = 64 + engine() % 2000;
    time += each(count, [&](uint64_t i) { got[i].offset = space->allocate(got[i].size).value(); });
    for (const Block& block : got) check(space->free(block.offset, block.size).ok());
    check(space->commit().ok());
  }
  return time / static_cast<double>(rounds);
}

/// Frees the blocks between holes, so that each merges with both neighbours; with the commit that does it.
double free_and_merge(uint64_t holes) {
  std::vector<Block> list;
  const Space space = with_holes(holes, Strategy::kBestFit, list);
  std::mt19937_64 engine(3);
  std::vector<uint64_t> teeth;
  for (uint64_t i = 0; i + 1 < list.size(); i += 2) teeth.push_back(list[i].offset + list[i].size);
  std::shuffle(teeth.begin(), teeth.end(), engine);
  const uint64_t count = std::min<uint64_t>(teeth.size(), 200'000 / scale);
  const double start = cpu_now();
  for (uint64_t i = 0; i < count; ++i) {
    check(space->free(teeth[i], 16).ok());
    if (i % 1000 == 999) check(space->commit().ok());
  }
  check(space->commit().ok());
  return (cpu_now() - start) / static_cast<double>(count);
}

Space with_blocks(uint64_t blocks, uint64_t& end) {
  const Space space = make({.strategy = Strategy::kBestFit});
  for (uint64_t i = 0; i < blocks; ++i) check(space->allocate(100, 128).ok());
  end = space->end_of_file();
  return space;
}

double ask(uint64_t blocks) {
  uint64_t end = 0;
  const Space space = with_blocks(blocks, end);
  uint64_t at = 1;
  return each(500'000 / scale, [&](uint64_t) {
    at = at * 6364136223846793005u + 1442695040888963407u;
    sink = space->is_allocated((at >> 20) % end, 20) ? 1 : 0;
  });
}

double list_blocks() {
  uint64_t end = 0;
  const Space space = with_blocks(1000, end);
  return each(5000 / scale, [&](uint64_t) { sink = space->blocks().value().size(); }) / 1000;
}

double validate() {
  uint64_t end = 0;
  const Space space = with_blocks(1000, end);
  return each(5000 / scale, [&](uint64_t) { check(space->validate_no_overlaps().ok()); }) / 1000;
}

void memory() {
  std::vector<Block> list;
  const uint64_t holes = 1'000'000 / scale;
  const Space space = make({});
  for (uint64_t i = 0; i < 2 * holes; ++i) check(space->allocate(64 + i % 7).ok());
  const auto live = static_cast<double>(space->stats().memory) / static_cast<double>(2 * holes);
  const Space bare = make({.strategy = Strategy::kBestFit, .track = false});
  std::mt19937_64 engine(4);
  for (uint64_t i = 0; i < holes; ++i) {
    const uint64_t size = 64 + engine() % 4033;
    list.push_back({bare->allocate(size).value(), size});
    check(bare->allocate(16).ok());
  }
  std::shuffle(list.begin(), list.end(), engine);
  for (size_t i = 0; i < list.size(); ++i) {
    check(bare->free(list[i].offset, list[i].size).ok());
    if (i % 1000 == 999) check(bare->commit().ok());
  }
  check(bare->commit().ok());
  std::printf("%-44s %9.1f bytes, target 32\n", "memory of a live block", live);
  std::printf("%-44s %9.1f bytes, target 48\n", "memory of a hole, freed in random order",
              static_cast<double>(bare->stats().memory) / static_cast<double>(bare->stats().holes));
}

/// A session that edits a file of some 10,000 pieces: object headers and index nodes, small datasets, and compressed
/// chunks of any size. Half of the rounds write a piece anew, which gives it another size by up to a tenth; the others
/// delete one and make another. Each allocates before it frees, as commits that keep the last state must.
void churn(const char* name, Strategy strategy, uint64_t page, uint64_t block = 2048) {
  struct Piece {
    Block block;
    Kind kind;
  };
  Config config{.initial_offset = 48, .strategy = strategy, .metadata_block = block, .small_data_block = block};
  config.page_size = page;
  const Space space = make(config);
  std::mt19937_64 engine(7);
  std::lognormal_distribution<double> chunk(9.5, 1.0);
  uint64_t bytes = 0;
  const auto drawn = [&]() -> Piece {
    const uint64_t pick = engine() % 10;
    const uint64_t size = pick < 3   ? 200 + engine() % 400
                          : pick < 5 ? 2096
                          : pick < 6 ? 8 + engine() % 1000
                                     : 64 + static_cast<uint64_t>(std::min(chunk(engine), 1e6));
    return {{0, size}, pick < 5 ? Kind::kMetadata : Kind::kRaw};
  };
  const auto allocate = [&](Piece piece) {
    piece.block.offset = space->allocate(piece.block.size, 1, piece.kind).value();
    bytes += piece.block.size;
    return piece;
  };
  const uint64_t operations = 1'000'000 / scale;
  const double start = cpu_now();
  std::vector<Piece> live;
  while (live.size() < 10'000) live.push_back(allocate(drawn()));
  for (uint64_t round = 0; round < (operations - live.size()) / 2; ++round) {
    Piece& piece = live[engine() % live.size()];
    const Piece old = piece;
    Piece next = drawn();
    if (engine() % 2 == 0) {
      next = old;
      next.block.size = std::max<uint64_t>(8, old.block.size * (90 + engine() % 21) / 100);
    }
    piece = allocate(next);
    check(space->free(old.block.offset, old.block.size).ok());
    bytes -= old.block.size;
    if (round % 50 == 49) check(space->commit().ok());
  }
  check(space->commit().ok());
  const double time = (cpu_now() - start) / static_cast<double>(operations);
  check(space->shrink_tail().ok());
  check(space->validate().ok());
  std::printf("%-44s %9.3f of the live bytes; %.0f ns a call\n", name,
              static_cast<double>(space->end_of_file()) / static_cast<double>(bytes), time);
}

}  // namespace

namespace freestone::bench {

void filespace(const Options& options) {
  scale = options.small ? 10 : 1;
  if (options.wants("calls")) {
    report("append", "ns", 15, [] { return append(true); });
    report("append, not tracked", "ns", 15, [] { return append(false); });
    report("best fit among 1e3 holes", "ns", 80, [] { return fit(1000, Strategy::kBestFit); });
    report("best fit among 1e6 holes", "ns", 200, [] { return fit(1'000'000 / scale, Strategy::kBestFit); });
    report("first fit among 1e6 holes", "ns", 200, [] { return fit(1'000'000 / scale, Strategy::kFirstFit); });
    report("worst fit among 1e6 holes", "ns", 200, [] { return fit(1'000'000 / scale, Strategy::kWorstFit); });
    report("free and merge among 1e6 holes", "ns", 150, [] { return free_and_merge(1'000'000 / scale); });
    report("is_allocated among 1e3 blocks", "ns", 50, [] { return ask(1000); });
    report("is_allocated among 1e6 blocks", "ns", 300, [] { return ask(1'000'000 / scale); });
    report("blocks() of 1e3", "us", 4, list_blocks);
    report("validate_no_overlaps of 1e3 blocks", "us", 8, validate);
  }
  if (options.wants("memory")) memory();
  if (options.wants("churn")) {
    churn("file after 1e6 calls, best fit", Strategy::kBestFit, 0);
    churn("file after 1e6 calls, best fit, 64 KiB blocks", Strategy::kBestFit, 0, 65'536);
    churn("file after 1e6 calls, first fit", Strategy::kFirstFit, 0);
    churn("file after 1e6 calls, worst fit", Strategy::kWorstFit, 0);
    churn("file after 1e6 calls, best fit, 4 KiB pages", Strategy::kBestFit, 4096);
  }
}

}  // namespace freestone::bench
