#pragma once
// Everything that belongs to one JavaScript environment (the main thread or a worker), and the way from worker threads
// back to it.
//   threads: the environment's own, except `complete`.    memory: lives until the environment's finalizers have run.
#include <array>
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

  /// Any thread: `job` has run. It is delivered on the JavaScript thread together with all others that are done by
  /// then.
  void complete(Job& job) noexcept;
  /// Who is told of jobs that are done, many in one call.
  void on_jobs_done(const Napi::Function& listener);
  /// Delivers now what is done. When nothing is, runs queued work on this thread or waits, until something is.
  /// @return false when no job is under way
  [[nodiscard]] bool settle_jobs();
  /// Any thread: whether the environment is going away, so that queued work need not be done.
  [[nodiscard]] bool closing() const noexcept { return closing_.load(std::memory_order_relaxed); }

 private:
  explicit Environment(Napi::Env env);
  ~Environment() = default;

  /// Runs when the environment ends, also by worker.terminate(): buffers may be gone right after.
  static void clean_up(void* environment) noexcept;
  /// Runs on the JavaScript thread once jobs are done.
  static void wake(napi_env env, napi_value callback, void* environment, void* data);
  /// Hands a list of jobs to the listener and destroys them.
  void deliver(Napi::Env env, Job* jobs);

  /// The finished jobs, oldest first.
  [[nodiscard]] Job* take_finished() noexcept;

  const napi_env env_;
  Napi::FunctionReference error_factory_;
  Napi::FunctionReference jobs_done_;
  napi_threadsafe_function wake_ = nullptr;
  pipeline::Executor* executor_ = nullptr;
  /// Jobs that were begun and not delivered. JavaScript thread only.
  uint64_t under_way_ = 0;
  /// For tasks that the JavaScript thread runs while it waits.
  pipeline::Worker worker_;

  /// Relaxed: it only spares work. What must not be missed goes through `mutex_`.
  std::atomic<bool> closing_{false};
  /// Guards the list of finished jobs and the count of running ones.
  std::mutex mutex_;
  /// A job has run.
  std::condition_variable progress_;
  Job* first_finished_ = nullptr;
  Job* last_finished_ = nullptr;
  /// Jobs that were begun and have not run.
  uint64_t running_ = 0;
};

/// One call's way through the worker threads: made on the JavaScript thread, run on a worker, delivered and destroyed
/// on the JavaScript thread. JavaScript keeps the memory that the work touches until it has been told.
class Job : public pipeline::Task {
 public:
  /// What the work found out, in numbers.
  using Results = std::array<double, 3>;

  /// @param ticket by which JavaScript knows it
  Job(Napi::Env env, uint64_t ticket) : environment_(Environment::of(env)), ticket_(ticket) {}
  virtual ~Job() = default;

  void run(pipeline::Worker& worker) noexcept final;

 protected:
  /// The work; on a worker thread.
  [[nodiscard]] virtual base::Status work(pipeline::Worker& worker) noexcept = 0;
  /// Gives up what others wait for, whether the work was done or not; on a worker thread, before the job counts as run.
  virtual void let_go() noexcept {}
  /// What JavaScript is told beside the ticket.
  [[nodiscard]] virtual Results results() const noexcept { return {}; }
  /// What the error says if it fails.
  [[nodiscard]] virtual Facts facts() const { return {}; }

 private:
  friend class Environment;
  Environment& environment_;
  const uint64_t ticket_;
  base::Status status_;
  Job* next_finished_ = nullptr;
};

}  // namespace freestone::bind
