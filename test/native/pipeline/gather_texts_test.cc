#include "pipeline/gather_texts.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "pipeline/heap_texts.h"

using namespace freestone;
using base::Code;

namespace {

constexpr uint64_t kAddress = 0x1'0000'1000;
constexpr size_t kCollection = 4096;

/// Collections one after the other, made by the writer's own functions.
struct Heap {
  std::vector<uint8_t> range;
  std::vector<uint8_t> references;

  explicit Heap(const std::vector<std::string>& texts) {
    std::string all;
    for (const std::string& text : texts) all += text + '\0';
    references.resize(texts.size() * pipeline::kHeapReferenceSize);
    for (size_t done = 0, count = 0; done < all.size();) {
      std::vector<uint8_t> collection(kCollection);
      std::copy_n("GCOL\1", 5, collection.begin());
      collection[9] = kCollection >> 8;
      const auto packed = pipeline::pack_texts({reinterpret_cast<const uint8_t*>(all.data()) + done, all.size() - done},
                                               collection, 16, 0, kAddress + range.size(),
                                               {references.data() + count * pipeline::kHeapReferenceSize,
                                                references.size() - count * pipeline::kHeapReferenceSize});
      REQUIRE(packed.ok());
      REQUIRE(packed.value().count > 0);
      done += packed.value().bytes;
      count += packed.value().count;
      range.insert(range.end(), collection.begin(), collection.end());
    }
  }

  base::Result<pipeline::GatheredTexts> gather(std::vector<uint8_t>& into) const {
    return pipeline::gather_texts(references, range, kAddress, into);
  }
};

std::vector<std::string> texts_of(size_t count) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < count; ++i) texts.push_back("text " + std::to_string(i) + std::string(i % 40, 'x'));
  return texts;
}

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += text + '\0';
  return all;
}

std::string text_of(const std::vector<uint8_t>& bytes, uint64_t size) {
  return {bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size)};
}

}  // namespace

TEST_CASE("texts come out of their collections as they went in, in any order of the references") {
  const auto texts = texts_of(1000);
  Heap heap(texts);
  std::vector<uint8_t> into(100'000);
  const auto gathered = heap.gather(into);
  REQUIRE(gathered.ok());
  CHECK(gathered.value().count == texts.size());
  CHECK(text_of(into, gathered.value().bytes) == joined(texts));
  CHECK(gathered.value().ascii);
  CHECK_FALSE(gathered.value().has_zero);

  std::vector<size_t> order(texts.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::shuffle(order.begin(), order.end(), std::mt19937(1));
  std::vector<std::string> shuffled;
  std::vector<uint8_t> references;
  for (const size_t i : order) {
    shuffled.push_back(texts[i]);
    references.insert(references.end(), heap.references.begin() + static_cast<ptrdiff_t>(i * 16),
                      heap.references.begin() + static_cast<ptrdiff_t>(i * 16 + 16));
  }
  heap.references = references;
  const auto again = heap.gather(into);
  REQUIRE(again.ok());
  CHECK(text_of(into, again.value().bytes) == joined(shuffled));
}

TEST_CASE("texts are gathered as far as memory has them and there is room") {
  const auto texts = texts_of(300);
  Heap heap(texts);
  std::vector<uint8_t> into(100'000);
  const auto all = heap.gather(into).value();
  SUBCASE("in the range") {
    const size_t whole = heap.range.size() / kCollection * kCollection;
    heap.range.resize(whole - 1);
    const auto part = heap.gather(into);
    REQUIRE(part.ok());
    CHECK(part.value().count > 0);
    CHECK(part.value().count < texts.size());
    CHECK(text_of(into, part.value().bytes) == joined(texts).substr(0, part.value().bytes));
    heap.references.erase(heap.references.begin(),
                          heap.references.begin() + static_cast<ptrdiff_t>(part.value().count * 16));
    CHECK(heap.gather(into).value().count == 0);
  }
  SUBCASE("in the target") {
    for (const uint64_t room : {uint64_t{0}, uint64_t{7}, uint64_t{8}, all.bytes - 1}) {
      std::vector<uint8_t> small(room);
      const auto part = heap.gather(small);
      REQUIRE(part.ok());
      CHECK(part.value().bytes <= room);
      CHECK(part.value().count < texts.size());
    }
    std::vector<uint8_t> exact(all.bytes);
    CHECK(heap.gather(exact).value().count == texts.size());
  }
  SUBCASE("in the references") {
    heap.references.resize(33);
    CHECK(heap.gather(into).value().count == 2);
  }
}

TEST_CASE("texts without bytes, beyond ASCII and with zeros inside are told apart") {
  Heap heap({"", "a", "", "b"});
  std::vector<uint8_t> into(100);
  CHECK(text_of(into, heap.gather(into).value().bytes) == std::string("\0a\0\0b\0", 6));
  // One that was never written leads nowhere.
  std::fill(heap.references.begin() + 32, heap.references.begin() + 48, uint8_t{0});
  CHECK(text_of(into, heap.gather(into).value().bytes) == std::string("\0a\0\0b\0", 6));
  CHECK_FALSE(Heap({"a",
                    "gr\xC3\xBC\xC3\x9F"
                    "e"})
                  .gather(into)
                  .value()
                  .ascii);
  Heap zeros({"aaaa", "b"});
  zeros.range[16 + 16 + 1] = 0;
  CHECK(zeros.gather(into).value().has_zero);
}

TEST_CASE("what is damaged is refused, and never read beyond its end") {
  std::vector<uint8_t> into(100'000);
  const auto corrupt = [&](size_t at, uint8_t value) {
    Heap heap(texts_of(300));
    heap.range[at] = value;
    return heap.gather(into).status().code();
  };
  CHECK(corrupt(0, 'X') == Code::kCorruptFile);
  CHECK(corrupt(4, 2) == Code::kCorruptFile);
  CHECK(corrupt(9, 0) == Code::kCorruptFile);
  CHECK(corrupt(16, 77) == Code::kCorruptFile);
  CHECK(corrupt(16 + 9, 0xFF) == Code::kCorruptFile);
  CHECK(corrupt(16 + 15, 0xFF) == Code::kCorruptFile);
  Heap heap(texts_of(3));
  heap.references[12] = 200;
  CHECK(heap.gather(into).status().code() == Code::kCorruptFile);
  heap.references[12] = 0;  // the free space
  CHECK(heap.gather(into).status().code() == Code::kCorruptFile);
  // Any byte of the first objects may be anything.
  std::mt19937 random(7);
  for (int i = 0; i < 3000; ++i) {
    Heap damaged(texts_of(100));
    for (int j = 0; j < 3; ++j) damaged.range[random() % 400] = static_cast<uint8_t>(random());
    const std::vector<uint8_t> exact(damaged.range);
    const auto gathered = pipeline::gather_texts(damaged.references, exact, kAddress, into);
    if (gathered.ok()) CHECK(gathered.value().bytes <= into.size());
  }
}
