#include "pipeline/heap_texts.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace freestone;

namespace {

std::vector<uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

}  // namespace

TEST_CASE("texts become objects of a collection, and references say where they are") {
  const auto texts = bytes_of(std::string("ab\0\0twelve bytes\0", 17));
  std::vector<uint8_t> collection(128, 0xAA);
  std::vector<uint8_t> references(48);
  const auto packed = pipeline::pack_texts(texts, collection, 16, 4, 0x1'0000'0002, references);
  REQUIRE(packed.ok());
  CHECK(packed.value().count == 3);
  CHECK(packed.value().bytes == 17);
  CHECK(packed.value().used == 16 + 24 + 16 + 32);
  // The first object: index 5, one reference, its size, its bytes and zeros up to eight.
  CHECK(std::vector(collection.begin() + 16, collection.begin() + 40) ==
        std::vector<uint8_t>{5, 0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 'a', 'b', 0, 0, 0, 0, 0, 0});
  CHECK(collection[packed.value().used] == 0xAA);
  CHECK(std::vector(references.begin() + 32, references.end()) ==
        std::vector<uint8_t>{12, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0});
}

TEST_CASE("a text that finds no room is left, and so are those behind it") {
  const auto texts = bytes_of(std::string("one\0two\0three\0", 14));
  std::vector<uint8_t> references(48);
  SUBCASE("in the collection") {
    std::vector<uint8_t> collection(16 + 24 + 23);
    const auto packed = pipeline::pack_texts(texts, collection, 16, 0, 0, references);
    CHECK(packed.value().count == 1);
    CHECK(packed.value().bytes == 4);
  }
  SUBCASE("among the indices") {
    std::vector<uint8_t> collection(4096);
    const auto packed = pipeline::pack_texts(texts, collection, 16, pipeline::kMostHeapObjects - 2, 0, references);
    CHECK(packed.value().count == 2);
  }
  SUBCASE("among the references") {
    std::vector<uint8_t> collection(4096);
    const auto packed = pipeline::pack_texts(texts, collection, 16, 0, 0, {references.data(), 47});
    CHECK(packed.value().count == 2);
  }
  SUBCASE("because it has no end") {
    std::vector<uint8_t> collection(4096);
    const auto packed = pipeline::pack_texts({texts.data(), 13}, collection, 16, 0, 0, references);
    CHECK(packed.value().count == 2);
  }
}

TEST_CASE("a collection that is not so large is refused") {
  std::vector<uint8_t> collection(64);
  CHECK(pipeline::pack_texts({}, collection, 65, 0, 0, {}).status().code() == base::Code::kInvalidSize);
  CHECK(pipeline::pack_texts({}, collection, 16, 65536, 0, {}).status().code() == base::Code::kInvalidSize);
}
