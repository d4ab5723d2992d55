#include "pipeline/file_sink.h"

#include <algorithm>
#include <cstring>

namespace freestone::pipeline {

using base::Code;
using base::ConstBytes;
using base::Ref;
using base::Result;
using base::Status;

namespace {

/// A file is large from here on; smaller ones are not worth a system call.
constexpr uint64_t kLargeFile = uint64_t{8} << 20;
/// So much space is taken beyond what is written. More is not faster.
constexpr uint64_t kAhead = uint64_t{8} << 20;

}  // namespace

Result<Ref<FileSink>> FileSink::open(const char* path, os::OpenMode mode, bool direct) noexcept {
  // The path first, so that no file is made when there is no memory for it.
  base::Array<char> copy;
  if (!copy.assign({path, std::strlen(path) + 1})) return Status(Code::kOutOfMemory, "opening a file");
  auto file = os::File::open(path, mode);
  if (!file.ok()) return file.status();
  Ref<FileSink> sink = Ref<FileSink>::make(file.take(), std::move(copy));
  if (!sink) return Status(Code::kOutOfMemory, "opening a file");
  // Where it cannot be done the page cache does as well.
  if (direct) (void)sink->direct_.open(sink->file_);
  return sink;
}

Status FileSink::write(uint64_t address, ConstBytes data) noexcept {
  const auto end = base::checked_add(address, data.size());
  if (end) reserve_ahead(address, *end);
  if (end && direct_.takes(data.size())) return direct_.write(file_, address, data);
  return file_.write_at(address, data);
}

base::Result<bool> FileSink::Lease::write_now(uint64_t address, ConstBytes data) const noexcept {
  const auto before = os::thread_sleeps();
  if (const Status status = write(address, data); !status.ok()) return status;
  return !before || os::thread_sleeps() != before;
}

void FileSink::reserve_ahead(uint64_t address, uint64_t end) noexcept {
  // Relaxed throughout: what is read late costs one more system call, or one less.
  uint64_t before = written_to_.load(std::memory_order_relaxed);
  while (before < end && !written_to_.compare_exchange_weak(before, end, std::memory_order_relaxed)) {
  }
  if (end <= reserved_to_.load(std::memory_order_relaxed) || end < kLargeFile) return;
  if (!reserves_.load(std::memory_order_relaxed)) return;
  // Who leaves a gap may leave another: a file with holes must not get space for them.
  if (address > before && address - before > kAhead) return;
  const std::unique_lock lock(reserving_, std::try_to_lock);
  if (!lock) return;
  const uint64_t from = std::max(reserved_to_.load(std::memory_order_relaxed), address);
  if (end <= from || end > base::kMaxAddress - kAhead) return;
  if (!file_.preallocate(from, end + kAhead - from).ok()) reserves_.store(false, std::memory_order_relaxed);
  // Also when it failed: what was taken before there was no more has to go back.
  reserved_to_.store(end + kAhead, std::memory_order_relaxed);
}

Status FileSink::reserve(uint64_t address, uint64_t size) noexcept {
  if (size == 0 || !reserves_.load(std::memory_order_relaxed)) return {};
  const std::lock_guard guard(reserving_);
  const Status status = file_.preallocate(address, size);
  if (status.code() == Code::kUnsupported) reserves_.store(false, std::memory_order_relaxed);
  if (!status.ok() && status.system_error() == 0) return status.code() == Code::kUnsupported ? Status() : status;
  const uint64_t reserved = reserved_to_.load(std::memory_order_relaxed);
  reserved_to_.store(std::max(reserved, address + size), std::memory_order_relaxed);
  return status;
}

Status FileSink::truncate(uint64_t size) noexcept {
  const std::lock_guard guard(reserving_);
  const Status status = file_.truncate(size);
  if (!status.ok()) return status;
  reserved_to_.store(0, std::memory_order_relaxed);
  written_to_.store(size, std::memory_order_relaxed);
  return {};
}

void FileSink::trim(uint64_t most) noexcept {
  const uint64_t reserved = reserved_to_.exchange(0, std::memory_order_relaxed);
  if (!file_.is_open() || !file_.writable() || (reserved == 0 && most == base::kMaxAddress)) return;
  const auto size = file_.size();
  if (!size.ok()) return;
  const uint64_t kept = std::min(size.value(), most);
  if (kept < size.value() || kept < reserved) (void)file_.truncate(kept);
}

Status FileSink::finish_close(uint64_t most) noexcept {
  trim(most);
  const Status direct = direct_.close();
  const Status status = file_.close();
  return status.ok() ? direct : status;
}

Result<FileSink::Lease> FileSink::lease() noexcept {
  const std::lock_guard guard(mutex_);
  if (closing_) return Status(Code::kClosed, "the file is closed");
  ++leases_;
  return Lease(Ref<FileSink>(this));
}

void FileSink::Lease::reset() noexcept {
  if (!sink_) return;
  sink_->give_back();
  sink_ = {};
}

void FileSink::give_back() noexcept {
  Executor* executor = nullptr;
  Task* task = nullptr;
  {
    const std::lock_guard guard(mutex_);
    if (--leases_ != 0 || close_task_ == nullptr) return;
    executor = std::exchange(close_executor_, nullptr);
    task = std::exchange(close_task_, nullptr);
  }
  executor->submit(*task);
}

bool FileSink::begin_close(Executor& executor, Task& task) noexcept {
  {
    const std::lock_guard guard(mutex_);
    if (closing_) return false;
    closing_ = true;
    if (leases_ != 0) {
      close_executor_ = &executor;
      close_task_ = &task;
      return true;
    }
  }
  executor.submit(task);
  return true;
}

}  // namespace freestone::pipeline
