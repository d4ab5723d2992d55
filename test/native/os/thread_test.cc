#include "os/thread.h"

#include <doctest/doctest.h>
#include <pthread.h>

#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>

using freestone::os::Thread;

TEST_CASE("a thread runs its entry with its argument and is joined once") {
  int ran = 0;
  auto started = Thread::start([](void* argument) noexcept { *static_cast<int*>(argument) = 7; }, &ran, "test");
  REQUIRE(started.ok());
  Thread thread = started.take();
  CHECK(thread.joinable());
  CHECK(thread.join().ok());
  CHECK(ran == 7);
  CHECK_FALSE(thread.joinable());
  CHECK_FALSE(thread.join().ok());
}

TEST_CASE("a thread that is moved is joined where it went") {
  int ran = 0;
  {
    auto started = Thread::start([](void* argument) noexcept { *static_cast<int*>(argument) = 1; }, &ran, "test");
    REQUIRE(started.ok());
    Thread first = started.take();
    Thread second = std::move(first);
    CHECK_FALSE(first.joinable());  // NOLINT: that is what is tested
    first = std::move(second);
    CHECK(first.joinable());
  }
  CHECK(ran == 1);
}

TEST_CASE("a thread has its name, cut to what the system keeps") {
  char name[32] = {};
  auto started = Thread::start(
      [](void* argument) noexcept { pthread_getname_np(pthread_self(), static_cast<char*>(argument), 32); }, name,
      "a name that is too long");
  REQUIRE(started.ok());
  CHECK(started.take().join().ok());
  CHECK(std::strcmp(name, "a name that is ") == 0);
}

TEST_CASE("a thread takes no signals, and its starter's mask is as it was") {
  sigset_t before, after, inside;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  auto started = Thread::start(
      [](void* argument) noexcept { pthread_sigmask(SIG_SETMASK, nullptr, static_cast<sigset_t*>(argument)); }, &inside,
      "test");
  REQUIRE(started.ok());
  CHECK(started.take().join().ok());
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  CHECK(sigismember(&inside, SIGINT) == 1);
  CHECK(sigismember(&inside, SIGTERM) == 1);
  CHECK(sigismember(&after, SIGINT) == sigismember(&before, SIGINT));
}

#ifdef __linux__
TEST_CASE("a thread that waits is known to have slept") {
  const auto before = freestone::os::thread_sleeps();
  REQUIRE(before);
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  CHECK(*freestone::os::thread_sleeps() > *before);
}
#endif
