#include "slab/classes.h"

#include <doctest/doctest.h>

#include <cmath>

namespace freestone::slab {

TEST_CASE("there are 44 classes: 8 to 128, four a doubling to 16 KiB, two a doubling to 128 KiB") {
  const uint32_t first[] = {8, 16, 24, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320};
  for (uint32_t i = 0; i < std::size(first); ++i) CHECK(kClassTable[i].size == first[i]);
  CHECK(kClassTable[37].size == 16384);
  CHECK(kClassTable[38].size == 24576);
  CHECK(kClassTable[43].size == 131072);
  for (uint32_t i = 1; i < kClasses; ++i) CHECK(kClassTable[i].size > kClassTable[i - 1].size);
}

TEST_CASE("every size from 1 to 128 KiB gets the smallest class that holds it") {
  uint32_t expected = 0;
  bool all = true;
  for (uint32_t size = 1; size <= kMaxUnit; ++size) {
    if (kClassTable[expected].size < size) ++expected;
    all = all && class_of(size) == expected;
  }
  CHECK(all);
}

TEST_CASE("an aligned class holds the size at multiples of the alignment") {
  for (uint32_t alignment = 1; alignment <= kMaxUnit; alignment *= 2) {
    for (uint32_t size = 1; size <= kMaxUnit; size += 37) {
      const uint32_t index = aligned_class_of(size, alignment);
      REQUIRE(index < kClasses);
      REQUIRE(kClassTable[index].size >= size);
      REQUIRE(kClassTable[index].size % alignment == 0);
    }
  }
  CHECK(aligned_class_of(8, 2 * kMaxUnit) == kClasses);
}

TEST_CASE("a segment is 64 KiB to 1 MiB and holds at least eight units of its class") {
  for (const ClassInfo& info : kClassTable) {
    CHECK(info.units >= kMinUnits);
    CHECK(uint64_t{info.units} * info.size <= info.segment_bytes());
    CHECK(info.segment_bytes() >= kSlotBytes);
    CHECK(info.segment_bytes() <= 1024 * 1024);
    CHECK(info.slabs <= kMaxSlabs);
  }
}

TEST_CASE("multiplying by the reciprocal divides every offset of a segment exactly") {
  for (const ClassInfo& info : kClassTable) {
    bool all = true;
    for (uint32_t offset = 0; offset < info.segment_bytes(); ++offset) {
      all = all && offset * info.reciprocal >> kReciprocalShift == offset / info.size;
    }
    CHECK(all);
  }
}

TEST_CASE("a unit wastes at most an eighth on average, over the sizes of each class from 128 bytes to 16 KiB") {
  double waste = 0;
  uint32_t classes = 0;
  for (uint32_t i = 10; i < kClasses; ++i) {
    const double size = kClassTable[i].size;
    const double least = kClassTable[i - 1].size + 1;
    const double average = (size - least) / 2 / size;
    // Two classes a doubling waste more: 1/6 at the most, which the table is made to.
    CHECK(average <= (i < 38 ? 0.125 : 1.0 / 6));
    waste += average;
    ++classes;
  }
  CHECK(waste / classes <= 0.125);
}

}  // namespace freestone::slab
