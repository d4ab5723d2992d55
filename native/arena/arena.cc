#include "arena/arena.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace freestone::arena {

using base::Code;
using base::Result;
using base::Status;

namespace {

constexpr uint8_t kFreed = 0xDD;
constexpr size_t kMaxAlignment = 4096;

bool is_chunk_size(size_t size) noexcept { return base::is_power_of_two(size) && size >= 64 && size <= kMaxSize; }

}  // namespace

Status Arena::init(const Config& config) noexcept {
  if (config.source == nullptr) return Status(Code::kInvalidArgument, "an arena needs a chunk source");
  if (!is_chunk_size(config.initial_chunk_size) || !is_chunk_size(config.max_chunk_size) ||
      config.max_chunk_size < config.initial_chunk_size) {
    return Status(Code::kInvalidSize, "an arena's chunk sizes");
  }
  // The upper limit so that no sum of sizes overflows.
  if (config.max_size < config.max_chunk_size || config.max_size > SIZE_MAX / 4) {
    return Status(Code::kInvalidSize, "an arena's largest block");
  }
  if (!base::is_power_of_two(config.alignment) || config.alignment > kMaxAlignment) {
    return Status(Code::kInvalidAlignment, "an arena's alignment");
  }
  config_ = config;
  mask_ = config.alignment - 1;
  next_size_ = config.initial_chunk_size;
  owner_ = std::this_thread::get_id();
  if (config.buffer == nullptr) return {};
  if ((reinterpret_cast<uintptr_t>(config.buffer) & mask_) != 0 || config.buffer_size == 0) {
    return Status(Code::kInvalidAddress, "an arena's first buffer");
  }
  if (!chunks_.push({.data = config.buffer, .size = config.buffer_size, .used = 0, .borrowed = true})) {
    return Status(Code::kOutOfMemory, "making an arena");
  }
  held_ = high_water_ = config.buffer_size;
  poison(config.buffer, config.buffer_size);
  enter(0);
  return {};
}

void Arena::tell(ChunkEvent event, uint8_t* chunk, size_t size) const noexcept {
  if (config_.on_chunk != nullptr) config_.on_chunk(config_.context, event, chunk, size);
}

void Arena::enter(uint32_t chunk) noexcept {
  current_ = chunk;
  end_ = chunks_[chunk].data + chunks_[chunk].size;
  move_to(chunks_[chunk].data);
}

bool Arena::ready() noexcept {
  if (config_.debug && std::this_thread::get_id() != owner_) {
    fail(Code::kInvalidArgument, "another thread owns this arena");
    return false;
  }
  if (object_ != nullptr) {
    fail(Code::kInvalidArgument, "an object of this arena is not finished");
    return false;
  }
  return true;
}

void* Arena::allocate_slowly(size_t size, size_t alignment, Site site) noexcept {
  if (!ready()) return nullptr;
  if (size == 0 || size > config_.max_size) {
    fail(Code::kInvalidSize, "allocating from an arena");
    return nullptr;
  }
  if (config_.debug && !live_.reserve(live_.size() + 1)) {
    fail(Code::kOutOfMemory, "listing a block");
    return nullptr;
  }
  const size_t rounded = (size + mask_) & ~mask_;
  for (;;) {
    if (cursor_ != nullptr) {
      const size_t before = (alignment - (reinterpret_cast<uintptr_t>(cursor_) & (alignment - 1))) & (alignment - 1);
      const auto room = static_cast<size_t>(end_ - cursor_);
      if (before <= room && rounded <= room - before) {
        uint8_t* const block = cursor_ + before;
        move_to(block + rounded);
        unpoison(block, size);
        if (config_.debug) (void)live_.push({.block = block, .size = size, .site = site, .chunk = current_});
        return block;
      }
    }
    if (const Status status = next_chunk(rounded, alignment); !status.ok()) {
      why_ = status;
      return nullptr;
    }
  }
}

Status Arena::next_chunk(size_t size, size_t alignment) noexcept {
  const auto used = static_cast<size_t>(cursor_ == nullptr ? 0 : cursor_ - chunks_[current_].data);
  const uint32_t at = cursor_ == nullptr ? 0 : current_ + 1;
  // After a reset chunks wait behind this one. The first that is large enough is next; the smaller ones stay behind it.
  for (auto i = at; i < chunks_.size(); ++i) {
    const auto start = reinterpret_cast<uintptr_t>(chunks_[i].data);
    if (chunks_[i].size < size + ((alignment - (start & (alignment - 1))) & (alignment - 1))) continue;
    std::rotate(&chunks_[at], &chunks_[i], &chunks_[i] + 1);
    if (cursor_ != nullptr) chunks_[current_].used = used;
    enter(at);
    return {};
  }
  // Of its own size when it is larger than the next; growth goes on from where it was.
  const bool own = size > next_size_;
  if (const Status status = new_chunk(own ? size : next_size_, std::max(alignment, mask_ + 1), at); !status.ok()) {
    return status;
  }
  if (cursor_ != nullptr) chunks_[current_].used = used;
  enter(at);
  if (!own && next_size_ < config_.max_chunk_size) {
    next_size_ *= 2;
    tell(ChunkEvent::kGrown, nullptr, next_size_);
  }
  return {};
}

Status Arena::new_chunk(size_t size, size_t alignment, uint32_t at) noexcept {
  if (held_ > config_.limit || size > config_.limit - held_) return Status(Code::kLimitExceeded, "the arena's limit");
  if (!chunks_.reserve(chunks_.size() + 1)) return Status(Code::kOutOfMemory, "describing a chunk");
  const auto made = config_.source->allocate_chunk(size, alignment);
  if (!made.ok()) return made.status();
  (void)chunks_.push({.data = made.value(), .size = size});
  std::rotate(&chunks_[at], &chunks_[chunks_.size() - 1], chunks_.end());
  held_ += size;
  high_water_ = std::max(high_water_, held_);
  poison(made.value(), size);
  tell(ChunkEvent::kAllocated, made.value(), size);
  if (held_ > config_.soft_limit && !told_limit_) {
    told_limit_ = true;
    tell(ChunkEvent::kLimit, nullptr, static_cast<size_t>(held_));
  }
  return {};
}

void* Arena::allocate_aligned(size_t size, size_t alignment, Site site) noexcept {
  if (!base::is_power_of_two(alignment) || alignment > kMaxAlignment) {
    fail(Code::kInvalidAlignment, "allocating from an arena");
    return nullptr;
  }
  return allocate_slowly(size, std::max(alignment, mask_ + 1), site);
}

void* Arena::allocate_zeroed(size_t count, size_t size, Site site) noexcept {
  const auto bytes = base::checked_multiply(count, size);
  void* const block = allocate(bytes.value_or(SIZE_MAX / 2), site);
  return block == nullptr ? nullptr : std::memset(block, 0, *bytes);
}

char* Arena::duplicate(const char* text, Site site) noexcept { return duplicate(text, std::strlen(text), site); }

char* Arena::duplicate(const char* text, size_t size, Site site) noexcept {
  const auto* const end = static_cast<const char*>(std::memchr(text, 0, size));
  const size_t length = end == nullptr ? size : static_cast<size_t>(end - text);
  auto* const copy = static_cast<char*>(allocate(length + 1, site));
  if (copy == nullptr) return nullptr;
  std::memcpy(copy, text, length);
  copy[length] = 0;
  return copy;
}

char* Arena::sprintf(const char* format, ...) noexcept {
  va_list arguments;
  va_start(arguments, format);
  const int length = std::vsnprintf(nullptr, 0, format, arguments);
  va_end(arguments);
  if (length < 0) {
    fail(Code::kInvalidArgument, "formatting a text");
    return nullptr;
  }
  auto* const text = static_cast<char*>(allocate(static_cast<size_t>(length) + 1));
  if (text == nullptr) return nullptr;
  va_start(arguments, format);
  (void)std::vsnprintf(text, static_cast<size_t>(length) + 1, format, arguments);
  va_end(arguments);
  return text;
}

bool Arena::free_last(void* block, size_t size) noexcept {
  if (!ready() || cursor_ == nullptr || size == 0 || size > config_.max_size) return false;
  auto* const start = static_cast<uint8_t*>(block);
  if (is_marked(start) || start < chunks_[current_].data || start >= cursor_ ||
      start + ((size + mask_) & ~mask_) != cursor_) {
    return false;
  }
  end_blocks(current_, start);
  return true;
}

bool Arena::resize_last(void* block, size_t old_size, size_t size) noexcept {
  if (!ready() || cursor_ == nullptr || size == 0 || size > config_.max_size) return false;
  auto* const start = static_cast<uint8_t*>(block);
  const size_t rounded = (size + mask_) & ~mask_;
  const bool last =
      start >= chunks_[current_].data && start < cursor_ && start + ((old_size + mask_) & ~mask_) == cursor_;
  // A mark that was taken behind the block must not come to lie behind the cursor.
  if (!last || rounded > static_cast<size_t>(end_ - start) || is_marked(start + rounded)) return false;
  poison(start, old_size);
  unpoison(start, size);
  move_to(start + rounded);
  if (!live_.empty() && live_[live_.size() - 1].block == start) live_[live_.size() - 1].size = size;
  return true;
}

bool Arena::is_marked(const uint8_t* cursor) const noexcept {
  if (marks_.empty()) return false;
  const Mark& last = marks_[marks_.size() - 1];
  return last.chunk == current_ && cursor < last.cursor;
}

void* Arena::reallocate(void* block, size_t old_size, size_t size, Site site) noexcept {
  if (block == nullptr) return allocate(size, site);
  if (!ready()) return nullptr;
  if (resize_last(block, old_size, size)) return block;
  if (size != 0 && size <= old_size) return block;
  void* const moved = allocate(size, site);
  if (moved != nullptr) std::memcpy(moved, block, std::min(old_size, size));
  return moved;
}

bool Arena::append(const void* bytes, size_t size, Site site) noexcept {
  uint8_t* const object = object_;
  const size_t length = object_size_;
  if (size == 0) return true;
  object_ = nullptr;
  // The object is the last block; appending is resizing it.
  auto* const grown = static_cast<uint8_t*>(size > config_.max_size - length ? nullptr
                                            : object == nullptr              ? allocate(size, site)
                                                                : reallocate(object, length, length + size, site));
  if (grown == nullptr) {
    if (size > config_.max_size - length) fail(Code::kInvalidSize, "growing an object");
    object_ = object;
    return false;
  }
  std::memcpy(grown + length, bytes, size);
  object_ = grown;
  object_size_ = length + size;
  return true;
}

void* Arena::finish(size_t* size) noexcept {
  *size = object_size_;
  object_size_ = 0;
  return std::exchange(object_, nullptr);
}

void Arena::end_blocks(uint32_t chunk, uint8_t* cursor) noexcept {
  object_ = nullptr;
  object_size_ = 0;
  if (chunks_.empty() || cursor_ == nullptr) return;
  // Later blocks lie in later chunks, or behind.
  while (!live_.empty()) {
    const LiveBlock& last = live_[live_.size() - 1];
    if (last.chunk < chunk || (last.chunk == chunk && last.block < cursor)) break;
    live_.pop();
  }
  if (config_.debug || kPoisons) {
    chunks_[current_].used = static_cast<size_t>(cursor_ - chunks_[current_].data);
    for (uint32_t i = chunk; i <= current_; ++i) {
      uint8_t* const from = i == chunk ? cursor : chunks_[i].data;
      const auto size = static_cast<size_t>(chunks_[i].data + chunks_[i].used - from);
      unpoison(from, size);
      if (config_.debug) std::memset(from, kFreed, size);
      poison(from, size);
    }
  }
  enter(chunk);
  move_to(cursor);
}

void Arena::run_cleanups(uint32_t chunk, const uint8_t* cursor) noexcept {
  while (!cleanups_.empty()) {
    const Registered last = cleanups_[cleanups_.size() - 1];
    if (last.chunk < chunk || (last.chunk == chunk && last.cursor <= cursor)) return;
    cleanups_.pop();
    last.run(last.context);
  }
}

void Arena::reset() noexcept {
  while (!cleanups_.empty()) {
    const Registered last = cleanups_[cleanups_.size() - 1];
    cleanups_.pop();
    last.run(last.context);
  }
  marks_.clear();
  ++generation_;
  if (!chunks_.empty()) end_blocks(0, chunks_[0].data);
}

void Arena::retain(uint64_t bytes) noexcept {
  reset();
  size_t kept = 0;
  uint64_t total = 0;
  while (kept < chunks_.size() && (chunks_[kept].borrowed || chunks_[kept].size <= bytes - std::min(total, bytes))) {
    total += chunks_[kept++].size;
  }
  while (chunks_.size() > kept) {
    const Chunk last = chunks_[chunks_.size() - 1];
    tell(ChunkEvent::kFreed, last.data, last.size);
    unpoison(last.data, last.size);
    (void)config_.source->release_chunk(last.data, last.size);
    held_ -= last.size;
    chunks_.pop();
  }
  told_limit_ = false;
  // As after the chunks that are left.
  next_size_ = config_.initial_chunk_size;
  for (const Chunk& chunk : chunks_.span()) {
    if (!chunk.borrowed && chunk.size == next_size_ && next_size_ < config_.max_chunk_size) next_size_ *= 2;
  }
  if (chunks_.empty()) {
    end_ = nullptr;
    move_to(nullptr);
    current_ = 0;
  }
}

void Arena::destroy() noexcept {
  if (config_.source == nullptr) return;
  retain(0);
  if (config_.buffer != nullptr) unpoison(config_.buffer, config_.buffer_size);
}

Mark Arena::mark() noexcept {
  Mark mark{.generation = generation_,
            .depth = static_cast<uint32_t>(marks_.size() + 1),
            .chunk = current_,
            .cursor = cursor_};
  // A mark that cannot be remembered is one that `rewind` refuses.
  if (!ready() || !marks_.push(mark)) mark.generation = 0;
  return mark;
}

Status Arena::rewind(const Mark& mark) noexcept {
  if (!ready()) return why_;
  if (mark.generation != generation_ || mark.depth == 0 || mark.depth > marks_.size() ||
      marks_[mark.depth - 1].cursor != mark.cursor || marks_[mark.depth - 1].chunk != mark.chunk) {
    return Status(Code::kInvalidArgument, "the mark is ended, or of another arena");
  }
  run_cleanups(mark.chunk, mark.cursor);
  while (marks_.size() >= mark.depth) marks_.pop();
  if (mark.cursor == nullptr) {
    if (!chunks_.empty()) end_blocks(0, chunks_[0].data);
  } else {
    end_blocks(mark.chunk, mark.cursor);
  }
  return {};
}

Status Arena::rewind(uint64_t generation, uint64_t depth) noexcept {
  if (generation != generation_ || depth == 0 || depth > marks_.size()) return rewind(Mark{});
  return rewind(Mark(marks_[depth - 1]));
}

uint64_t Arena::add_cleanup(Cleanup run, void* context) noexcept {
  // Behind the blocks that are there: it runs when the last of them ends.
  const Registered entry{
      .number = ++cleanup_number_, .run = run, .context = context, .chunk = current_, .cursor = cursor_};
  return cleanups_.push(entry) ? entry.number : 0;
}

bool Arena::remove_cleanup(uint64_t number) noexcept {
  for (size_t i = cleanups_.size(); i-- > 0;) {
    if (cleanups_[i].number != number) continue;
    std::copy(cleanups_.begin() + i + 1, cleanups_.end(), cleanups_.begin() + i);
    cleanups_.pop();
    return true;
  }
  return false;
}

bool Arena::owns(const void* address) const noexcept {
  const auto* const at = static_cast<const uint8_t*>(address);
  for (uint32_t i = 0; cursor_ != nullptr && i <= current_; ++i) {
    const uint8_t* const end = i == current_ ? cursor_ : chunks_[i].data + chunks_[i].used;
    if (at >= chunks_[i].data && at < end) return true;
  }
  return false;
}

uint64_t Arena::total_used() const noexcept {
  if (cursor_ == nullptr) return 0;
  auto used = static_cast<uint64_t>(cursor_ - chunks_[current_].data);
  for (uint32_t i = 0; i < current_; ++i) used += chunks_[i].used;
  return used;
}

uint64_t Arena::waste() const noexcept {
  uint64_t waste = 0;
  for (uint32_t i = 0; i < current_; ++i) waste += chunks_[i].size - chunks_[i].used;
  return waste;
}

Arena::Place Arena::place() const noexcept {
  if (cursor_ == nullptr) return {};
  const Chunk& chunk = chunks_[current_];
  return {.chunk = chunk.data, .size = chunk.size, .used = static_cast<size_t>(cursor_ - chunk.data)};
}

Status Arena::advance(size_t used) noexcept {
  const Place at = place();
  if (used < at.used || used > at.size) return Status(Code::kInvalidArgument, "outside of the arena's chunk");
  if (at.chunk != nullptr) move_to(at.chunk + used);
  return {};
}

Result<uint8_t*> ArenaSource::allocate_chunk(size_t size, size_t alignment) noexcept {
  if (ended_ != nullptr && !held_.reserve(held_.size() + 1)) return Status(Code::kOutOfMemory, "describing a chunk");
  void* const chunk = arena_.allocate_aligned(size, alignment);
  if (chunk == nullptr) return arena_.why();
  if (ended_ != nullptr) {
    const uint64_t number = arena_.add_cleanup(ended_, context_);
    if (number == 0) {
      (void)arena_.free_last(chunk, size);
      return Status(Code::kOutOfMemory, "describing a chunk");
    }
    (void)held_.push({.chunk = static_cast<uint8_t*>(chunk), .number = number});
  }
  return static_cast<uint8_t*>(chunk);
}

Status ArenaSource::release_chunk(uint8_t* chunk, size_t size) noexcept {
  // The last ones go first.
  for (size_t i = held_.size(); i-- > 0;) {
    if (held_[i].chunk != chunk) continue;
    (void)arena_.remove_cleanup(held_[i].number);
    std::copy(held_.begin() + i + 1, held_.end(), held_.begin() + i);
    held_.pop();
    break;
  }
  (void)arena_.free_last(chunk, size);
  return {};
}

Status ArenaSource::resize_chunk(uint8_t* chunk, size_t size, size_t to) noexcept {
  return arena_.resize_last(chunk, size, to) ? Status() : Status(Code::kUnsupported, "resizing a block of an arena");
}

}  // namespace freestone::arena
