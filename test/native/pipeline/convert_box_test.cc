#include "pipeline/convert.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "pipeline/array_layout.h"
#include "random_bytes.h"

using namespace freestone;
using base::Code;
using pipeline::BoxPlace;
using pipeline::bytes_of;
using pipeline::ElementForm;
using pipeline::Numbers;
using pipeline::Strides;
using pipeline::strides_of;
using pipeline::turn_round;

namespace {

struct Box {
  uint64_t target_offset = 0;
  Strides target_strides = {};
  uint64_t source_offset = 0;
  Strides source_strides = {};
  Numbers counts = {};
  uint32_t element_size = 1;
  uint32_t swap_size = 1;
};

/// Elements that stay what they are, but for the order of their bytes.
base::Status copy(std::vector<uint8_t>& target, const std::vector<uint8_t>& source, const Box& box) {
  const uint32_t description[] = {0, 0, box.element_size, box.swap_size};
  const auto form = ElementForm::make(description);
  if (!form.ok()) return form.status();
  return convert_box(target, BoxPlace{box.target_offset, box.target_strides}, source,
                     BoxPlace{box.source_offset, box.source_strides}, box.counts, form.value());
}

/// One element after the other, by the definition.
void naive_copy(std::vector<uint8_t>& target, const std::vector<uint8_t>& source, const Box& box, size_t dimension,
                uint64_t to, uint64_t from) {
  if (dimension == box.counts.size()) {
    const uint64_t word = std::max<uint64_t>(box.swap_size, 1);
    for (uint64_t i = 0; i < box.element_size; ++i) {
      target[to + i] = source[from + i / word * word + (word - 1 - i % word)];
    }
    return;
  }
  for (uint64_t i = 0; i < box.counts[dimension]; ++i) {
    naive_copy(target, source, box, dimension + 1, to + i * static_cast<uint64_t>(box.target_strides[dimension]),
               from + i * static_cast<uint64_t>(box.source_strides[dimension]));
  }
}

}  // namespace

TEST_CASE("random boxes are copied as the definition says, and nothing else is written") {
  std::mt19937 engine(17);
  const uint32_t element_sizes[] = {1, 2, 3, 4, 6, 8, 12, 16, 24};
  for (int round = 0; round < 3000; ++round) {
    const size_t rank = engine() % 6;
    Box box;
    box.element_size = element_sizes[engine() % std::size(element_sizes)];
    do {
      box.swap_size = engine() % (box.element_size + 1);
    } while (box.swap_size > 1 && box.element_size % box.swap_size != 0);
    // Boxes inside two arrays of their own shapes; gaps of 0 let dimensions merge.
    Numbers target_extents(rank), source_extents(rank);
    box.counts.resize(rank);
    for (size_t i = 0; i < rank; ++i) {
      box.counts[i] = 1 + engine() % 5;
      target_extents[i] = box.counts[i] + (engine() % 2 == 0 ? 0 : engine() % 3);
      source_extents[i] = box.counts[i] + (engine() % 2 == 0 ? 0 : engine() % 3);
    }
    box.target_strides = strides_of(target_extents, box.element_size, engine() % 3 == 0 ? engine() % 5 : 0);
    box.source_strides = strides_of(source_extents, box.element_size, engine() % 3 == 0 ? engine() % 5 : 0);
    if (engine() % 4 == 0 && rank > 1) {  // a transposed source
      std::reverse(box.source_strides.begin(), box.source_strides.end());
      std::reverse(source_extents.begin(), source_extents.end());
      for (size_t i = 0; i < rank; ++i) box.counts[i] = std::min({box.counts[i], source_extents[i]});
    }
    box.target_offset = engine() % 10;
    box.source_offset = engine() % 10;
    const auto source =
        random_bytes(box.source_offset + bytes_of(source_extents, box.source_strides, box.element_size), engine());
    auto target =
        random_bytes(box.target_offset + bytes_of(target_extents, box.target_strides, box.element_size), engine());
    if (engine() % 3 == 0) {  // backwards, which the target may be as well
      box.source_offset += turn_round(box.counts, box.source_strides, engine());
      if (engine() % 2 == 0) box.target_offset += turn_round(box.counts, box.target_strides, engine());
    }
    auto expected = target;
    naive_copy(expected, source, box, 0, box.target_offset, box.source_offset);
    REQUIRE(copy(target, source, box).ok());
    REQUIRE(target == expected);
  }
}

TEST_CASE("without dimensions one element is copied") {
  std::vector<uint8_t> target(4);
  const std::vector<uint8_t> source{9, 1, 2, 3, 4};
  REQUIRE(copy(target, source, {.source_offset = 1, .element_size = 4, .swap_size = 4}).ok());
  CHECK(target == std::vector<uint8_t>{4, 3, 2, 1});
}

TEST_CASE("32 dimensions are copied and 33 are refused") {
  std::vector<uint8_t> target(2), source{1, 2};
  Box box{.target_strides = Strides(32, 1), .source_strides = Strides(32, 1), .counts = Numbers(32, 1)};
  box.counts[31] = 2;
  REQUIRE(copy(target, source, box).ok());
  CHECK(target == source);
  for (Strides* strides : {&box.target_strides, &box.source_strides}) strides->push_back(1);
  box.counts.push_back(1);
  CHECK(copy(target, source, box).code() == Code::kInvalidArgument);
}

TEST_CASE("a box of nothing copies nothing, wherever it lies") {
  std::vector<uint8_t> target{7}, source{1};
  const Box box{.target_offset = UINT64_MAX,
                .target_strides = {INT64_MAX, 1},
                .source_offset = UINT64_MAX,
                .source_strides = {1, INT64_MIN},
                .counts = {0, UINT64_MAX}};
  CHECK(copy(target, source, box).ok());
  CHECK(target[0] == 7);
}

TEST_CASE("a box that leaves either array is refused and nothing is written") {
  const std::vector<uint8_t> source(100, 1);
  std::vector<uint8_t> target(100);
  const Box good{.target_offset = 10,
                 .target_strides = {20, 2},
                 .source_offset = 10,
                 .source_strides = {20, 2},
                 .counts = {4, 10},
                 .element_size = 2};
  const auto refused = [&](auto change) {
    Box box = good;
    change(box);
    return copy(target, source, box).code() == Code::kInvalidArgument && target == std::vector<uint8_t>(100);
  };
  CHECK(refused([](Box& box) { box.target_offset = 21; }));
  CHECK(refused([](Box& box) { box.source_offset = 21; }));
  CHECK(refused([](Box& box) { box.target_strides[0] = 24; }));
  CHECK(refused([](Box& box) { box.source_strides[0] = 24; }));
  CHECK(refused([](Box& box) { box.source_strides[1] = -2; }));
  CHECK(refused([](Box& box) { box.target_strides[1] = -2; }));
  CHECK(refused([](Box& box) { box.counts[0] = 5; }));
  CHECK(refused([](Box& box) { box.counts[1] = 20; }));
  // Sums and products that wrap to something small.
  CHECK(refused([](Box& box) { box.target_offset = UINT64_MAX; }));
  CHECK(refused([](Box& box) { box.source_offset = UINT64_MAX - 1; }));
  CHECK(refused([](Box& box) { box.target_strides[0] = INT64_MAX / 3 + 1; }));
  CHECK(refused([](Box& box) { box.source_strides[0] = INT64_MIN; }));
  CHECK(refused([](Box& box) { box.source_strides[1] = INT64_MAX; }));
  CHECK(refused([](Box& box) { box.counts = {uint64_t{1} << 63, 2}; }));
  CHECK(refused([](Box& box) { box.counts = {UINT64_MAX, UINT64_MAX}; }));
  CHECK(refused([](Box& box) { box.element_size = UINT32_MAX; }));
  CHECK(copy(target, source, good).ok());
}

TEST_CASE("a copy that would write its bytes again and again is refused, however long it would take") {
  std::vector<uint8_t> target(8), source(8);
  const Box box{.target_strides = {0}, .source_strides = {0}, .counts = {uint64_t{1} << 52}};
  CHECK(copy(target, source, box).code() == Code::kInvalidArgument);
}

TEST_CASE("a source stride of nothing repeats an element") {
  std::vector<uint8_t> target(6);
  REQUIRE(copy(target, {1, 2}, {.target_strides = {2}, .source_strides = {0}, .counts = {3}, .element_size = 2}).ok());
  CHECK(target == std::vector<uint8_t>{1, 2, 1, 2, 1, 2});
}

TEST_CASE("an array can be swapped in place, whatever the word") {
  for (const uint32_t word : {2, 3, 4, 5, 8, 16}) {
    auto data = random_bytes(word * 9, 1);
    auto expected = data;
    for (size_t i = 0; i < expected.size(); i += word) {
      std::reverse(expected.begin() + static_cast<ptrdiff_t>(i), expected.begin() + static_cast<ptrdiff_t>(i + word));
    }
    const Box box{.target_strides = {static_cast<int64_t>(word)},
                  .source_strides = {static_cast<int64_t>(word)},
                  .counts = {9},
                  .element_size = word,
                  .swap_size = word};
    REQUIRE(copy(data, data, box).ok());
    CHECK(data == expected);
  }
}

TEST_CASE("arguments that do not fit together are refused") {
  std::vector<uint8_t> target(16), source(16);
  CHECK(copy(target, source, {.target_strides = {1}, .source_strides = {1}, .counts = {1, 1}}).code() ==
        Code::kInvalidArgument);
  CHECK(copy(target, source, {.target_strides = {1, 1}, .source_strides = {1}, .counts = {1, 1}}).code() ==
        Code::kInvalidArgument);
  CHECK(copy(target, source, {.element_size = 0}).code() == Code::kInvalidSize);
  CHECK(copy(target, source, {.element_size = 8, .swap_size = 3}).code() == Code::kInvalidArgument);
  CHECK(copy(target, source, {.element_size = 4, .swap_size = 8}).code() == Code::kInvalidArgument);
}
