#pragma once
// Worker threads and their queue.
//   threads: any may submit.    memory: none once started, but for what tasks ask of their worker's scratch memory.
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "base/base.h"
#include "os/os.h"
#include "pipeline/chunk_buffer.h"
#include "pipeline/scratch.h"

namespace freestone::pipeline {

/// What a worker thread lends to the task that it runs.
struct Worker {
  /// For filters, for a chunk as the file has it, and for what is read before it is converted. Ends with the task.
  Scratch scratch;
  /// For a chunk as memory has it.
  ChunkBuffer chunk;

  /// Gives back what is more than a thread without work may keep, so that one large chunk does not stay in memory for
  /// ever.
  void rest() noexcept;
};

/// One piece of work. Whoever submits it keeps it alive until it has run.
class Task {
 public:
  /// Runs on a worker thread. The executor does not touch the task any more, so that this may hand it on or destroy it.
  virtual void run(Worker& worker) noexcept = 0;

 protected:
  ~Task() = default;

 private:
  friend class TaskQueue;
  Task* next_ = nullptr;
};

/// First in, first out, linked through the tasks.
class TaskQueue {
 public:
  void push(Task* task) noexcept;
  /// The oldest, or null.
  [[nodiscard]] Task* pop() noexcept;
  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }

 private:
  Task* first_ = nullptr;
  Task* last_ = nullptr;
};

/// A fixed number of worker threads over one queue.
class Executor {
 public:
  Executor() noexcept = default;
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;
  /// Stops.
  ~Executor();

  /// Starts `count` threads, 1 or more. Fewer are enough; an error only when there is none.
  [[nodiscard]] base::Status start(uint32_t count) noexcept;
  /// Runs `task` on one of the threads. Only between `start` and `stop`.
  /// @param wakes without it a thread is woken only when all sleep: short tasks, one after the other, are better done
  /// by one thread than by several that take the processor from the one that submits
  void submit(Task& task, bool wakes = true) noexcept;
  /// Runs the oldest task that no thread has taken yet, on the calling thread, which lends `worker`. False when there
  /// is none.
  bool run_one(Worker& worker) noexcept;
  /// Runs what was submitted, then ends the threads. Not from a task.
  void stop() noexcept;
  /// Threads that run.
  [[nodiscard]] uint32_t worker_count() const noexcept { return static_cast<uint32_t>(threads_.size()); }

  /// The executor of the process, one thread per usable CPU, started for the first that asks. Each success needs one
  /// `release_shared`.
  [[nodiscard]] static base::Result<Executor*> acquire_shared() noexcept;
  /// Ends the threads with the last. The caller's tasks must have run.
  static void release_shared() noexcept;

 private:
  /// Threads are moved about by hand because they are not plain bytes.
  class Threads {
   public:
    Threads() noexcept = default;
    Threads(const Threads&) = delete;
    Threads& operator=(const Threads&) = delete;
    ~Threads() { clear(); }
    [[nodiscard]] bool reserve(size_t capacity) noexcept;
    void push(os::Thread thread) noexcept { threads_[size_++] = std::move(thread); }
    /// Joins all.
    void clear() noexcept;
    [[nodiscard]] size_t size() const noexcept { return size_; }

   private:
    os::Thread* threads_ = nullptr;
    size_t size_ = 0;
  };

  static void work(void* executor) noexcept;

  /// Guards the queue, `awake_` and `stopping_`.
  std::mutex mutex_;
  std::condition_variable wake_;
  TaskQueue queue_;
  /// Threads that do not sleep: each looks at the queue before it does.
  uint32_t awake_ = 0;
  bool stopping_ = false;
  Threads threads_;
};

}  // namespace freestone::pipeline
