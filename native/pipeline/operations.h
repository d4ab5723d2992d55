#pragma once
// What is done with files on worker threads. Each operation holds what it needs, and `run` does it.
//   threads: one at a time; `run` on any.    memory: buffers are the caller's and stay until `run` is over.
#include <cstdint>

#include "base/base.h"
#include "filespace/filespace.h"
#include "pipeline/executor.h"
#include "pipeline/file_sink.h"
#include "pipeline/filter_chain.h"
#include "pipeline/gather.h"

namespace freestone::pipeline {

/// Fills `into` from `address` on. `kCorruptFile` when the file ends before.
[[nodiscard]] base::Status read_exactly(const os::File& file, uint64_t address, base::Bytes into) noexcept;

/// Filters a chunk, allocates file space for the result and writes it there.
/// When the write fails, the space is given back.
struct StoreChunk {
  FileSink::Lease file;
  base::Ref<filespace::FileSpace> space;
  base::Ref<FilterChain> filters;
  base::ConstBytes chunk = {};
  /// Results.
  uint64_t address = 0;
  uint64_t stored_size = 0;
  /// Bit n set: filter n was not applied, which lzf and szip ask for when a chunk would not become smaller. For the
  /// others a few bytes more cost less than readers that do not know the mask.
  uint32_t filter_mask = 0;

  [[nodiscard]] base::Status run(Worker& worker) noexcept;
};

/// Puts a chunk together from memory that only the kernel may read, and stores it as `StoreChunk` does.
struct GatherChunk {
  /// Its chunk is what is put together.
  StoreChunk store;
  ForeignBox box;
  /// Of the whole chunk, in bytes.
  uint64_t chunk_size = 0;
  /// One element for what the box leaves out; empty: zeros.
  base::ConstBytes fill = {};
  /// It has no filters and is written to `store.address`, which is space of its own already.
  bool has_address = false;

  [[nodiscard]] base::Status run(Worker& worker) noexcept;
};

/// Puts elements together that lie side by side in the file, from memory that only the kernel may read, and writes
/// them.
struct GatherWrite {
  FileSink::Lease file;
  uint64_t address = 0;
  /// Its target begins with its first element and has no gaps.
  ForeignBox box;

  [[nodiscard]] base::Status run(Worker& worker) noexcept;
};

/// Puts elements together in memory. Errors as of `ForeignBox::fetch`.
struct GatherElements {
  ForeignBox box;
  /// Null: whether all can become what they are to be is only looked at.
  uint8_t* target = nullptr;

  [[nodiscard]] base::Status run(Worker& worker) noexcept;
};

/// Reads a chunk and undoes its filters.
struct LoadChunk {
  FileSink::Lease file;
  base::Ref<FilterChain> filters;
  uint64_t address = 0;
  uint64_t stored_size = 0;
  uint32_t filter_mask = 0;
  /// Of the chunk's exact size.
  base::Bytes into;

  [[nodiscard]] base::Status run(Worker& worker) noexcept;
};

/// Writes bytes as they are.
struct Write {
  FileSink::Lease file;
  uint64_t address = 0;
  base::ConstBytes data;

  [[nodiscard]] base::Status run(Worker& worker) noexcept;
};

/// Takes the file system's space for bytes that are about to be written. As `FileSink::Lease::reserve`.
struct Reserve {
  FileSink::Lease file;
  uint64_t address = 0;
  uint64_t size = 0;

  [[nodiscard]] base::Status run(Worker& worker) noexcept;
};

/// Reads bytes as they are. `kCorruptFile` when the file ends before.
struct Read {
  FileSink::Lease file;
  uint64_t address = 0;
  base::Bytes into;

  [[nodiscard]] base::Status run(Worker& worker) noexcept;
};

/// Cuts or extends a file.
struct Truncate {
  FileSink::Lease file;
  uint64_t size = 0;

  [[nodiscard]] base::Status run(Worker& worker) noexcept;
};

/// Brings a file to its device.
struct Sync {
  FileSink::Lease file;

  [[nodiscard]] base::Status run(Worker& worker) noexcept;
};

/// Closes a file. The task that runs it must have been given to `FileSink::begin_close`.
struct Close {
  base::Ref<FileSink> file;
  /// The file is cut to this size if it is longer.
  uint64_t most = base::kMaxAddress;

  [[nodiscard]] base::Status run(Worker& worker) noexcept;
};

}  // namespace freestone::pipeline
