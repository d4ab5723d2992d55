#include "bind/environment.h"

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
    status = napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, environment, deliver,
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

void Environment::cancel() {
  if (--under_way_ == 0) napi_unref_threadsafe_function(env_, wake_);
  const std::lock_guard guard(mutex_);
  --running_;
}

void Environment::complete(Job& job) noexcept {
  // Everything under the lock: once it is released with nothing running, clean_up may go on and end the function.
  const std::lock_guard guard(mutex_);
  job.next_finished_ = nullptr;
  const bool first = first_finished_ == nullptr;
  (first ? first_finished_ : last_finished_->next_finished_) = &job;
  last_finished_ = &job;
  if (--running_ == 0) idle_.notify_all();
  // One call for all that finish until it is answered. It cannot fail but for memory, and then the next one tries
  // again.
  if (first) napi_call_threadsafe_function(wake_, nullptr, napi_tsfn_nonblocking);
}

Job* Environment::take_finished() noexcept {
  const std::lock_guard guard(mutex_);
  last_finished_ = nullptr;
  return std::exchange(first_finished_, nullptr);
}

void Environment::deliver(napi_env raw, napi_value, void* context, void*) {
  if (raw == nullptr) return;  // the environment ends; clean_up sees to the jobs
  const Napi::Env env(raw);
  auto& environment = *static_cast<Environment*>(context);
  Job* job = environment.take_finished();
  while (job != nullptr) {
    Job* const next = job->next_finished_;
    const Napi::HandleScope scope(env);
    job->deliver(env);
    delete job;
    if (--environment.under_way_ == 0) napi_unref_threadsafe_function(env, environment.wake_);
    job = next;
  }
}

void Environment::clean_up(void* context) noexcept {
  auto& environment = *static_cast<Environment*>(context);
  environment.closing_.store(true, std::memory_order_relaxed);
  {
    std::unique_lock lock(environment.mutex_);
    environment.idle_.wait(lock, [&] { return environment.running_ == 0; });
  }
  // Nobody else knows of the jobs any more; their promises have no one to tell.
  for (Job* job = environment.take_finished(); job != nullptr;) delete std::exchange(job, job->next_finished_);
  if (environment.executor_ != nullptr) pipeline::Executor::release_shared();
  environment.executor_ = nullptr;
  napi_release_threadsafe_function(environment.wake_, napi_tsfn_abort);
  environment.error_factory_.Reset();
}

Job::Job(Napi::Env env) : environment_(Environment::of(env)) {
  napi_value promise;
  if (napi_create_promise(env, &deferred_, &promise) != napi_ok) throw Napi::Error::New(env);
  promise_ = Napi::Value(env, promise);
}

Job::~Job() = default;

void Job::keep(const Napi::Value& value) { kept_ = Napi::Persistent(value.As<Napi::Object>()); }

void Job::run(pipeline::Worker& worker) noexcept {
  status_ = environment_.closing() ? Status(Code::kClosed, "the environment is ending") : work(worker);
  let_go();
  environment_.complete(*this);
}

void Job::deliver(Napi::Env env) noexcept {
  napi_value value = nullptr;
  bool good = status_.ok();
  try {
    value = good ? result(env) : make_error(env, status_, facts());
  } catch (const std::exception&) {
    // The factory of errors threw, or there was no memory for a result. The promise must be settled all the same.
    napi_value message = nullptr;
    good = false;
    napi_create_string_utf8(env, "the result could not be made", NAPI_AUTO_LENGTH, &message);
    napi_create_error(env, nullptr, message, &value);
  }
  (void)(good ? napi_resolve_deferred(env, deferred_, value) : napi_reject_deferred(env, deferred_, value));
}

}  // namespace freestone::bind
