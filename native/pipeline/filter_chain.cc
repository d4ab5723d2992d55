#include "pipeline/filter_chain.h"

#include <algorithm>
#include <cstring>

#include "pipeline/fletcher32.h"
#include "pipeline/shuffle.h"

namespace freestone::pipeline {

using base::Bytes;
using base::Code;
using base::ConstBytes;
using base::Ref;
using base::Result;
using base::Status;

namespace {

/// How large the bytes are that enter a filter on write, which is what comes out of it on read.
struct ExpectedSize {
  uint64_t most = 0;
  /// False after a deflate, whose output's size is known only to the file.
  bool exact = true;
};

/// No writer turns `size` bytes into more than this: zlib's worst case, and room for a worse compressor.
uint64_t most_deflated(uint64_t size) noexcept { return size + size / 4 + (1 << 16); }

Status check(const Filter& filter, size_t values) noexcept {
  switch (filter.id) {
    case FilterId::kDeflate:
      if (values < 1 || filter.value > 9) return Status(Code::kInvalidArgument, "the level of deflate is not 0 to 9");
      return {};
    case FilterId::kShuffle:
      if (values < 1 || filter.value == 0) return Status(Code::kInvalidArgument, "shuffle has no element size");
      return {};
    case FilterId::kFletcher32:
      return {};
  }
  return Status(Code::kUnsupported, "unknown filter");
}

/// Inflates into scratch memory when the size is not known: larger and larger until it fits.
Result<ConstBytes> inflate_growing(Scratch& scratch, ConstBytes data, uint64_t most) noexcept {
  uint64_t size = std::min<uint64_t>(most, uint64_t{data.size()} * 4 + 4096);
  uint8_t* into = scratch.next(size);
  for (;;) {
    if (into == nullptr) return Status(Code::kOutOfMemory, "inflate");
    const auto filled = scratch.inflater().decompress(data, {into, static_cast<size_t>(size)});
    if (filled.ok()) return ConstBytes(into, filled.value());
    if (filled.status().code() != Code::kLimitExceeded) return filled.status();
    if (size == most) return Status(Code::kCorruptFile, "a deflated chunk is too long");
    size = std::min(most, size * 4);
    into = scratch.grow(static_cast<size_t>(size));
  }
}

}  // namespace

Result<Ref<FilterChain>> FilterChain::make(std::span<const uint32_t> description) noexcept {
  Ref<FilterChain> chain = Ref<FilterChain>::make();
  if (!chain) return Status(Code::kOutOfMemory, "making a chunk codec");
  size_t position = 0;
  while (position < description.size()) {
    if (chain->size_ == kMostFilters) return Status(Code::kInvalidArgument, "more than 32 filters");
    if (description.size() - position < 2) return Status(Code::kInvalidArgument, "a filter's description is cut off");
    const size_t values = description[position + 1];
    if (description.size() - position - 2 < values) {
      return Status(Code::kInvalidArgument, "a filter's description is cut off");
    }
    const Filter filter{.id = static_cast<FilterId>(description[position]),
                        .value = values > 0 ? description[position + 2] : 0};
    if (const Status status = check(filter, values); !status.ok()) return status;
    chain->filters_[chain->size_++] = filter;
    position += 2 + values;
  }
  return chain;
}

bool FilterChain::applies(uint32_t filter_mask) const noexcept {
  for (size_t i = 0; i < size_; ++i) {
    if ((filter_mask >> i & 1) == 0) return true;
  }
  return false;
}

Result<ConstBytes> FilterChain::encode(Scratch& scratch, ConstBytes chunk) const noexcept {
  if (chunk.empty() || chunk.size() > kMaxChunkSize)
    return Status(Code::kInvalidSize, "a chunk is 1 byte to 4 GiB - 1");
  const Status out_of_memory(Code::kOutOfMemory, "filtering a chunk");
  ConstBytes current = chunk;
  for (size_t i = 0; i < size_; ++i) {
    const Filter& filter = filters_[i];
    switch (filter.id) {
      case FilterId::kShuffle: {
        uint8_t* const into = scratch.next(current.size());
        if (into == nullptr) return out_of_memory;
        shuffle(current, filter.value, {into, current.size()});
        current = {into, current.size()};
        break;
      }
      case FilterId::kDeflate: {
        const auto most = scratch.deflater().prepare(static_cast<int>(filter.value), current.size());
        if (!most.ok()) return most.status();
        uint8_t* const into = scratch.next(most.value());
        if (into == nullptr) return out_of_memory;
        const auto size = scratch.deflater().compress(current, {into, most.value()});
        if (!size.ok()) return size.status();
        current = {into, size.value()};
        break;
      }
      case FilterId::kFletcher32: {
        const size_t size = current.size();
        uint8_t* into;
        if (current.data() == chunk.data()) {
          into = scratch.next(size + kFletcher32Size);
          if (into != nullptr) std::memcpy(into, current.data(), size);
        } else {
          into = scratch.grow(size + kFletcher32Size);
        }
        if (into == nullptr) return out_of_memory;
        base::store_little_endian32(into + size, fletcher32({into, size}));
        current = {into, size + kFletcher32Size};
        break;
      }
    }
  }
  if (current.size() > kMaxChunkSize) return Status(Code::kLimitExceeded, "a filtered chunk is larger than 4 GiB - 1");
  return current;
}

Status FilterChain::decode(Scratch& scratch, ConstBytes stored, uint32_t filter_mask, Bytes into) const noexcept {
  if (into.empty() || into.size() > kMaxChunkSize) return Status(Code::kInvalidSize, "a chunk is 1 byte to 4 GiB - 1");
  const Status out_of_memory(Code::kOutOfMemory, "unfiltering a chunk");
  const Status wrong_size(Code::kCorruptFile, "a chunk does not have its size");

  // Forward first, to know what each filter was given; `lowest` is the last to be undone.
  ExpectedSize before[kMostFilters];
  ExpectedSize size{.most = into.size(), .exact = true};
  size_t lowest = size_;
  for (size_t i = 0; i < size_; ++i) {
    before[i] = size;
    if ((filter_mask >> i & 1) != 0) continue;
    if (lowest == size_) lowest = i;
    if (filters_[i].id == FilterId::kFletcher32) size.most += kFletcher32Size;
    if (filters_[i].id == FilterId::kDeflate) size = {.most = most_deflated(size.most), .exact = false};
  }

  ConstBytes current = stored;
  bool delivered = false;
  for (size_t i = size_; i-- > 0;) {
    if ((filter_mask >> i & 1) != 0) continue;
    switch (filters_[i].id) {
      case FilterId::kFletcher32: {
        if (current.size() < kFletcher32Size) return Status(Code::kCorruptFile, "a chunk has no checksum");
        const ConstBytes data = current.first(current.size() - kFletcher32Size);
        if (!fletcher32_matches(data, base::load_little_endian32(data.data() + data.size()))) {
          return Status(Code::kCorruptFile, "a chunk's fletcher32 checksum does not match");
        }
        current = data;
        break;
      }
      case FilterId::kShuffle: {
        if (i == lowest && current.size() != into.size()) return wrong_size;
        uint8_t* const target = i == lowest ? into.data() : scratch.next(current.size());
        if (target == nullptr) return out_of_memory;
        unshuffle(current, filters_[i].value, {target, current.size()});
        current = {target, current.size()};
        delivered = i == lowest;
        break;
      }
      case FilterId::kDeflate: {
        if (!before[i].exact) {
          const auto inflated = inflate_growing(scratch, current, before[i].most);
          if (!inflated.ok()) return inflated.status();
          current = inflated.value();
          break;
        }
        const auto exact = static_cast<size_t>(before[i].most);
        uint8_t* const target = i == lowest ? into.data() : scratch.next(exact);
        if (target == nullptr) return out_of_memory;
        const auto filled = scratch.inflater().decompress(current, {target, exact});
        if (!filled.ok()) return filled.status().code() == Code::kLimitExceeded ? wrong_size : filled.status();
        if (filled.value() != exact) return wrong_size;
        current = {target, exact};
        delivered = i == lowest;
        break;
      }
    }
  }
  if (delivered) return {};
  if (current.size() != into.size()) return wrong_size;
  std::memcpy(into.data(), current.data(), current.size());
  return {};
}

}  // namespace freestone::pipeline
