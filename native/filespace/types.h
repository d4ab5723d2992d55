#pragma once
// How a file's addresses are handed out, and what is known of them.
//   threads: plain values.    memory: none.
#include <cstdint>

#include "filespace/block.h"
#include "filespace/node_store.h"

namespace freestone::filespace {

/// How a free section is chosen. `kEndOfFile` remembers what is free and does not use it.
enum class Strategy : uint8_t { kEndOfFile = 0, kFirstFit = 1, kBestFit = 2, kWorstFit = 3 };

/// What a block is for. `kDirect` shares free space with `kRaw` and is never taken from a small-data block.
enum class Kind : uint8_t { kDirect = 0, kRaw = 1, kMetadata = 2 };
inline constexpr uint32_t kKinds = 3;

/// What a section is.
enum class State : uint8_t {
  /// May be allocated.
  kFree = 0,
  /// The rest of the block that metadata or small raw data is being taken from.
  kRest = 1,
  /// Freed since the last commit.
  kPending = 2,
  /// Allocated.
  kLive = 3,
};

struct Config {
  uint64_t initial_offset = 0;
  /// No block ends beyond it.
  uint64_t limit = base::kMaxAddress;
  Strategy strategy = Strategy::kEndOfFile;
  /// Requests of `threshold` bytes or more begin at a multiple of `alignment`, a power of two; not with pages, which
  /// are alignment enough, as for libhdf5.
  uint64_t threshold = 1;
  uint64_t alignment = 1;
  /// Requests of a kind that are smaller than its block come out of one; 0 for none.
  uint64_t metadata_block = 0;
  uint64_t small_data_block = 0;
  /// 0 for none, else 512 bytes to 1 GiB: small blocks share pages by kind, and larger ones begin on one.
  uint64_t page_size = 0;
  /// Whether live blocks are remembered.
  bool track = true;
  /// Told of large pieces of memory that the indexes will be in, such as to ask for huge pages; or none.
  NodeStore::Advise advise = nullptr;
};

struct Section {
  Block block;
  State state = State::kFree;
  Kind kind = Kind::kDirect;
};

/// Bytes, and how many blocks or holes. Without tracking live blocks are not counted, and bytes have no kind.
struct Stats {
  uint64_t end = 0;
  uint64_t live_bytes = 0;
  uint64_t live_blocks = 0;
  uint64_t live_bytes_of[kKinds] = {};
  uint64_t live_blocks_of[kKinds] = {};
  /// Free sections and rests of blocks.
  uint64_t free_bytes = 0;
  uint64_t holes = 0;
  uint64_t largest_hole = 0;
  uint64_t rest_bytes = 0;
  uint64_t pending_bytes = 0;
  uint64_t pending_blocks = 0;
  /// Holes of 2^i up to 2^(i + 1) - 1 bytes.
  uint64_t holes_of[64] = {};
  /// What the indexes take, in bytes of memory.
  uint64_t memory = 0;
  /// How many nodes of the indexes look-ups and changes have gone through since the space was made.
  uint64_t visits = 0;
};

}  // namespace freestone::filespace
