#pragma once
// Everything that belongs to one JavaScript environment (the main thread or a worker), and the way from worker threads
// back to it.
//   threads: the environment's own, except `complete`.    memory: lives until the environment's finalizers have run.
#include <condition_variable>
#include <mutex>
#include <string>

#include "bind/errors.h"
#include "bind/napi_setup.h"
#include "pipeline/pipeline.h"

namespace freestone::bind {

class Job;

/// State of one environment.
class Environment {
 public:
  /// Makes the state of `env` and registers its clean-up.
  static void install(Napi::Env env);
  [[nodiscard]] static Environment& of(Napi::Env env);

  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  [[nodiscard]] Napi::FunctionReference& error_factory() { return error_factory_; }

  /// The process's worker threads, started on first use; throws when they cannot be.
  [[nodiscard]] pipeline::Executor& executor();

  /// Counts a job as under way, which keeps the event loop alive, until it is delivered. Then the caller submits it.
  void begin();
  /// Takes back a `begin` whose job was not submitted.
  void cancel();

  /// Any thread: `job` has run. It is delivered on the JavaScript thread together with all others that are done by
  /// then.
  void complete(Job& job) noexcept;
  /// Any thread: whether the environment is going away, so that queued work need not be done.
  [[nodiscard]] bool closing() const noexcept { return closing_.load(std::memory_order_relaxed); }

 private:
  explicit Environment(Napi::Env env);
  ~Environment() = default;

  /// Runs when the environment ends, also by worker.terminate(): buffers may be gone right after.
  static void clean_up(void* environment) noexcept;
  /// Runs on the JavaScript thread once jobs are done.
  static void deliver(napi_env env, napi_value callback, void* environment, void* data);

  /// The finished jobs, oldest first.
  [[nodiscard]] Job* take_finished() noexcept;

  const napi_env env_;
  Napi::FunctionReference error_factory_;
  napi_threadsafe_function wake_ = nullptr;
  pipeline::Executor* executor_ = nullptr;
  /// Jobs that were begun and not delivered. JavaScript thread only.
  uint64_t under_way_ = 0;

  /// Relaxed: it only spares work. What must not be missed goes through `mutex_`.
  std::atomic<bool> closing_{false};
  /// Guards the list of finished jobs and the count of running ones.
  std::mutex mutex_;
  std::condition_variable idle_;
  Job* first_finished_ = nullptr;
  Job* last_finished_ = nullptr;
  /// Jobs that were begun and have not run.
  uint64_t running_ = 0;
};

/// One call's way through the worker threads: made on the JavaScript thread, run on a worker, delivered and destroyed
/// on the JavaScript thread. Holds the typed arrays that the work touches.
class Job : public pipeline::Task {
 public:
  explicit Job(Napi::Env env);
  virtual ~Job();

  /// Keeps `value`, an object, until the job is delivered.
  void keep(const Napi::Value& value);
  /// The promise, for the caller of JavaScript; only until control goes back there.
  [[nodiscard]] Napi::Value promise() const { return promise_; }

  void run(pipeline::Worker& worker) noexcept final;
  /// Settles the promise, once. In an environment that is being terminated nothing happens.
  void deliver(Napi::Env env) noexcept;

 protected:
  /// The work; on a worker thread.
  [[nodiscard]] virtual base::Status work(pipeline::Worker& worker) noexcept = 0;
  /// Gives up what others wait for, whether the work was done or not; on a worker thread, before the job counts as run.
  virtual void let_go() noexcept {}
  /// What the promise resolves to.
  [[nodiscard]] virtual Napi::Value result(Napi::Env env) { return env.Undefined(); }
  /// What the error says if it fails.
  [[nodiscard]] virtual Facts facts() const { return {}; }

 private:
  friend class Environment;
  Environment& environment_;
  // Not Napi::Promise::Deferred, which throws when it cannot settle.
  napi_deferred deferred_ = nullptr;
  Napi::Value promise_;
  Napi::ObjectReference kept_;
  base::Status status_;
  Job* next_finished_ = nullptr;
};

}  // namespace freestone::bind
