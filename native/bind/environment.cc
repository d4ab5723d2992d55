#include "bind/environment.h"

#include <algorithm>
#include <utility>

namespace freestone::bind {

using base::Code;
using base::Status;

void Environment::install(Napi::Env env) {
  auto* environment = new Environment(env);
  const auto finalize = [](napi_env, void* data, void*) { delete static_cast<Environment*>(data); };
  if (napi_set_instance_data(env, environment, finalize, nullptr) != napi_ok) {
    delete environment;
    throw Napi::Error::New(env);
  }
  napi_value name;
  napi_status status = napi_create_string_utf8(env, "freestone", NAPI_AUTO_LENGTH, &name);
  if (status == napi_ok) {
    status = napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, environment, wake,
                                             &environment->wake_);
  }
  if (status == napi_ok) status = napi_unref_threadsafe_function(env, environment->wake_);
  // After the thread-safe function, whose own hook ends it: hooks run last first, and ours still needs it.
  if (status == napi_ok) status = napi_add_env_cleanup_hook(env, clean_up, environment);
  if (status != napi_ok) throw Napi::Error::New(env);
}

Environment& Environment::of(Napi::Env env) {
  void* environment = nullptr;
  napi_get_instance_data(env, &environment);
  return *static_cast<Environment*>(environment);
}

Environment::Environment(Napi::Env env) : env_(env) {}

pipeline::Executor& Environment::executor() {
  if (executor_ == nullptr) {
    const auto executor = pipeline::Executor::acquire_shared();
    check(env_, executor.status());
    executor_ = executor.value();
  }
  return *executor_;
}

void Environment::begin() {
  if (closing()) throw_error(env_, Code::kClosed, "the environment is ending");
  if (under_way_++ == 0) napi_ref_threadsafe_function(env_, wake_);
  const std::lock_guard guard(mutex_);
  ++running_;
}

void Environment::complete(Job& job) noexcept {
  // Everything under the lock: once it is released with nothing running, clean_up may go on and end the function.
  const std::lock_guard guard(mutex_);
  job.next_finished_ = nullptr;
  const bool first = first_finished_ == nullptr;
  (first ? first_finished_ : last_finished_->next_finished_) = &job;
  last_finished_ = &job;
  --running_;
  progress_.notify_all();
  // One call for all that finish until it is answered. It cannot fail but for memory, and then the next one tries
  // again.
  if (first) napi_call_threadsafe_function(wake_, nullptr, napi_tsfn_nonblocking);
}

Job* Environment::take_finished() noexcept {
  const std::lock_guard guard(mutex_);
  last_finished_ = nullptr;
  return std::exchange(first_finished_, nullptr);
}

void Environment::wake(napi_env raw, napi_value, void* context, void*) {
  if (raw == nullptr) return;  // the environment ends; clean_up sees to the jobs
  auto& environment = *static_cast<Environment*>(context);
  environment.deliver(Napi::Env(raw), environment.take_finished());
}

void Environment::on_jobs_done(const Napi::Function& listener) { jobs_done_ = Napi::Persistent(listener); }

bool Environment::settle_jobs() {
  for (;;) {
    if (Job* const jobs = take_finished(); jobs != nullptr) {
      const Napi::Env env(env_);
      const Napi::HandleScope scope(env);
      deliver(env, jobs);
      worker_.rest();
      return true;
    }
    if (under_way_ == 0) return false;
    if (executor().run_one(worker_)) continue;
    std::unique_lock lock(mutex_);
    progress_.wait(lock, [&] { return first_finished_ != nullptr; });
  }
}

void Environment::deliver(Napi::Env env, Job* jobs) {
  constexpr size_t kNumbers = 1 + std::tuple_size_v<Job::Results>;
  size_t count = 0;
  for (const Job* job = jobs; job != nullptr; job = job->next_finished_) ++count;
  if (count == 0) return;
  under_way_ -= count;
  if (under_way_ == 0) napi_unref_threadsafe_function(env, wake_);
  // Whatever fails here, the jobs are destroyed.
  struct Jobs {
    Job* first;
    ~Jobs() {
      while (first != nullptr) delete std::exchange(first, first->next_finished_);
    }
  } const owned{jobs};
  try {
    auto numbers = Napi::Float64Array::New(env, count * kNumbers);
    Napi::Array errors;
    double* next = numbers.Data();
    uint32_t i = 0;
    for (const Job* job = jobs; job != nullptr; job = job->next_finished_, ++i, next += kNumbers) {
      const Job::Results results = job->results();
      next[0] = static_cast<double>(job->ticket_);
      std::ranges::copy(results, next + 1);
      if (job->status_.ok()) continue;
      if (errors.IsEmpty()) errors = Napi::Array::New(env);
      errors.Set(i, make_error(env, job->status_, job->facts()));
    }
    jobs_done_.Call({numbers, errors.IsEmpty() ? env.Undefined() : static_cast<Napi::Value>(errors)});
  } catch (const Napi::Error& error) {
    // No memory for the results, or an environment that is being terminated: then nobody is there to be told.
    throw_to_javascript(error);
  }
}

void Environment::clean_up(void* context) noexcept {
  auto& environment = *static_cast<Environment*>(context);
  environment.closing_.store(true, std::memory_order_relaxed);
  {
    std::unique_lock lock(environment.mutex_);
    environment.progress_.wait(lock, [&] { return environment.running_ == 0; });
  }
  // Nobody else knows of the jobs any more; their promises have no one to tell.
  for (Job* job = environment.take_finished(); job != nullptr;) delete std::exchange(job, job->next_finished_);
  if (environment.executor_ != nullptr) pipeline::Executor::release_shared();
  environment.executor_ = nullptr;
  napi_release_threadsafe_function(environment.wake_, napi_tsfn_abort);
  environment.error_factory_.Reset();
  environment.jobs_done_.Reset();
}

void Job::run(pipeline::Worker& worker) noexcept {
  status_ = environment_.closing() ? Status(Code::kClosed, "the environment is ending") : work(worker);
  let_go();
  environment_.complete(*this);
}

}  // namespace freestone::bind
