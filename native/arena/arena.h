#pragma once
// The door of arena: allocation by moving a pointer through chunks, and the end of all blocks at once.
//   threads: one at a time, and the arena does not check who; in debug mode a thread that is not the one that made the
//   arena gets `kInvalidArgument` (null from `allocate`).
//   memory: chunks from the source, given back by `clear`, `retain` and the destructor. What is known of them lies
//   apart, so nothing that is written to blocks can harm the arena, and a block costs no byte beyond its own.
//   under AddressSanitizer: what is not in a block is poisoned.
#include <cstddef>
#include <cstdint>
#include <source_location>
#include <span>
#include <thread>

#include "arena/poison.h"
#include "pool/pool.h"

namespace freestone::arena {

/// What happened to a chunk.
enum class ChunkEvent : uint8_t {
  /// It came from the source.
  kAllocated,
  /// It is about to go back to the source.
  kFreed,
  /// The next ordinary chunk will be larger: `size` bytes. No chunk is concerned.
  kGrown,
  /// The soft limit was crossed: `size` bytes are held. No chunk is concerned. Once, until `clear` or `retain`.
  kLimit,
};

/// The largest block where a configuration does not say otherwise, and the largest ordinary chunk.
inline constexpr size_t kMaxSize = size_t{1} << 30;

struct Config {
  /// Where chunks come from; must outlive the arena.
  pool::ChunkSource* source = nullptr;
  /// Bytes of the first chunk, and of the largest ordinary one; each is twice the one before. Powers of two from 64 to
  /// 1 GiB.
  size_t initial_chunk_size = 4 << 10;
  size_t max_chunk_size = 64 << 10;
  /// Of every block, a power of two up to 4096.
  size_t alignment = 16;
  /// The largest block; not below `max_chunk_size`.
  size_t max_size = kMaxSize;
  /// Bytes of chunks that the arena may hold, and those at which `kLimit` is told.
  uint64_t limit = UINT64_MAX;
  uint64_t soft_limit = UINT64_MAX;
  /// Fills what is freed with 0xDD, checks the thread, and keeps the list of live blocks.
  bool debug = false;
  /// The first chunk, which stays the caller's; aligned to `alignment`.
  uint8_t* buffer = nullptr;
  size_t buffer_size = 0;
  /// Told of chunks while a call is under way; must not call the arena.
  void (*on_chunk)(void* context, ChunkEvent event, uint8_t* chunk, size_t size) noexcept = nullptr;
  void* context = nullptr;
};

/// A moment in the life of an arena.
struct Mark {
  uint64_t generation = 0;
  uint32_t depth = 0;
  uint32_t chunk = 0;
  uint8_t* cursor = nullptr;
};

/// Where in the source a block was asked for.
using Site = std::source_location;

/// A block of an arena in debug mode.
struct LiveBlock {
  uint8_t* block = nullptr;
  /// What was asked for.
  size_t size = 0;
  Site site;
  /// Position of its chunk.
  uint32_t chunk = 0;
};

class Arena {
 public:
  Arena() noexcept = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() { destroy(); }

  /// Once, first. `kInvalidArgument`, `kInvalidSize`, `kInvalidAlignment` for a configuration that cannot be.
  [[nodiscard]] base::Status init(const Config& config) noexcept;

  /// `size` bytes; null when there are none, and nothing has changed then: `why` tells.
  [[nodiscard]] void* allocate(size_t size, Site site = Site::current()) noexcept {
    const size_t rounded = (size + mask_) & ~mask_;
    if (rounded - 1 < static_cast<size_t>(limit_ - cursor_)) [[likely]] {
      uint8_t* const block = cursor_;
      cursor_ += rounded;
      if constexpr (kPoisons) unpoison(block, size);
      return block;
    }
    return allocate_slowly(size, mask_ + 1, site);
  }
  /// At a multiple of `alignment`, a power of two up to 4096.
  [[nodiscard]] void* allocate_aligned(size_t size, size_t alignment, Site site = Site::current()) noexcept;
  [[nodiscard]] void* allocate_zeroed(size_t count, size_t size, Site site = Site::current()) noexcept;
  /// Copies with a zero behind; the first `size` bytes of the text, or fewer when it ends before.
  [[nodiscard]] char* duplicate(const char* text, Site site = Site::current()) noexcept;
  [[nodiscard]] char* duplicate(const char* text, size_t size, Site site = Site::current()) noexcept;
  /// As the C function of that name. Its arguments leave no place for the caller's site: `live` names this function.
#if defined(__GNUC__)
  [[gnu::format(printf, 2, 3)]]
#endif
  [[nodiscard]] char*
  sprintf(const char* format, ...) noexcept;
  /// Why the last call gave null: `kInvalidSize` for 0, more than the largest block or what overflows,
  /// `kInvalidAlignment`, `kLimitExceeded`, `kInvalidArgument` for a wrong thread or an object that is not finished, or
  /// what the source said.
  [[nodiscard]] base::Status why() const noexcept { return why_; }

  /// Takes back a block if it is the last one: false otherwise, and nothing changes. @param size what was asked for
  bool free_last(void* block, size_t size) noexcept;
  /// Makes the last block longer or shorter in place: false when it is not the last one, or there is no room.
  bool resize_last(void* block, size_t old_size, size_t size) noexcept;
  /// The block in a new size, in place if it is the last one and there is room; else a copy. Null as `allocate`.
  [[nodiscard]] void* reallocate(void* block, size_t old_size, size_t size, Site site = Site::current()) noexcept;

  /// An object that grows at the end until it is finished; it moves when its chunk is full. Meanwhile no other block
  /// can be had. False and null as `allocate`: the object is as it was then.
  [[nodiscard]] bool append(const void* bytes, size_t size, Site site = Site::current()) noexcept;
  [[nodiscard]] void* finish(size_t* size) noexcept;

  /// Ends every block and keeps the chunks, and the size that the next new one will have. Takes a time that does not
  /// depend on the number of chunks, except in debug mode and under AddressSanitizer.
  void reset() noexcept;
  /// As `reset`, and keeps the first chunk alone.
  void clear() noexcept { retain(chunks_.empty() ? 0 : chunks_[0].size); }
  /// As `reset`, and keeps chunks from the first on, `bytes` of them at most, and the caller's buffer in any case.
  void retain(uint64_t bytes) noexcept;

  /// Remembers where allocation stands. Marks nest.
  [[nodiscard]] Mark mark() noexcept;
  /// Ends every block since the mark, and the marks after it. `kInvalidArgument` for a mark that is ended, of another
  /// arena, or from before a reset, and nothing changes.
  [[nodiscard]] base::Status rewind(const Mark& mark) noexcept;
  /// The same for a mark that is known by two of its numbers.
  [[nodiscard]] base::Status rewind(uint64_t generation, uint64_t depth) noexcept;

  /// Calls `run(context)` when everything allocated now ends; the last one registered is the first called. The number
  /// is for `remove_cleanup`; 0 when there is no memory.
  using Cleanup = void (*)(void* context) noexcept;
  [[nodiscard]] uint64_t add_cleanup(Cleanup run, void* context) noexcept;
  bool remove_cleanup(uint64_t number) noexcept;

  /// Whether the byte lies in what was allocated and not ended.
  [[nodiscard]] bool owns(const void* address) const noexcept;
  /// In debug mode: every block that has not ended, oldest first; else none. Until the next call.
  [[nodiscard]] std::span<const LiveBlock> live() const noexcept { return live_.span(); }
  /// Bytes of all chunks.
  [[nodiscard]] uint64_t total_allocated() const noexcept { return held_; }
  /// Bytes of blocks, what alignment added included. A walk over the chunks in use.
  [[nodiscard]] uint64_t total_used() const noexcept;
  /// Bytes behind the last block of the chunks in use but the current one: lost until a reset.
  [[nodiscard]] uint64_t waste() const noexcept;
  [[nodiscard]] size_t chunk_count() const noexcept { return chunks_.size(); }
  /// Bytes that the next ordinary chunk will have.
  [[nodiscard]] size_t chunk_size() const noexcept { return next_size_; }
  /// The most that `total_allocated` ever was.
  [[nodiscard]] uint64_t high_water() const noexcept { return high_water_; }

  /// What a caller that moves the cursor itself needs: the chunk that allocation stands in, and where. Null before the
  /// first block.
  struct Place {
    uint8_t* chunk = nullptr;
    size_t size = 0;
    size_t used = 0;
  };
  [[nodiscard]] Place place() const noexcept;
  /// Says how far such a caller came. `kInvalidArgument` beyond the chunk's end or before what was used.
  [[nodiscard]] base::Status advance(size_t used) noexcept;

 private:
  struct Chunk {
    uint8_t* data = nullptr;
    size_t size = 0;
    /// Where its last block ended when the next chunk was begun.
    size_t used = 0;
    bool borrowed = false;
  };
  struct Registered {
    uint64_t number = 0;
    Cleanup run = nullptr;
    void* context = nullptr;
    uint32_t chunk = 0;
    uint8_t* cursor = nullptr;
  };

  [[nodiscard]] void* allocate_slowly(size_t size, size_t alignment, Site site) noexcept;
  [[nodiscard]] base::Status next_chunk(size_t size, size_t alignment) noexcept;
  [[nodiscard]] base::Status new_chunk(size_t size, size_t alignment, uint32_t at) noexcept;
  [[nodiscard]] bool ready() noexcept;
  void enter(uint32_t chunk) noexcept;
  void move_to(uint8_t* cursor) noexcept {
    cursor_ = cursor;
    limit_ = config_.debug ? cursor : end_;
  }
  void run_cleanups(uint32_t chunk, const uint8_t* cursor) noexcept;
  void end_blocks(uint32_t chunk, uint8_t* cursor) noexcept;
  void destroy() noexcept;
  /// Whether the last mark lies behind the cursor that is meant.
  [[nodiscard]] bool is_marked(const uint8_t* cursor) const noexcept;
  void tell(ChunkEvent event, uint8_t* chunk, size_t size) const noexcept;
  void fail(base::Code code, const char* what) noexcept { why_ = base::Status(code, what); }

  // One cache line: all that `allocate` touches.
  alignas(64) uint8_t* cursor_ = nullptr;
  /// The chunk's end; in debug mode the cursor, so that every call takes the way that looks at the thread.
  uint8_t* limit_ = nullptr;
  size_t mask_ = 15;
  uint8_t* end_ = nullptr;

  uint32_t current_ = 0;
  size_t next_size_ = 0;
  uint64_t held_ = 0;
  uint64_t high_water_ = 0;
  /// Counts resets; a mark from before one is no more.
  uint64_t generation_ = 1;
  uint64_t cleanup_number_ = 0;
  bool told_limit_ = false;
  /// The growing object; null when there is none. It ends at the cursor.
  uint8_t* object_ = nullptr;
  size_t object_size_ = 0;
  Config config_;
  base::Status why_;
  std::thread::id owner_;
  base::Array<Chunk> chunks_;
  base::Array<Mark> marks_;
  base::Array<Registered> cleanups_;
  base::Array<LiveBlock> live_;
};

/// Chunks that are blocks of an arena, for arenas within it. They end with the outer arena's blocks: before that
/// happens `ended(context)` is called, which must release those that are left; without it the inner arena must be gone
/// by then. A release gives memory back when it is of the last block.
///   threads: those of the outer arena.    memory: a few words a chunk.
class ArenaSource final : public pool::ChunkSource {
 public:
  explicit ArenaSource(Arena& arena, Arena::Cleanup ended = nullptr, void* context = nullptr) noexcept
      : arena_(arena), ended_(ended), context_(context) {}
  [[nodiscard]] base::Result<uint8_t*> allocate_chunk(size_t size, size_t alignment) noexcept override;
  [[nodiscard]] base::Status release_chunk(uint8_t* chunk, size_t size) noexcept override;
  /// Of the last block alone.
  [[nodiscard]] base::Status resize_chunk(uint8_t* chunk, size_t size, size_t to) noexcept override;

 private:
  struct Held {
    const uint8_t* chunk = nullptr;
    /// Of the clean-up behind it.
    uint64_t number = 0;
  };

  Arena& arena_;
  const Arena::Cleanup ended_;
  void* const context_;
  base::Array<Held> held_;
};

}  // namespace freestone::arena
