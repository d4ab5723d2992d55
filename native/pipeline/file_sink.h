#pragma once
// A file that tasks share: it stays open until the last of them is done, and a close waits for those before it.
//   threads: any.    memory: nothrow new, by `Ref`.
#include <atomic>
#include <cstdint>
#include <mutex>

#include "base/base.h"
#include "os/os.h"
#include "pipeline/direct_writer.h"
#include "pipeline/executor.h"

// Space of the file system is taken ahead of a file that grows: with large writes one after the other, looking for
// space is an eighth of what they cost. Whoever finds that a write goes beyond what has been taken takes it for this
// write and `kAhead` more, under a lock that others do not wait for: they write without. The file's size is not touched
// by it, and what is left behind the end at the close goes back. After a crash up to `kAhead` stay taken, unseen, until
// the file is truncated or removed. The first refusal ends it, since the write itself says what is wrong.

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
    /// To read, and to ask; writes go through the two below.
    [[nodiscard]] const os::File& file() const noexcept { return sink_->file_; }
    /// As `os::File::write_at`, past the page cache where that was asked for and is possible.
    [[nodiscard]] base::Status write(uint64_t address, base::ConstBytes data) const noexcept {
      return sink_->write(address, data);
    }
    /// As `write`. @return whether the calling thread may have slept meanwhile: the device is behind then, and the
    /// kernel makes writers wait
    [[nodiscard]] base::Result<bool> write_now(uint64_t address, base::ConstBytes data) const noexcept;
    /// As `os::File::truncate`. Nobody may write meanwhile.
    [[nodiscard]] base::Status truncate(uint64_t size) const noexcept { return sink_->truncate(size); }
    /// Takes the space for what is about to be written, so that a full disk is known before the first byte: the
    /// system's ENOSPC and the like. Where that cannot be done, nothing happens.
    [[nodiscard]] base::Status reserve(uint64_t address, uint64_t size) const noexcept {
      return sink_->reserve(address, size);
    }
    [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(sink_); }

   private:
    friend class FileSink;
    explicit Lease(base::Ref<FileSink> sink) noexcept : sink_(std::move(sink)) {}
    base::Ref<FileSink> sink_;
  };

  /// As `os::File::open`.
  /// @param direct large writes pass the page cache by, where the file system can do that
  [[nodiscard]] static base::Result<base::Ref<FileSink>> open(const char* path, os::OpenMode mode,
                                                              bool direct = false) noexcept;

  /// `kClosed` once `begin_close` was called.
  [[nodiscard]] base::Result<Lease> lease() noexcept;

  /// Ends the giving of leases. When the last one is back, submits `task`, which calls `finish_close`. False, and
  /// nothing is submitted, when this is not the first call.
  [[nodiscard]] bool begin_close(Executor& executor, Task& task) noexcept;

  /// Unlocks and closes. Only by the task given to `begin_close`.
  /// @param most the file is cut to this size if it is longer
  [[nodiscard]] base::Status finish_close(uint64_t most = base::kMaxAddress) noexcept;

  /// As given to `open`.
  [[nodiscard]] const char* path() const noexcept { return path_.begin(); }

 private:
  friend class base::Ref<FileSink>;
  FileSink(os::File file, base::Array<char> path) noexcept : file_(std::move(file)), path_(std::move(path)) {}
  ~FileSink() { trim(base::kMaxAddress); }

  void give_back() noexcept;
  [[nodiscard]] base::Status write(uint64_t address, base::ConstBytes data) noexcept;
  [[nodiscard]] base::Status truncate(uint64_t size) noexcept;
  [[nodiscard]] base::Status reserve(uint64_t address, uint64_t size) noexcept;
  /// Takes space ahead of a write to these bytes if the file is growing.
  void reserve_ahead(uint64_t address, uint64_t end) noexcept;
  /// Gives back what was taken behind the end, and what is behind `most`. Nobody uses the file any more.
  void trim(uint64_t most) noexcept;

  os::File file_;
  DirectWriter direct_;
  /// Where the furthest write ends that has begun.
  std::atomic<uint64_t> written_to_{0};
  /// Up to here space has been taken, where it was wanted. Changed under `reserving_`.
  std::atomic<uint64_t> reserved_to_{0};
  std::atomic<bool> reserves_{true};
  std::mutex reserving_;
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
