#include "pipeline/executor.h"

#include <new>

namespace freestone::pipeline {

using base::Code;
using base::Result;
using base::Status;

namespace {

/// What a thread without work may keep of its chunk buffer.
constexpr size_t kIdleChunk = size_t{8} << 20;

/// The executor of the process. Its storage is never destroyed: a thread that ends late may still ask.
struct SharedExecutor {
  std::mutex mutex;
  uint32_t holders = 0;
  Executor executor;
};

SharedExecutor& shared_executor() noexcept {
  alignas(SharedExecutor) static std::byte storage[sizeof(SharedExecutor)];
  static auto* const shared = new (storage) SharedExecutor;
  return *shared;
}

}  // namespace

void Worker::rest() noexcept {
  scratch.rest();
  chunk.shrink(kIdleChunk);
}

void TaskQueue::push(Task* task) noexcept {
  task->next_ = nullptr;
  (last_ == nullptr ? first_ : last_->next_) = task;
  last_ = task;
}

Task* TaskQueue::pop() noexcept {
  Task* const task = first_;
  if (task == nullptr) return nullptr;
  first_ = task->next_;
  if (first_ == nullptr) last_ = nullptr;
  return task;
}

bool Executor::Threads::reserve(size_t capacity) noexcept {
  threads_ = new (std::nothrow) os::Thread[capacity];
  return threads_ != nullptr;
}

void Executor::Threads::clear() noexcept {
  delete[] threads_;  // a thread joins when it is destroyed
  threads_ = nullptr;
  size_ = 0;
}

Executor::~Executor() { stop(); }

Status Executor::start(uint32_t count) noexcept {
  if (count == 0 || threads_.size() != 0) return Status(Code::kInvalidArgument, "starting worker threads");
  if (!threads_.reserve(count)) return Status(Code::kOutOfMemory, "starting worker threads");
  Status status;
  for (uint32_t i = 0; i < count && status.ok(); ++i) {
    auto thread = os::Thread::start(work, this, "freestone");
    status = thread.status();
    if (thread.ok()) threads_.push(thread.take());
  }
  if (threads_.size() > 0) return {};
  threads_.clear();
  return status;
}

void Executor::submit(Task& task, bool wakes) noexcept {
  bool is_needed = true;
  {
    const std::lock_guard guard(mutex_);
    queue_.push(&task);
    is_needed = wakes || awake_ == 0;
  }
  if (is_needed) wake_.notify_one();
}

bool Executor::run_one(Worker& worker) noexcept {
  Task* task = nullptr;
  {
    const std::lock_guard guard(mutex_);
    task = queue_.pop();
  }
  if (task == nullptr) return false;
  task->run(worker);
  worker.scratch.reset();
  return true;
}

void Executor::stop() noexcept {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  threads_.clear();
  stopping_ = false;  // no thread is left to see it; the executor can be started again
}

void Executor::work(void* argument) noexcept {
  auto& executor = *static_cast<Executor*>(argument);
  Worker worker;
  std::unique_lock lock(executor.mutex_);
  ++executor.awake_;
  bool rested = true;
  for (;;) {
    Task* const task = executor.queue_.pop();
    if (task != nullptr) {
      lock.unlock();
      task->run(worker);
      worker.scratch.reset();
      rested = false;
      lock.lock();
      continue;
    }
    if (executor.stopping_) break;
    if (!rested) {
      // Giving much memory back takes long, and others submit meanwhile: then there is a task after it.
      lock.unlock();
      worker.rest();
      rested = true;
      lock.lock();
      continue;
    }
    --executor.awake_;
    executor.wake_.wait(lock);
    ++executor.awake_;
  }
  --executor.awake_;
}

Result<Executor*> Executor::acquire_shared() noexcept {
  SharedExecutor& shared = shared_executor();
  const std::lock_guard guard(shared.mutex);
  if (shared.holders == 0) {
    if (const Status status = shared.executor.start(os::cpu_count()); !status.ok()) return status;
  }
  ++shared.holders;
  return &shared.executor;
}

void Executor::release_shared() noexcept {
  SharedExecutor& shared = shared_executor();
  const std::lock_guard guard(shared.mutex);
  if (--shared.holders == 0) shared.executor.stop();
}

}  // namespace freestone::pipeline
