#include "pipeline/operations.h"

#include <algorithm>
#include <cstring>

namespace freestone::pipeline {

using base::Bytes;
using base::Code;
using base::ConstBytes;
using base::Status;

namespace {

/// Makes all of `chunk` copies of one element.
void fill_up(Bytes chunk, ConstBytes element) noexcept {
  if (element.empty()) {
    std::memset(chunk.data(), 0, chunk.size());
    return;
  }
  size_t done = std::min(element.size(), chunk.size());
  std::memcpy(chunk.data(), element.data(), done);
  // Twice as much each time.
  for (size_t size; done < chunk.size(); done += size) {
    size = std::min(done, chunk.size() - done);
    std::memcpy(chunk.data() + done, chunk.data(), size);
  }
}

}  // namespace

Status read_exactly(const os::File& file, uint64_t address, Bytes into) noexcept {
  const auto size = file.read_at(address, into);
  if (!size.ok()) return size.status();
  if (size.value() != into.size()) return Status(Code::kCorruptFile, "the file ends before what it should hold");
  return {};
}

Status StoreChunk::run(Worker& worker) noexcept {
  // Before any space is taken for it.
  if (!file.file().writable()) return Status(Code::kReadOnly, "the file was opened for reading");
  const auto encoded = filters->encode(worker.scratch, chunk);
  if (!encoded.ok()) return encoded.status();
  const auto allocated = space->allocate(encoded.value().bytes.size(), 1, filespace::Kind::kRaw);
  if (!allocated.ok()) return allocated.status();
  address = allocated.value();
  stored_size = encoded.value().bytes.size();
  filter_mask = encoded.value().filter_mask;
  const Status written = file.write(address, encoded.value().bytes);
  // When even that fails there is a hole that no structure refers to.
  if (!written.ok()) (void)space->free(address, stored_size);
  return written;
}

Status GatherChunk::run(Worker& worker) noexcept {
  if (!store.file.file().writable()) return Status(Code::kReadOnly, "the file was opened for reading");
  if (chunk_size > kMaxChunkSize) return Status(Code::kInvalidSize, "a chunk is 1 byte to 4 GiB - 1");
  if (!worker.chunk.reserve(chunk_size)) return Status(Code::kOutOfMemory, "gathering a chunk");
  const Bytes chunk(worker.chunk.data(), static_cast<size_t>(chunk_size));
  if (box.target_bytes() < chunk_size) fill_up(chunk, fill);
  if (const Status status = box.fetch(worker.scratch, chunk.data()); !status.ok()) return status;
  store.chunk = chunk;
  if (!has_address) return store.run(worker);
  store.stored_size = chunk_size;
  return store.file.write(store.address, chunk);
}

Status GatherWrite::run(Worker& worker) noexcept {
  const uint64_t size = box.target_bytes();
  if (!worker.chunk.reserve(size)) return Status(Code::kOutOfMemory, "gathering elements");
  if (const Status status = box.fetch(worker.scratch, worker.chunk.data()); !status.ok()) return status;
  return file.write(address, {worker.chunk.data(), static_cast<size_t>(size)});
}

Status GatherElements::run(Worker& worker) noexcept { return box.fetch(worker.scratch, target); }

Status LoadChunk::run(Worker& worker) noexcept {
  if (!filters->applies(filter_mask)) {
    if (stored_size != into.size()) return Status(Code::kCorruptFile, "a chunk does not have its size");
    return read_exactly(file.file(), address, into);
  }
  if (stored_size > kMaxChunkSize) return Status(Code::kCorruptFile, "a stored chunk is larger than 4 GiB - 1");
  // A damaged size must not cost memory that the file does not have.
  const auto file_size = file.file().size();
  if (!file_size.ok()) return file_size.status();
  if (address > file_size.value() || stored_size > file_size.value() - address) {
    return Status(Code::kCorruptFile, "the file ends before what it should hold");
  }
  const auto size = static_cast<size_t>(stored_size);
  uint8_t* const memory = worker.scratch.take(size);
  if (memory == nullptr) return Status(Code::kOutOfMemory, "reading a chunk");
  const Bytes stored(memory, size);
  if (const Status status = read_exactly(file.file(), address, stored); !status.ok()) return status;
  return filters->decode(worker.scratch, stored, filter_mask, into);
}

Status Write::run(Worker&) noexcept { return file.write(address, data); }

Status Reserve::run(Worker&) noexcept { return file.reserve(address, size); }

Status Read::run(Worker&) noexcept { return read_exactly(file.file(), address, into); }

Status Truncate::run(Worker&) noexcept { return file.truncate(size); }

Status Sync::run(Worker&) noexcept { return file.file().sync(); }

Status Close::run(Worker&) noexcept { return file->finish_close(most); }

}  // namespace freestone::pipeline
