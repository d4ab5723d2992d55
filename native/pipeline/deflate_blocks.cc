#include "pipeline/deflate_blocks.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <iterator>

#include "pipeline/byte_counts.h"

namespace freestone::pipeline {

using base::ConstBytes;

namespace {

constexpr size_t kMostStored = 65'535;
constexpr unsigned kLongestCode = 15;
/// The code that ends a block, and the one for 258 bytes that were there before.
constexpr size_t kEnd = 256;
constexpr size_t kLongestMatch = 285;
constexpr size_t kMatchSize = 258;
/// Codes of bytes and the end.
constexpr size_t kLiterals = kEnd + 1;
/// The head of a block that is not the last and has codes of its own, one of them for distances: 3.2.7.
constexpr uint64_t head_of(uint64_t literals, uint64_t code_lengths) {
  return 0b100 | (literals - 257) << 3 | (code_lengths - 4) << 13;
}
constexpr unsigned kHeadBits = 3 + 5 + 5 + 4;
/// Lengths of the codes that lengths are written in, three bits each: in `put_literals` four bits for each length from
/// 0 to 15, none for repetitions, which takes a few bytes more than a code of their own and no work.
constexpr unsigned kLengthCodes = 19;
constexpr uint64_t kLiteralHeadBits = kHeadBits + 3 * kLengthCodes + 4 * (kLiterals + 1);

/// Lengths of an optimal code, none longer than `kLongestCode`, 0 for what does not occur.
/// @param counts at least two are not 0; they sum to less than 2^32
void make_lengths(const uint32_t (&counts)[kLiterals], uint8_t (&lengths)[kLiterals]) noexcept {
  struct Node {
    uint32_t weight;
    uint16_t parent;
  };
  uint16_t symbols[kLiterals];
  Node nodes[2 * kLiterals];
  for (uint32_t flatter = 0;; ++flatter) {
    // Halving what is frequent makes the longest code shorter.
    const auto weight = [&](uint16_t symbol) { return (counts[symbol] >> flatter) + 1; };
    size_t leaves = 0;
    for (uint16_t symbol = 0; symbol < kLiterals; ++symbol) {
      if (counts[symbol] > 0) symbols[leaves++] = symbol;
    }
    std::sort(symbols, symbols + leaves, [&](uint16_t a, uint16_t b) { return weight(a) < weight(b); });
    for (size_t i = 0; i < leaves; ++i) nodes[i].weight = weight(symbols[i]);
    // Two queues, both in order: leaves, and pairs as they are made.
    size_t leaf = 0;
    size_t pair = leaves;
    const size_t root = 2 * leaves - 2;
    for (size_t made = leaves; made <= root; ++made) {
      uint32_t sum = 0;
      for (int k = 0; k < 2; ++k) {
        const bool takes_leaf = leaf < leaves && (pair == made || nodes[leaf].weight <= nodes[pair].weight);
        Node& node = nodes[takes_leaf ? leaf++ : pair++];
        sum += node.weight;
        node.parent = static_cast<uint16_t>(made);
      }
      nodes[made].weight = sum;
    }
    // From the root down, a node's depth takes the place of its weight.
    nodes[root].weight = 0;
    uint32_t deepest = 0;
    for (size_t i = root; i-- > 0;) {
      nodes[i].weight = nodes[nodes[i].parent].weight + 1;
      deepest = std::max(deepest, nodes[i].weight);
    }
    if (deepest > kLongestCode) continue;
    std::fill(std::begin(lengths), std::end(lengths), uint8_t{0});
    for (size_t i = 0; i < leaves; ++i) lengths[symbols[i]] = static_cast<uint8_t>(nodes[i].weight);
    return;
  }
}

/// How a repetition of some length is said: 3.2.5.
struct Match {
  size_t symbol = 0;
  unsigned extra = 0;
  unsigned extra_bits = 0;
};

/// @param size 3 to 257
Match match_of(size_t size) noexcept {
  const auto beyond = static_cast<unsigned>(size - 3);
  if (beyond < 8) return {257 + beyond, 0, 0};
  const unsigned bits = static_cast<unsigned>(std::bit_width(beyond)) - 3;
  return {261 + 4 * bits + (beyond >> bits & 3), beyond & ((1u << bits) - 1), bits};
}

/// A code and its length in the lowest four bits, the code's first bit in the lowest of the others.
using Code = uint32_t;

/// RFC 1951, 3.2.2.
void make_codes(const uint8_t* lengths, size_t count, Code* codes) noexcept {
  uint32_t used[kLongestCode + 1] = {};
  for (size_t i = 0; i < count; ++i) ++used[lengths[i]];
  used[0] = 0;
  uint32_t next[kLongestCode + 1] = {};
  for (unsigned length = 1; length <= kLongestCode; ++length) next[length] = (next[length - 1] + used[length - 1]) << 1;
  for (size_t i = 0; i < count; ++i) {
    const unsigned length = lengths[i];
    if (length == 0) continue;
    uint32_t reversed = 0;
    const uint32_t own = next[length]++;
    for (unsigned bit = 0; bit < length; ++bit) reversed |= (own >> bit & 1) << (length - 1 - bit);
    codes[i] = reversed << 4 | length;
  }
}

}  // namespace

void DeflateBlocks::put(uint64_t bits, unsigned count) noexcept {
  bits_ |= bits << count_;
  count_ += count;
  for (; count_ >= 8; count_ -= 8, bits_ >>= 8) *at_++ = static_cast<uint8_t>(bits_);
}

void DeflateBlocks::align() noexcept {
  if (count_ > 0) put(0, 8 - count_);
}

void DeflateBlocks::put_stored(ConstBytes data) noexcept {
  do {
    const size_t size = std::min(data.size(), kMostStored);
    put(0, 3);
    align();
    put(size | (~size & 0xFFFF) << 16, 32);
    if (size > 0) std::memcpy(at_, data.data(), size);
    at_ += size;
    data = data.subspan(size);
  } while (!data.empty());
}

void DeflateBlocks::put_literals(ConstBytes data) noexcept {
  uint32_t of_bytes[256];
  count_bytes(data, of_bytes);
  uint32_t counts[kLiterals];
  std::copy(std::begin(of_bytes), std::end(of_bytes), counts);
  counts[kEnd] = 1;
  uint8_t lengths[kLiterals] = {};
  if (!data.empty()) make_lengths(counts, lengths);
  uint64_t bits = kLiteralHeadBits;
  for (size_t i = 0; i < kLiterals; ++i) bits += uint64_t{counts[i]} * lengths[i];
  if (data.empty() || bits >= data.size() * 8) return put_stored(data);

  Code codes[kLiterals] = {};
  make_codes(lengths, kLiterals, codes);
  put(head_of(kLiterals, kLengthCodes), kHeadBits);
  // In the order 16, 17, 18, 0, 8, … of 3.2.7.
  for (unsigned i = 0; i < kLengthCodes; ++i) put(i < 3 ? 0 : 4, 3);
  const auto put_length = [&](uint8_t length) {
    put((length & 1) << 3 | (length & 2) << 1 | (length & 4) >> 1 | length >> 3, 4);
  };
  for (const uint8_t length : lengths) put_length(length);
  put_length(1);  // for distances, of which there are none
  // Three codes and the rest of the last byte are at most 52 bits. Eight bytes are written at once where there is room
  // for them: what is to come is longer.
  uint64_t buffer = bits_;
  unsigned count = count_;
  uint8_t* at = at_;
  const auto add = [&](uint8_t value) {
    const Code code = codes[value];
    buffer |= uint64_t{code >> 4} << count;
    count += code & 15;
  };
  size_t i = 0;
  // The shortest code is one bit: then the last 64 values still take eight bytes.
  for (; i + 3 + 64 <= data.size(); i += 3) {
    add(data[i]);
    add(data[i + 1]);
    add(data[i + 2]);
    base::store_little_endian64(at, buffer);
    at += count / 8;
    buffer >>= count / 8 * 8;
    count %= 8;
  }
  at_ = at;
  bits_ = buffer;
  count_ = count;
  for (; i < data.size(); ++i) put(codes[data[i]] >> 4, codes[data[i]] & 15);
  put(codes[kEnd] >> 4, codes[kEnd] & 15);
}

void DeflateBlocks::put_lengths(std::span<const uint8_t> lengths) noexcept {
  // Three bits for a length from 0 to 3, one and seven for 11 to 138 zeros: in the order 16, 17, 18, 0, 8, … 14, 1.
  for (const unsigned bits : {0, 0, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 3, 0, 3}) put(bits, 3);
  constexpr uint8_t kCodes[] = {0b001, 0b101, 0b011, 0b111};
  for (size_t i = 0; i < lengths.size();) {
    size_t zeros = 0;
    while (zeros < 138 && i + zeros < lengths.size() && lengths[i + zeros] == 0) ++zeros;
    if (zeros >= 11) {
      put((zeros - 11) << 1, 8);
      i += zeros;
    } else {
      put(kCodes[lengths[i++]], 3);
    }
  }
}

void DeflateBlocks::put_constant(uint8_t value, size_t size) noexcept {
  // Two bits for the byte; one for 258 that were there before, and one for how far before; three for how many are left.
  const size_t matches = (size - 1) / kMatchSize;
  const size_t rest = (size - 1) % kMatchSize;
  const bool has_match = rest >= 3;
  const Match match = has_match ? match_of(rest) : Match{};
  constexpr size_t kAll = kLongestMatch + 1;
  uint8_t lengths[kAll + 1] = {};
  lengths[value] = 2;
  lengths[kEnd] = has_match ? 3 : 2;
  if (has_match) lengths[match.symbol] = 3;
  lengths[kLongestMatch] = 1;
  lengths[kAll] = 1;  // one byte before
  Code codes[kAll] = {};
  make_codes(lengths, kAll, codes);
  put(head_of(kAll, kLengthCodes - 1), kHeadBits);
  put_lengths(lengths);
  const auto put_code = [&](size_t symbol) { put(codes[symbol] >> 4, codes[symbol] & 15); };
  put_code(value);
  for (size_t i = 0; i < matches; ++i) put(0, 2);
  if (has_match) {
    put_code(match.symbol);
    put(match.extra, match.extra_bits + 1);
  } else {
    for (size_t i = 0; i < rest; ++i) put_code(value);
  }
  put_code(kEnd);
}

size_t DeflateBlocks::finish() noexcept {
  if (count_ > 0) put_stored({});
  return static_cast<size_t>(at_ - begin_);
}

}  // namespace freestone::pipeline
