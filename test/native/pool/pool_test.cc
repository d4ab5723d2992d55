#include "pool/pool.h"

#include <map>

#include "pool/support.h"

namespace freestone::pool {

using base::Code;

TEST_CASE("blocks are apart, aligned, and as large as asked for") {
  MappedSource source;
  {
    const auto pool = make_pool(source);
    std::vector<std::pair<uint8_t*, size_t>> blocks;
    for (size_t size = 1; size < 300'000; size += 1 + size / 7) {
      for (int copy = 0; copy < 3; ++copy) {
        auto* const block = static_cast<uint8_t*>(get(pool, size));
        CHECK(reinterpret_cast<uintptr_t>(block) % 16 == 0);
        CHECK(pool->usable_size(block).value() >= size);
        std::memset(block, static_cast<int>(blocks.size() & 255), size);
        blocks.emplace_back(block, size);
      }
    }
    CHECK(pool->validate().ok());
    for (size_t i = 0; i < blocks.size(); ++i) {
      const auto [block, size] = blocks[i];
      CHECK(block[0] == (i & 255));
      CHECK(block[size - 1] == (i & 255));
      CHECK(pool->free(block).ok());
    }
    CHECK(pool->stats().live_blocks == 0);
    CHECK(pool->validate().ok());
  }
  CHECK(source.live_bytes() == 0);
}

TEST_CASE("alignment is kept up to more than a span") {
  MappedSource source;
  const auto pool = make_pool(source);
  for (size_t alignment = 1; alignment <= size_t{4} << 20; alignment *= 2) {
    for (const size_t size : {size_t{1}, size_t{100}, size_t{3000}, size_t{70'000}}) {
      const auto block = pool->allocate_aligned(size, alignment);
      REQUIRE(block.ok());
      CHECK(reinterpret_cast<uintptr_t>(block.value()) % alignment == 0);
      CHECK(pool->usable_size(block.value()).value() >= size);
    }
  }
  CHECK(pool->allocate_aligned(1, 3).status().code() == Code::kInvalidAlignment);
  CHECK(pool->allocate_aligned(1, 0).status().code() == Code::kInvalidAlignment);
}

TEST_CASE("sizes that cannot be are refused") {
  MappedSource source;
  const auto pool = make_pool(source);
  CHECK(pool->allocate(0).status().code() == Code::kInvalidSize);
  CHECK(pool->allocate(SIZE_MAX).status().code() == Code::kInvalidSize);
  CHECK(pool->allocate(Pool::kMaxSize + 1).status().code() == Code::kInvalidSize);
  CHECK(pool->allocate_zeroed(SIZE_MAX / 2, 4).status().code() == Code::kInvalidSize);
  CHECK(Pool::make({}).status().code() == Code::kInvalidArgument);
}

TEST_CASE("zeroed blocks are zero where others wrote before") {
  MappedSource source;
  const auto pool = make_pool(source);
  void* const first = get(pool, 500);
  std::memset(first, 0xFF, 500);
  CHECK(pool->free(first).ok());
  auto* const second = static_cast<uint8_t*>(pool->allocate_zeroed(100, 5).value());
  CHECK(std::all_of(second, second + 500, [](uint8_t byte) { return byte == 0; }));
  CHECK(std::strcmp(pool->duplicate("a text").value(), "a text") == 0);
}

TEST_CASE("a resized block stays where its size still suits, and keeps its content where it moves") {
  MappedSource source;
  const auto pool = make_pool(source);
  auto* block = static_cast<char*>(get(pool, 1100));
  std::memset(block, 'x', 1100);
  CHECK(pool->reallocate(block, 1150).value() == block);
  CHECK(pool->reallocate(block, 600).value() == block);
  auto* const moved = static_cast<char*>(pool->reallocate(block, 100'000).value());
  CHECK(moved != block);
  CHECK(moved[1099] == 'x');
  CHECK_FALSE(pool->owns(block));
  auto* const back = static_cast<char*>(pool->reallocate(moved, 20).value());
  CHECK(back[19] == 'x');
  CHECK(pool->reallocate(moved, 20).status().code() == Code::kInvalidAddress);
  CHECK(pool->stats().live_blocks == 1);
}

TEST_CASE("a large block grows into what is behind it and gives its tail back, where it is") {
  const auto frames = frames::make_allocator(uint64_t{64} << 20);
  const uint64_t all = frames->stats().value().free_frames;
  FrameSource of_frames(frames);
  MappedSource mapped;
  ChunkSource* const sources[] = {&mapped, &of_frames};
  for (ChunkSource* const source : sources) {
    const auto pool = make_pool(*source, 16 << 20);
    const auto held = [&]() -> uint64_t {
      return source == &mapped ? mapped.live_bytes() : (all - frames->stats().value().free_frames) * 4096;
    };
    auto* const block = static_cast<uint8_t*>(get(pool, 1'000'001));
    const size_t whole = pool->usable_size(block).value();
    CHECK(whole % os::page_size() == 0);
    std::memset(block, 'x', whole);
    // The rest of its last page.
    CHECK(pool->reallocate(block, whole).value() == block);
    // The tail goes back to the source, and its addresses are nobody's.
    CHECK(pool->reallocate(block, 300'000).value() == block);
    CHECK(pool->usable_size(block).value() == 303'104);
    CHECK(pool->stats().large_bytes == 303'104);
    CHECK(pool->stats().committed == 303'104);
    CHECK(held() == 303'104);
    CHECK(SpanTable::find(block + 300'000) != nullptr);
    CHECK(SpanTable::find(block + 400'000) == nullptr);
    // An eighth may stay.
    CHECK(pool->reallocate(block, 280'000).value() == block);
    CHECK(held() == 303'104);
    // Into what is free again behind it.
    CHECK(pool->reallocate(block, 900'000).value() == block);
    CHECK(pool->stats().committed == 901'120);
    CHECK(pool->stats().high_water == 1'003'520);
    CHECK(held() == 901'120);
    CHECK(std::all_of(block, block + 300'000, [](uint8_t byte) { return byte == 'x'; }));
    std::memset(block, 'y', 900'000);
    for (const size_t inside : {65'536, 400'000, 890'000}) CHECK_FALSE(pool->free(block + inside).ok());
    CHECK(pool->validate().ok());
    // To a class it moves.
    auto* const small = static_cast<uint8_t*>(pool->reallocate(block, 100).value());
    CHECK(small != block);
    CHECK(small[99] == 'y');
    CHECK_FALSE(pool->owns(block));
    CHECK(pool->free(small).ok());
    (void)pool->trim();
    CHECK(held() == 0);
  }
}

TEST_CASE("a large block moves when something lies behind it, and stays as it is when it cannot move either") {
  const auto frames = frames::make_allocator(uint64_t{64} << 20);
  FrameSource source(frames);
  const auto pool = make_pool(source, 1 << 20);
  auto* const first = static_cast<uint8_t*>(get(pool, 128 << 10));
  auto* const second = static_cast<uint8_t*>(get(pool, 128 << 10));
  REQUIRE(second == first + (128 << 10));
  std::memset(first, 'x', 128 << 10);
  CHECK(pool->resize(first, 256 << 10).code() == Code::kOutOfMemory);
  CHECK(pool->resize(second, 2 << 20).code() == Code::kLimitExceeded);
  CHECK(pool->reallocate(first, 2 << 20).status().code() == Code::kLimitExceeded);
  CHECK(pool->stats().committed == 256 << 10);
  CHECK(pool->usable_size(first).value() == 128 << 10);
  CHECK(std::all_of(first, first + (128 << 10), [](uint8_t byte) { return byte == 'x'; }));
  auto* const moved = static_cast<uint8_t*>(pool->reallocate(first, 256 << 10).value());
  CHECK(moved != first);
  CHECK(moved[(128 << 10) - 1] == 'x');
  CHECK(pool->resize(first, 1).code() == Code::kInvalidAddress);
  CHECK(pool->resize(moved + 65'536, 1).code() == Code::kInvalidAddress);
  CHECK(pool->resize(moved, 0).code() == Code::kInvalidSize);
  // Within the limit there is room behind it, but not for a copy.
  CHECK(pool->free(second).ok());
  CHECK(pool->reallocate(moved, 700 << 10).value() == moved);
  CHECK(pool->stats().committed == 700 << 10);
  CHECK(pool->validate().ok());
}

TEST_CASE("a block that is to be shorter stays when there is no memory to move to") {
  FailingSource source;
  const auto pool = make_pool(source);
  void* const block = get(pool, 100'000);
  source.left = 0;
  CHECK(pool->reallocate(block, 100).value() == block);
  CHECK(pool->reallocate(block, 1 << 30).status().code() == Code::kOutOfMemory);
  CHECK(pool->owns(block));
  source.left = 1;
  CHECK(pool->reallocate(block, 100).value() != block);
}

TEST_CASE("a large block of a pool in a pool changes its size in both") {
  MappedSource source;
  const auto outer = make_pool(source);
  PoolSource from_outer(outer);
  const auto inner = make_pool(from_outer);
  auto* const block = static_cast<uint8_t*>(get(inner, 1 << 20));
  CHECK(inner->reallocate(block, 256 << 10).value() == block);
  CHECK(outer->stats().large_bytes == 256 << 10);
  CHECK(inner->reallocate(block, 512 << 10).value() == block);
  CHECK(outer->stats().large_bytes == 512 << 10);
  CHECK_FALSE(outer->free(block).ok());
  CHECK_FALSE(outer->free(block + (300 << 10)).ok());
  CHECK(inner->free(block).ok());
  CHECK(SpanTable::find(block + (300 << 10)) == nullptr);
  CHECK(outer->stats().live_blocks == 0);
  CHECK(inner->validate().ok());
  CHECK(outer->validate().ok());
}

TEST_CASE("foreign, inner and second frees are refused and change nothing") {
  MappedSource source;
  const auto pool = make_pool(source);
  const auto other = make_pool(source);
  int on_stack = 0;
  void* const foreign = get(other, 64);
  auto* const small = static_cast<uint8_t*>(get(pool, 64));
  auto* const large = static_cast<uint8_t*>(get(pool, 1 << 20));
  void* const freed = get(pool, 64);
  CHECK(pool->free(freed).ok());
  const auto refused = [&](void* address) { return pool->free(address).code() == Code::kInvalidAddress; };
  CHECK(refused(nullptr));
  CHECK(refused(&on_stack));
  CHECK(refused(foreign));
  CHECK(refused(freed));
  CHECK(refused(reinterpret_cast<void*>(UINTPTR_MAX)));
  for (const size_t inside : {1, 8, 16, 32, 63}) CHECK(refused(small + inside));
  for (const size_t inside : {1, 16, 65'536, 1 << 19}) CHECK(refused(large + inside));
  std::mt19937_64 random(1);
  uint64_t accepted = 0;
  for (uint64_t i = 0; i < steps(1'000'000); ++i) {
    auto* const address = i % 2 == 0 ? reinterpret_cast<uint8_t*>(random()) : small + random() % 200'000;
    if (address == small || address == large) continue;
    accepted += pool->free(address).ok() ? 1 : 0;
  }
  CHECK(accepted == 0);
  CHECK(pool->stats().live_blocks == 2);
  CHECK(pool->validate().ok());
  CHECK(pool->free(small).ok());
  CHECK(pool->free(large).ok());
  CHECK(refused(large));
  CHECK(other->free(foreign).ok());
}

TEST_CASE("a pool behaves as a list of blocks does") {
  FailingSource source;
  {
    const auto pool = make_pool(source);
    std::mt19937_64 random(7);
    std::map<uint8_t*, std::pair<size_t, uint8_t>> model;
    const auto any = [&] {
      auto found = model.lower_bound(reinterpret_cast<uint8_t*>(model.begin()->first + random() % 40'000'000));
      return found == model.end() ? model.begin() : found;
    };
    const auto intact = [](uint8_t* block, size_t size, uint8_t stamp) {
      return std::all_of(block, block + size, [=](uint8_t byte) { return byte == stamp; });
    };
    for (uint64_t i = 0; i < steps(60'000); ++i) {
      const uint64_t choice = random() % 100;
      // Now and then the source has nothing: what fails then must leave everything as it was.
      source.left = random() % 20 == 0 ? 0 : INT64_MAX;
      const size_t size = 1 + (random() >> (40 + random() % 20)) % (choice < 2 ? 300'000 : 5000);
      if (choice < 50 || model.empty()) {
        const auto block = choice < 5 ? pool->allocate_aligned(size, size_t{1} << random() % 14) : pool->allocate(size);
        if (!block.ok()) {
          REQUIRE(block.status().code() == Code::kOutOfMemory);
          continue;
        }
        const auto stamp = static_cast<uint8_t>(random());
        std::memset(block.value(), stamp, size);
        REQUIRE(model.try_emplace(static_cast<uint8_t*>(block.value()), size, stamp).second);
      } else if (choice < 90) {
        const auto found = any();
        REQUIRE(intact(found->first, found->second.first, found->second.second));
        REQUIRE(pool->free(found->first).ok());
        REQUIRE_FALSE(pool->free(found->first).ok());
        model.erase(found);
      } else if (choice < 99) {
        const auto found = any();
        const auto [old_size, stamp] = found->second;
        const auto moved = pool->reallocate(found->first, size);
        if (!moved.ok()) continue;
        auto* const block = static_cast<uint8_t*>(moved.value());
        REQUIRE(intact(block, std::min(size, old_size), stamp));
        model.erase(found);
        std::memset(block, stamp, size);
        REQUIRE(model.try_emplace(block, size, stamp).second);
      } else {
        (void)pool->trim();
        REQUIRE(pool->validate().ok());
        REQUIRE(pool->stats().live_blocks == model.size());
      }
    }
    size_t met = 0;
    pool->walk([](void* count, void*, size_t) noexcept { return ++*static_cast<size_t*>(count), true; }, &met);
    CHECK(met == model.size());
  }
  CHECK(source.under.live_bytes() == 0);
}

TEST_CASE("running out of memory at any point fails cleanly, and the pool goes on when there is some") {
  for (int64_t chunks = 0; chunks < 12; ++chunks) {
    FailingSource source;
    source.left = chunks;
    {
      const auto pool = make_pool(source);
      std::vector<void*> blocks;
      Code code = Code::kOk;
      while (code == Code::kOk) {
        const auto block = pool->allocate(blocks.size() % 3 == 0 ? 100'000 : 20'000);
        code = block.status().code();
        if (block.ok()) blocks.push_back(block.value());
      }
      CHECK(code == Code::kOutOfMemory);
      CHECK(pool->stats().live_blocks == blocks.size());
      CHECK(pool->validate().ok());
      source.left = INT64_MAX;
      blocks.push_back(get(pool, 100'000));
      for (void* const block : blocks) CHECK(pool->free(block).ok());
    }
    CHECK(source.under.live_bytes() == 0);
  }
}

TEST_CASE("the limit bounds what is taken from the source, and empty spans make room") {
  MappedSource source;
  const auto pool = make_pool(source, 4 << 20);
  std::vector<void*> blocks;
  for (;;) {
    const auto block = pool->allocate(8000);
    if (!block.ok()) {
      CHECK(block.status().code() == Code::kLimitExceeded);
      break;
    }
    blocks.push_back(block.value());
  }
  CHECK(source.live_bytes() == 4 << 20);
  CHECK(blocks.size() >= (4 << 20) / 8192 - 16);
  CHECK(pool->allocate(5 << 20).status().code() == Code::kLimitExceeded);
  for (void* const block : blocks) CHECK(pool->free(block).ok());
  // All of it is cached in spans of another length; it must come back.
  void* const large = get(pool, 3 << 20);
  CHECK(pool->free(large).ok());
}

TEST_CASE("freeing all ends every block at once, and the pool is as new") {
  MappedSource source;
  const auto pool = make_pool(source);
  std::vector<void*> blocks;
  for (int i = 0; i < 5000; ++i) blocks.push_back(get(pool, static_cast<size_t>(1 + i * 13 % 90'000)));
  pool->free_all();
  CHECK(pool->stats().live_blocks == 0);
  for (void* const block : blocks) CHECK_FALSE(pool->free(block).ok());
  CHECK(pool->validate().ok());
  const uint64_t cached = pool->stats().cached;
  CHECK(cached == pool->stats().committed);
  CHECK(pool->trim() == cached);
  CHECK(source.live_bytes() == 0);
  CHECK(pool->free(get(pool, 10)).ok());
}

TEST_CASE("trimming leaves spans that have not been empty for long enough") {
  MappedSource source;
  const auto pool = make_pool(source);
  CHECK(pool->free(get(pool, 10'000)).ok());
  void* const kept = get(pool, 100);
  CHECK(pool->trim(60'000) == 0);
  CHECK(source.live_bytes() > span_bytes_of(0));
  (void)pool->trim();
  CHECK(pool->owns(kept));
  CHECK(source.live_bytes() == span_bytes_of(0));
}

TEST_CASE("a pool may take its spans from another pool, and each knows its own blocks") {
  MappedSource source;
  {
    const auto outer = make_pool(source);
    PoolSource from_outer(outer);
    {
      const auto inner = make_pool(from_outer);
      std::vector<void*> blocks;
      for (int i = 0; i < 3000; ++i) blocks.push_back(get(inner, static_cast<size_t>(1 + i * 37 % 100'000)));
      for (void* const block : blocks) {
        CHECK_FALSE(outer->owns(block));
        CHECK(inner->free(block).ok());
      }
    }
    CHECK(outer->stats().live_blocks == 0);
    CHECK(outer->validate().ok());
  }
  CHECK(source.live_bytes() == 0);
}

TEST_CASE("spans of page frames go back to the frame allocator") {
  const auto frames = frames::make_allocator(uint64_t{256} << 20);
  FrameSource source(frames);
  {
    const auto pool = make_pool(source);
    for (int i = 0; i < 2000; ++i) (void)get(pool, static_cast<size_t>(1 + i * 31 % 80'000));
    CHECK(frames->stats().value().free_frames < frames->stats().value().total_frames);
  }
  CHECK(frames->stats().value().free_frames == frames->stats().value().total_frames);
  CHECK(frames->validate().ok());
}

}  // namespace freestone::pool
