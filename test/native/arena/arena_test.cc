#include "arena/arena.h"

#include <chrono>
#include <string>

#include "pool/support.h"

namespace freestone::arena {

using base::Code;
using pool::FailingSource;
using pool::MappedSource;
using pool::steps;

namespace {

struct Made {
  pool::ChunkSource& source;
  Arena arena;
  explicit Made(pool::ChunkSource& from, Config config = {}) : source(from) {
    config.source = &from;
    REQUIRE(arena.init(config).ok());
  }
};

constexpr uint64_t kKiB = 1024;

}  // namespace

TEST_CASE("fifty small objects need one chunk") {
  MappedSource source;
  Made made(source);
  for (int i = 0; i < 50; ++i) CHECK(made.arena.allocate(40) != nullptr);
  CHECK(made.arena.chunk_count() == 1);
  CHECK(made.arena.total_allocated() == 4 * kKiB);
  CHECK(made.arena.total_used() == 50 * 48);
}

TEST_CASE("a hundred kilobytes of small objects need exactly 4 + 8 + 16 + 32 + 64 KiB, and chunks stay at 64") {
  MappedSource source;
  Made made(source);
  for (int i = 0; i < 100'000 / 16; ++i) CHECK(made.arena.allocate(16) != nullptr);
  CHECK(made.arena.chunk_count() == 5);
  CHECK(made.arena.total_allocated() == (4 + 8 + 16 + 32 + 64) * kKiB);
  CHECK(made.arena.chunk_size() == 64 * kKiB);
  for (int i = 0; i < 10'000; ++i) (void)made.arena.allocate(16);
  CHECK(made.arena.total_allocated() % (64 * kKiB) == 60 * kKiB);
  CHECK(made.arena.waste() == 0);
}

TEST_CASE("a request larger than the next chunk gets one of its size, and growth goes on from where it was") {
  MappedSource source;
  Made made(source);
  (void)made.arena.allocate(16);
  CHECK(made.arena.allocate(50'000) != nullptr);
  CHECK(made.arena.total_allocated() == 4 * kKiB + 50'000);
  CHECK(made.arena.chunk_size() == 8 * kKiB);
  (void)made.arena.allocate(16);
  CHECK(made.arena.total_allocated() == 12 * kKiB + 50'000);
}

TEST_CASE("blocks are aligned, to 16 unless asked otherwise") {
  MappedSource source;
  Made made(source);
  for (size_t size = 1; size < 100; ++size) {
    CHECK(reinterpret_cast<uintptr_t>(made.arena.allocate(size)) % 16 == 0);
    for (size_t alignment = 1; alignment <= 4096; alignment *= 2) {
      CHECK(reinterpret_cast<uintptr_t>(made.arena.allocate_aligned(size, alignment)) % alignment == 0);
    }
  }
  CHECK(made.arena.allocate_aligned(1, 3) == nullptr);
  CHECK(made.arena.why().code() == Code::kInvalidAlignment);
  CHECK(made.arena.allocate_aligned(1, 8192) == nullptr);
}

TEST_CASE("sizes that cannot be are refused") {
  MappedSource source;
  Made made(source);
  for (const size_t size : {size_t{0}, kMaxSize + 1, SIZE_MAX, SIZE_MAX - 15}) {
    CHECK(made.arena.allocate(size) == nullptr);
    CHECK(made.arena.why().code() == Code::kInvalidSize);
  }
  CHECK(made.arena.allocate_zeroed(SIZE_MAX / 2, 3) == nullptr);
  CHECK(made.arena.total_used() == 0);
  Arena wrong;
  CHECK(wrong.init({}).code() == Code::kInvalidArgument);
  CHECK(wrong.init({.source = &source, .initial_chunk_size = 100}).code() == Code::kInvalidSize);
  CHECK(wrong.init({.source = &source, .alignment = 24}).code() == Code::kInvalidAlignment);
}

TEST_CASE("a reset keeps every chunk and uses it again, also for a large block; clear keeps the first") {
  MappedSource source;
  Made made(source);
  const auto fill = [&] {
    for (int i = 0; i < 3000; ++i) (void)made.arena.allocate(32);
  };
  void* const first = made.arena.allocate(32);
  fill();
  const uint64_t held = made.arena.total_allocated();
  for (int i = 0; i < 5; ++i) {
    made.arena.reset();
    CHECK(made.arena.total_used() == 0);
    CHECK(made.arena.allocate(32) == first);
    CHECK(made.arena.allocate(20'000) != nullptr);
    fill();
    CHECK(made.arena.total_allocated() <= held + 64 * kKiB);
  }
  const uint64_t grown = made.arena.total_allocated();
  for (int i = 0; i < 5; ++i) {
    made.arena.reset();
    CHECK(made.arena.allocate(20'000) != nullptr);
    for (int j = 0; j < 2000; ++j) (void)made.arena.allocate(32);
  }
  CHECK(made.arena.total_allocated() == grown);
  made.arena.retain(30 * kKiB);
  CHECK(made.arena.total_allocated() <= 30 * kKiB);
  made.arena.clear();
  CHECK(made.arena.chunk_count() == 1);
  CHECK(made.arena.chunk_size() == 8 * kKiB);
  CHECK(source.live_bytes() == 4 * kKiB);
  CHECK(made.arena.high_water() >= held);
}

TEST_CASE("texts are copied to their end, or to a length") {
  MappedSource source;
  Made made(source);
  CHECK(std::string(made.arena.duplicate("")).empty());
  CHECK(std::string(made.arena.duplicate("abc")) == "abc");
  CHECK(std::string(made.arena.duplicate("abc", 2)) == "ab");
  CHECK(std::string(made.arena.duplicate("abc", 9)) == "abc");
  const std::string longer(100'000, 'x');
  CHECK(made.arena.duplicate(longer.c_str()) == longer);
  CHECK(std::string(made.arena.sprintf("%d-%s", 42, "x")) == "42-x");
}

TEST_CASE("the last block can be given back and resized in place, another one cannot") {
  MappedSource source;
  Made made(source);
  auto* const first = static_cast<char*>(made.arena.allocate(100));
  std::memset(first, 'a', 100);
  CHECK(made.arena.reallocate(first, 100, 1000) == first);
  void* const second = made.arena.allocate(10);
  CHECK_FALSE(made.arena.free_last(first, 1000));
  CHECK(made.arena.free_last(second, 10));
  CHECK_FALSE(made.arena.free_last(second, 10));
  CHECK(made.arena.free_last(first, 1000));
  CHECK(made.arena.total_used() == 0);
  auto* const again = static_cast<char*>(made.arena.allocate(100));
  std::memset(again, 'b', 100);
  (void)made.arena.allocate(1);
  auto* const moved = static_cast<char*>(made.arena.reallocate(again, 100, 200));
  CHECK(moved != again);
  CHECK(moved[99] == 'b');
}

TEST_CASE("an object grows until it is finished, wherever it has to move") {
  MappedSource source;
  Made made(source);
  std::string expected;
  for (int i = 0; i < 3000; ++i) {
    const std::string piece = std::to_string(i);
    expected += piece;
    CHECK(made.arena.append(piece.data(), piece.size()));
  }
  CHECK(made.arena.allocate_aligned(8, 16) == nullptr);
  CHECK(made.arena.why().code() == Code::kInvalidArgument);
  size_t size = 0;
  const auto* const object = static_cast<const char*>(made.arena.finish(&size));
  CHECK(std::string(object, size) == expected);
  CHECK(made.arena.allocate(8) != nullptr);
}

TEST_CASE("marks nest, and one that was ended is refused") {
  MappedSource source;
  Made made(source);
  (void)made.arena.allocate(100);
  const uint64_t used = made.arena.total_used();
  const Mark outer = made.arena.mark();
  for (int i = 0; i < 1000; ++i) (void)made.arena.allocate(100);
  const Mark inner = made.arena.mark();
  (void)made.arena.allocate(100);
  CHECK(made.arena.rewind(outer).ok());
  CHECK(made.arena.total_used() == used);
  CHECK(made.arena.rewind(inner).code() == Code::kInvalidArgument);
  CHECK(made.arena.rewind(outer).code() == Code::kInvalidArgument);
  const Mark old = made.arena.mark();
  made.arena.reset();
  CHECK(made.arena.rewind(old).code() == Code::kInvalidArgument);
  CHECK(made.arena.rewind(Mark{}).code() == Code::kInvalidArgument);
}

TEST_CASE("cleanups run in reverse order when what they were registered behind ends, and can be removed") {
  MappedSource source;
  static std::string order;
  order.clear();
  {
    Made made(source);
    const auto add = [&](const char* name) {
      return made.arena.add_cleanup([](void* text) noexcept { order += static_cast<const char*>(text); },
                                    const_cast<char*>(name));
    };
    (void)made.arena.allocate(16);
    (void)add("a");
    const Mark mark = made.arena.mark();
    (void)made.arena.allocate(16);
    (void)add("b");
    const uint64_t removed = add("x");
    (void)add("c");
    CHECK(made.arena.remove_cleanup(removed));
    CHECK_FALSE(made.arena.remove_cleanup(removed));
    CHECK(made.arena.rewind(mark).ok());
    CHECK(order == "cb");
    made.arena.reset();
    CHECK(order == "cba");
    (void)add("d");
  }
  CHECK(order == "cbad");
}

TEST_CASE("the hard limit refuses and the soft one tells") {
  MappedSource source;
  struct Seen {
    int events[4] = {};
  } seen;
  Made made(source,
            {.limit = 20 * kKiB,
             .soft_limit = 10 * kKiB,
             .on_chunk = [](void* context, ChunkEvent event, uint8_t*,
                            size_t) noexcept { ++static_cast<Seen*>(context)->events[static_cast<int>(event)]; },
             .context = &seen});
  while (made.arena.allocate(64) != nullptr) {
  }
  CHECK(made.arena.why().code() == Code::kLimitExceeded);
  CHECK(made.arena.total_allocated() == 12 * kKiB);
  CHECK(seen.events[static_cast<int>(ChunkEvent::kAllocated)] == 2);
  CHECK(seen.events[static_cast<int>(ChunkEvent::kGrown)] == 2);
  CHECK(seen.events[static_cast<int>(ChunkEvent::kLimit)] == 1);
  made.arena.clear();
  CHECK(seen.events[static_cast<int>(ChunkEvent::kFreed)] == 1);
}

TEST_CASE("a buffer of the caller is the first chunk and stays the caller's") {
  MappedSource source;
  alignas(16) uint8_t buffer[1024];
  {
    Made made(source, {.buffer = buffer, .buffer_size = sizeof(buffer)});
    CHECK(made.arena.allocate(1000) == buffer);
    CHECK(source.live_bytes() == 0);
    (void)made.arena.allocate(1000);
    CHECK(source.live_bytes() == 4 * kKiB);
    made.arena.clear();
    CHECK(made.arena.allocate(16) == buffer);
  }
  buffer[0] = 1;
  CHECK(source.live_bytes() == 0);
}

TEST_CASE("arenas lie in arenas and over pools, and everything is given back") {
  MappedSource source;
  {
    auto pool = pool::Pool::make({.source = &source}).take();
    pool::PoolSource from_pool(pool);
    {
      Made outer(from_pool);
      ArenaSource within(outer.arena);
      Made inner(within, {.initial_chunk_size = 256, .max_chunk_size = 4096});
      for (int i = 0; i < 500; ++i) CHECK(inner.arena.allocate(50) != nullptr);
      CHECK(outer.arena.owns(inner.arena.allocate(10)));
      CHECK_FALSE(outer.arena.owns(&source));
    }
    CHECK(pool->stats().live_blocks == 0);
  }
  CHECK(source.live_bytes() == 0);
}

TEST_CASE("an arena within another one is told before its chunks end, and gives them up") {
  MappedSource source;
  Made outer(source);
  struct Inner {
    Arena arena;
    int told = 0;
  } inner;
  const auto ended = [](void* context) noexcept {
    auto& self = *static_cast<Inner*>(context);
    ++self.told;
    self.arena.retain(0);
  };
  ArenaSource within(outer.arena, ended, &inner);
  REQUIRE(inner.arena.init({.source = &within, .initial_chunk_size = 256, .debug = true}).ok());
  // What it gives back itself is not told.
  CHECK(inner.arena.allocate(16) != nullptr);
  inner.arena.retain(0);
  CHECK(outer.arena.total_used() == 0);
  outer.arena.reset();
  CHECK(inner.told == 0);
  // All of its chunks at once, though only the last one comes after the mark.
  CHECK(inner.arena.allocate(200) != nullptr);
  const Mark mark = outer.arena.mark();
  CHECK(inner.arena.allocate(200) != nullptr);
  CHECK(inner.arena.chunk_count() == 2);
  REQUIRE(outer.arena.rewind(mark).ok());
  CHECK(inner.told == 1);
  CHECK(inner.arena.chunk_count() == 0);
  CHECK(inner.arena.allocate(10'000) != nullptr);
  outer.arena.clear();
  CHECK(inner.told == 2);
  CHECK(inner.arena.total_allocated() == 0);
  CHECK(outer.arena.total_used() == 0);
  // A chunk may grow while it is the last block.
  auto* const chunk = within.allocate_chunk(100, 16).value();
  CHECK(within.resize_chunk(chunk, 100, 3000).ok());
  (void)outer.arena.allocate(16);
  CHECK(within.resize_chunk(chunk, 3000, 3100).code() == Code::kUnsupported);
  CHECK(within.release_chunk(chunk, 3000).ok());
}

TEST_CASE("in debug mode the blocks that have not ended are listed, with the lines that asked for them") {
  MappedSource source;
  Made made(source, {.debug = true});
  Arena& arena = made.arena;
  void* const first = arena.allocate(10);
  const uint32_t line = Site::current().line() - 1;
  (void)arena.allocate_aligned(20, 64);
  const Mark mark = arena.mark();
  (void)arena.duplicate("text");
  (void)arena.allocate(50'000);
  void* const last = arena.allocate(30);
  CHECK(arena.live().size() == 5);
  CHECK(arena.live()[0].block == first);
  CHECK(arena.live()[0].size == 10);
  CHECK(arena.live()[0].site.line() == line);
  CHECK(std::string(arena.live()[0].site.file_name()).ends_with("arena_test.cc"));
  CHECK(arena.live()[1].site.line() == line + 2);
  CHECK(arena.live()[2].size == 5);
  CHECK(arena.live()[2].site.line() == line + 4);
  CHECK(arena.resize_last(last, 30, 40));
  CHECK(arena.live()[4].size == 40);
  CHECK(arena.free_last(last, 40));
  CHECK(arena.live().size() == 4);
  REQUIRE(arena.rewind(mark).ok());
  CHECK(arena.live().size() == 2);
  REQUIRE(arena.append("abc", 3));
  REQUIRE(arena.append("def", 3));
  CHECK(arena.live().size() == 3);
  CHECK(arena.live()[2].size == 6);
  size_t size = 0;
  (void)arena.finish(&size);
  arena.reset();
  CHECK(arena.live().empty());
  Made plain(source);
  (void)plain.arena.allocate(10);
  CHECK(plain.arena.live().empty());
}

TEST_CASE("in debug mode what is ended reads as 0xDD, and another thread is refused") {
#if defined(__SANITIZE_ADDRESS__)
  return;  // there the read itself is the error
#endif
  MappedSource source;
  Made made(source, {.debug = true});
  auto* const block = static_cast<uint8_t*>(made.arena.allocate(5000));
  std::memset(block, 1, 5000);
  std::thread([&] {
    CHECK(made.arena.allocate(16) == nullptr);
    CHECK(made.arena.why().code() == Code::kInvalidArgument);
  }).join();
  made.arena.reset();
  CHECK(block[0] == 0xDD);
  CHECK(block[4999] == 0xDD);
}

TEST_CASE("the largest block is what the configuration says, whatever the chunks are") {
  MappedSource source;
  {
    Made made(source, {.max_size = kMaxSize + 5000});
    auto* const block = static_cast<uint8_t*>(made.arena.allocate(kMaxSize + 1));
    REQUIRE(block != nullptr);
    block[kMaxSize] = 7;
    CHECK_FALSE(made.arena.resize_last(block, kMaxSize + 1, kMaxSize + 5001));
    CHECK(made.arena.free_last(block, kMaxSize + 1));
    CHECK(made.arena.allocate(kMaxSize + 1) == block);
    CHECK(made.arena.allocate(kMaxSize + 5001) == nullptr);
    CHECK(made.arena.why().code() == Code::kInvalidSize);
  }
  CHECK(source.live_bytes() == 0);
  Arena wrong;
  CHECK(wrong.init({.source = &source, .max_size = SIZE_MAX / 4 + 1}).code() == Code::kInvalidSize);
  CHECK(wrong.init({.source = &source, .max_size = 1000}).code() == Code::kInvalidSize);
}

TEST_CASE("running out of memory at any point changes nothing, and the arena goes on when there is some") {
  for (int64_t chunks = 0; chunks < 8; ++chunks) {
    FailingSource source;
    source.left = chunks;
    {
      Made made(source);
      while (made.arena.allocate(100) != nullptr) {
      }
      CHECK(made.arena.why().code() == Code::kOutOfMemory);
      const uint64_t used = made.arena.total_used();
      const size_t count = made.arena.chunk_count();
      CHECK(made.arena.allocate(1 << 20) == nullptr);
      CHECK(made.arena.total_used() == used);
      CHECK(made.arena.chunk_count() == count);
      source.left = INT64_MAX;
      CHECK(made.arena.allocate(100) != nullptr);
    }
    CHECK(source.under.live_bytes() == 0);
  }
}

TEST_CASE("an arena behaves as a stack of blocks does") {
  MappedSource source;
  {
    Made made(source);
    std::mt19937_64 random(3);
    struct Block {
      uint8_t* at;
      size_t size;
      uint8_t stamp;
    };
    std::vector<Block> blocks;
    std::vector<std::pair<Mark, size_t>> marks;
    for (uint64_t i = 0; i < steps(100'000); ++i) {
      const uint64_t choice = random() % 1000;
      if (choice < 800) {
        const size_t size = 1 + random() % (choice < 10 ? 200'000 : 300);
        auto* const block =
            static_cast<uint8_t*>(choice % 8 == 0 ? made.arena.allocate_aligned(size, size_t{1} << random() % 13)
                                                  : made.arena.allocate(size));
        REQUIRE(block != nullptr);
        blocks.push_back({block, size, static_cast<uint8_t>(random())});
        std::memset(block, blocks.back().stamp, size);
      } else if (choice < 900) {
        marks.emplace_back(made.arena.mark(), blocks.size());
      } else if (choice < 998 && !marks.empty()) {
        const size_t depth = random() % marks.size();
        REQUIRE(made.arena.rewind(marks[depth].first).ok());
        blocks.resize(marks[depth].second);
        marks.resize(depth);
      } else if (choice >= 998) {
        made.arena.reset();
        blocks.clear();
        marks.clear();
      }
      if (blocks.empty()) continue;
      const Block& any = blocks[random() % blocks.size()];
      REQUIRE(any.at[0] == any.stamp);
      REQUIRE(any.at[any.size - 1] == any.stamp);
      REQUIRE(made.arena.owns(any.at));
    }
    REQUIRE(made.arena.total_used() <= made.arena.total_allocated());
  }
  CHECK(source.live_bytes() == 0);
}

}  // namespace freestone::arena
