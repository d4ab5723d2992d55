#include "pipeline/filter_chain.h"

#include <algorithm>
#include <cstring>

#include "pipeline/fletcher32.h"

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
  /// False after a compressor, whose output's size is known only to the file.
  bool exact = true;
};

/// Decodes into scratch memory when the size is not known: larger and larger until it fits.
Result<ConstBytes> decode_growing(Scratch& scratch, const Step& step, ConstBytes data, uint64_t most) noexcept {
  uint64_t size = std::min<uint64_t>(most, uint64_t{data.size()} * 4 + 4096);
  uint8_t* into = scratch.next(size);
  for (;;) {
    if (into == nullptr) return Status(Code::kOutOfMemory, "unfiltering a chunk");
    const auto filled = step.codec->decode(scratch, step, data, {into, static_cast<size_t>(size)});
    if (filled.ok()) return ConstBytes(into, filled.value());
    if (filled.status().code() != Code::kLimitExceeded) return filled.status();
    if (size == most) return Status(Code::kCorruptFile, "a compressed chunk is too long");
    size = std::min(most, size * 4);
    scratch.undo_next();  // of what was decoded nothing is kept
    into = scratch.next(static_cast<size_t>(size));
  }
}

}  // namespace

Result<Ref<FilterChain>> FilterChain::make(std::span<const uint32_t> description) noexcept {
  Ref<FilterChain> chain = Ref<FilterChain>::make();
  if (!chain || !chain->description_.assign(description)) return Status(Code::kOutOfMemory, "making a chunk codec");
  const std::span<const uint32_t> words = std::as_const(chain->description_).span();
  size_t position = 0;
  while (position < words.size()) {
    if (chain->size_ == kMostFilters) return Status(Code::kInvalidArgument, "more than 32 filters");
    if (words.size() - position < 2) return Status(Code::kInvalidArgument, "a filter's description is cut off");
    const size_t values = words[position + 1];
    if (words.size() - position - 2 < values) {
      return Status(Code::kInvalidArgument, "a filter's description is cut off");
    }
    Step step{.id = static_cast<FilterId>(words[position]), .values = words.subspan(position + 2, values)};
    step.codec = find_codec(step.id);
    if (step.codec == nullptr) return Status(Code::kUnsupported, "unknown filter");
    if (const Status status = step.codec->check(step); !status.ok()) return status;
    if (chain->size_ > 0) {
      const Step& before = chain->steps_[chain->size_ - 1];
      if (before.id == FilterId::kShuffle) step.shuffled_size = before.values[0];
    }
    chain->steps_[chain->size_++] = step;
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

Result<EncodedChunk> FilterChain::encode(Scratch& scratch, ConstBytes chunk) const noexcept {
  if (chunk.empty() || chunk.size() > kMaxChunkSize)
    return Status(Code::kInvalidSize, "a chunk is 1 byte to 4 GiB - 1");
  const Status out_of_memory(Code::kOutOfMemory, "filtering a chunk");
  ConstBytes current = chunk;
  uint32_t mask = 0;
  for (size_t i = 0; i < size_; ++i) {
    const Step& step = steps_[i];
    if (step.id == FilterId::kFletcher32) {
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
      continue;
    }
    const auto room = step.codec->room(scratch, step, current.size());
    if (!room.ok()) return room.status();
    uint8_t* const into = scratch.next(room.value());
    if (into == nullptr) return out_of_memory;
    const auto size = step.codec->encode(scratch, step, current, {into, room.value()});
    if (size.ok()) {
      current = {into, size.value()};
    } else if (size.status().code() == Code::kNoSpace) {
      mask |= uint32_t{1} << i;
      scratch.undo_next();  // the bytes as they were are the last result
    } else {
      return size.status();
    }
  }
  if (current.size() > kMaxChunkSize) return Status(Code::kLimitExceeded, "a filtered chunk is larger than 4 GiB - 1");
  return EncodedChunk{.bytes = current, .filter_mask = mask};
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
    size.most = steps_[i].codec->most(steps_[i], size.most);
    if (!steps_[i].codec->keeps_size(steps_[i]) && steps_[i].id != FilterId::kFletcher32) size.exact = false;
  }

  ConstBytes current = stored;
  bool delivered = false;
  for (size_t i = size_; i-- > 0;) {
    if ((filter_mask >> i & 1) != 0) continue;
    const Step& step = steps_[i];
    if (step.id == FilterId::kFletcher32) {
      if (current.size() < kFletcher32Size) return Status(Code::kCorruptFile, "a chunk has no checksum");
      const ConstBytes data = current.first(current.size() - kFletcher32Size);
      if (!fletcher32_matches(data, base::load_little_endian32(data.data() + data.size()))) {
        return Status(Code::kCorruptFile, "a chunk's fletcher32 checksum does not match");
      }
      current = data;
      continue;
    }
    if (current.empty()) return wrong_size;
    const bool keeps_size = step.codec->keeps_size(step);
    if (!keeps_size && !before[i].exact) {
      const auto decoded = decode_growing(scratch, step, current, before[i].most);
      if (!decoded.ok()) return decoded.status();
      current = decoded.value();
      continue;
    }
    const auto exact = keeps_size ? current.size() : static_cast<size_t>(before[i].most);
    if (i == lowest && exact != into.size()) return wrong_size;
    uint8_t* const target = i == lowest ? into.data() : scratch.next(exact);
    if (target == nullptr) return out_of_memory;
    const auto filled = step.codec->decode(scratch, step, current, {target, exact});
    if (!filled.ok()) return filled.status().code() == Code::kLimitExceeded ? wrong_size : filled.status();
    if (filled.value() != exact) return wrong_size;
    current = {target, exact};
    delivered = i == lowest;
  }
  if (delivered) return {};
  if (current.size() != into.size()) return wrong_size;
  std::memcpy(into.data(), current.data(), current.size());
  return {};
}

}  // namespace freestone::pipeline
