#pragma once
// A file that tasks share: it stays open until the last of them is done, and a close waits for those before it.
//   threads: any.    memory: nothrow new, by `Ref`.
#include <cstdint>
#include <mutex>

#include "base/base.h"
#include "os/os.h"
#include "pipeline/executor.h"

namespace freestone::pipeline {

/// An open file and the number of its users.
class FileSink : public base::Shared<FileSink> {
 public:
  /// The right to use the file, held while a task is queued or runs. Movable; gives itself back when destroyed.
  class Lease {
   public:
    Lease() noexcept = default;
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&& other) noexcept {
      std::swap(sink_, other.sink_);
      return *this;
    }
    ~Lease() { reset(); }

    /// Gives the right back early.
    void reset() noexcept;
    [[nodiscard]] const os::File& file() const noexcept { return sink_->file_; }
    [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(sink_); }

   private:
    friend class FileSink;
    explicit Lease(base::Ref<FileSink> sink) noexcept : sink_(std::move(sink)) {}
    base::Ref<FileSink> sink_;
  };

  /// As `os::File::open`.
  [[nodiscard]] static base::Result<base::Ref<FileSink>> open(const char* path, os::OpenMode mode) noexcept;

  /// `kClosed` once `begin_close` was called.
  [[nodiscard]] base::Result<Lease> lease() noexcept;

  /// Ends the giving of leases. When the last one is back, submits `task`, which calls `finish_close`. False, and
  /// nothing is submitted, when this is not the first call.
  [[nodiscard]] bool begin_close(Executor& executor, Task& task) noexcept;

  /// Unlocks and closes. Only by the task given to `begin_close`.
  [[nodiscard]] base::Status finish_close() noexcept { return file_.close(); }

  /// As given to `open`.
  [[nodiscard]] const char* path() const noexcept { return path_.begin(); }

 private:
  friend class base::Ref<FileSink>;
  FileSink(os::File file, base::Array<char> path) noexcept : file_(std::move(file)), path_(std::move(path)) {}
  ~FileSink() = default;

  void give_back() noexcept;

  os::File file_;
  /// With its terminating zero.
  base::Array<char> path_;
  /// Guards everything below.
  std::mutex mutex_;
  uint64_t leases_ = 0;
  bool closing_ = false;
  /// Set while a close waits for leases.
  Executor* close_executor_ = nullptr;
  Task* close_task_ = nullptr;
};

}  // namespace freestone::pipeline
