#include "pipeline/file_sink.h"

#include <cstring>

namespace freestone::pipeline {

using base::Code;
using base::Ref;
using base::Result;
using base::Status;

Result<Ref<FileSink>> FileSink::open(const char* path, os::OpenMode mode) noexcept {
  // The path first, so that no file is made when there is no memory for it.
  base::Array<char> copy;
  if (!copy.assign({path, std::strlen(path) + 1})) return Status(Code::kOutOfMemory, "opening a file");
  auto file = os::File::open(path, mode);
  if (!file.ok()) return file.status();
  Ref<FileSink> sink = Ref<FileSink>::make(file.take(), std::move(copy));
  if (!sink) return Status(Code::kOutOfMemory, "opening a file");
  return sink;
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
