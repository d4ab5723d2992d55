#include "pool/support.h"

namespace freestone::pool {

using base::Code;

namespace {

base::Ref<Pool> make_hardened(ChunkSource& source, uint64_t quarantine = 1 << 20) {
  auto pool = Pool::make({.source = &source, .hardened = true, .quarantine = quarantine});
  REQUIRE(pool.ok());
  return pool.take();
}

Finding only_finding(const base::Ref<Pool>& pool) {
  Finding found[4];
  REQUIRE(pool->findings(found) == 1);
  return found[0];
}

}  // namespace

TEST_CASE("a hardened pool says which byte beside a block was written") {
  MappedSource source;
  const auto pool = make_hardened(source);
  auto* const block = static_cast<uint8_t*>(get(pool, 100));
  block[100] = 1;
  CHECK(pool->free(block).code() == Code::kOverlap);
  Finding finding = only_finding(pool);
  CHECK(finding.fault == Fault::kOverrun);
  CHECK(finding.block == block);
  CHECK(finding.offset == 100);

  auto* const second = static_cast<uint8_t*>(get(pool, 100));
  second[-3] = 1;
  CHECK(pool->free(second).code() == Code::kOverlap);
  finding = only_finding(pool);
  CHECK(finding.fault == Fault::kUnderrun);
  CHECK(finding.offset == -3);
}

TEST_CASE("without guard pages a hardened pool watches the page behind a block as well") {
  MappedSource source;
  auto made = Pool::make({.source = &source, .hardened = true, .guard_pages = false, .quarantine = 1 << 20});
  REQUIRE(made.ok());
  const auto pool = made.take();
  auto* const block = static_cast<uint8_t*>(get(pool, 4096));
  block[4096 + 4095] = 1;
  CHECK(pool->free(block).code() == Code::kOverlap);
  const Finding finding = only_finding(pool);
  CHECK(finding.fault == Fault::kOverrun);
  CHECK(finding.offset == 4096 + 4095);
  auto* const whole = static_cast<uint8_t*>(get(pool, 4096));
  std::memset(whole, 1, 4096);
  CHECK(pool->free(whole).ok());
}

TEST_CASE("a hardened pool finds second frees and writes to freed blocks, and uses neither again soon") {
  MappedSource source;
  {
    const auto pool = make_hardened(source, 0);
    auto* const block = static_cast<uint8_t*>(get(pool, 5000));
    CHECK(pool->free(block).ok());
  }
  CHECK(source.live_bytes() == 0);
  const auto pool = make_hardened(source, 64 << 10);
  auto* const block = static_cast<uint8_t*>(get(pool, 5000));
  CHECK(pool->free(block).ok());
  CHECK(pool->free(block).code() == Code::kInvalidAddress);
  CHECK(only_finding(pool).fault == Fault::kDoubleFree);
  block[17] = 1;
  Finding finding;
  for (int i = 0; i < 20; ++i) {
    void* const other = get(pool, 5000);
    CHECK(other != block);
    CHECK(pool->free(other).ok());
    if (pool->findings({&finding, 1}) == 1) break;
  }
  CHECK(finding.fault == Fault::kUseAfterFree);
  CHECK(finding.block == block);
  CHECK(finding.offset == 17);
}

TEST_CASE("a hardened pool gives everything back, whatever it found") {
  MappedSource source;
  {
    const auto pool = make_hardened(source);
    for (int i = 1; i < 50; ++i) {
      void* const block = get(pool, static_cast<size_t>(i * 211));
      std::memset(block, 0, static_cast<size_t>(i * 211));
      CHECK(pool->owns(block));
      if (i % 2 == 0) CHECK(pool->free(block).ok());
    }
    CHECK(pool->stats().live_blocks == 25);
    pool->free_all();
    CHECK(pool->stats().live_blocks == 0);
  }
  CHECK(source.live_bytes() == 0);
}

}  // namespace freestone::pool
