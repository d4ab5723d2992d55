// Threads of Linux and macOS.
#include <pthread.h>

#include <csignal>
#include <cstdlib>
#include <cstring>

#include "os/os.h"

namespace freestone::os {

using base::Code;
using base::Result;
using base::Status;

static_assert(sizeof(pthread_t) <= sizeof(uintptr_t));

namespace {

/// What a new thread needs to begin; it frees this itself.
struct Start {
  Thread::Entry entry;
  void* argument;
  char name[16];
};

void* run_thread(void* argument) noexcept {
  auto* start = static_cast<Start*>(argument);
#ifdef __APPLE__
  (void)pthread_setname_np(start->name);
#else
  (void)pthread_setname_np(pthread_self(), start->name);
#endif
  const Thread::Entry entry = start->entry;
  void* const entry_argument = start->argument;
  std::free(start);
  entry(entry_argument);
  return nullptr;
}

}  // namespace

Thread::Thread(Thread&& other) noexcept
    : handle_(std::exchange(other.handle_, 0)), joinable_(std::exchange(other.joinable_, false)) {}

Thread& Thread::operator=(Thread&& other) noexcept {
  std::swap(handle_, other.handle_);
  std::swap(joinable_, other.joinable_);
  return *this;
}

Thread::~Thread() {
  if (joinable_) (void)join();
}

Result<Thread> Thread::start(Entry entry, void* argument, const char* name) noexcept {
  auto* start = static_cast<Start*>(std::calloc(1, sizeof(Start)));
  if (start == nullptr) return Status(Code::kOutOfMemory, "starting a thread");
  start->entry = entry;
  start->argument = argument;
  std::strncpy(start->name, name, sizeof(start->name) - 1);

  // A thread inherits the mask of its starter, and a signal sent to it would interrupt its system calls.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  const int error = pthread_create(&thread, nullptr, run_thread, start);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error != 0) {
    std::free(start);
    return Status::system(error, "pthread_create");
  }
  Thread started;
  std::memcpy(&started.handle_, &thread, sizeof(thread));
  started.joinable_ = true;
  return started;
}

Status Thread::join() noexcept {
  if (!joinable_) return Status(Code::kInvalidArgument, "the thread was joined before");
  pthread_t thread;
  std::memcpy(&thread, &handle_, sizeof(thread));
  joinable_ = false;
  const int error = pthread_join(thread, nullptr);
  return error == 0 ? Status() : Status::system(error, "pthread_join");
}

}  // namespace freestone::os
