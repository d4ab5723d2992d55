#include "pipeline/place_texts.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace freestone::pipeline {

using base::Code;
using base::Status;

namespace {

/// What becomes of texts in fields of 4 bytes.
struct Fields {
  std::vector<uint8_t> bytes;
  Status status;
};

Fields place(std::string_view texts, const std::vector<uint32_t>& lengths, uint64_t room = 4, uint8_t filler = 0) {
  Fields fields{.bytes = std::vector<uint8_t>(lengths.size() * 4, 0xEE), .status = {}};
  const base::ConstBytes bytes(reinterpret_cast<const uint8_t*>(texts.data()), texts.size());
  fields.status = place_texts(bytes, lengths, fields.bytes, 4, room, filler);
  return fields;
}

std::vector<uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

}  // namespace

TEST_CASE("texts stand in fields of their own, with the filler behind them") {
  using namespace std::string_literals;
  CHECK(place("abcabcdd", {3, 0, 4, 1}).bytes == bytes_of("abc\0\0\0\0\0abcdd\0\0\0"s));
  CHECK(place("abcde", {3, 2}, 3, ' ').bytes == bytes_of("abc de  "));
  CHECK(place("", {}).status.ok());
}

TEST_CASE("texts that a field cannot give back are refused") {
  using namespace std::string_literals;
  CHECK(place("abcde", {5}).status.code() == Code::kTypeMismatch);
  CHECK(place("abcd", {4}, 3).status.code() == Code::kTypeMismatch);
  CHECK(place("ab\0"s, {3}).status.code() == Code::kTypeMismatch);
  CHECK(place("a\0b"s, {3}).status.code() == Code::kTypeMismatch);
  CHECK(place("ab ", {3}, 4, ' ').status.code() == Code::kTypeMismatch);
}

TEST_CASE("sizes that do not fit each other are refused before anything is written") {
  const std::vector<uint8_t> text{'a', 'b'};
  const std::vector<uint32_t> lengths{1, 1};
  std::vector<uint8_t> fields(8, 0xEE);
  const std::vector<uint8_t> before = fields;
  const auto code = [&](std::span<const uint32_t> of, base::Bytes target, uint64_t size, uint64_t room) {
    return place_texts(text, of, target, size, room, 0).code();
  };
  CHECK(code(std::span(lengths).first(1), fields, 8, 8) == Code::kInvalidSize);
  CHECK(code(lengths, base::Bytes(fields).first(7), 4, 4) == Code::kInvalidSize);
  CHECK(code(lengths, fields, 3, 3) == Code::kInvalidSize);
  CHECK(code(lengths, fields, 4, 5) == Code::kInvalidSize);
  CHECK(code(lengths, fields, 0, 0) == Code::kInvalidSize);
  CHECK(code(lengths, fields, uint64_t{1} << 63, 4) == Code::kInvalidSize);
  CHECK(fields == before);
}

}  // namespace freestone::pipeline
