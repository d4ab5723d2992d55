#include "base/spin_lock.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

using freestone::base::SpinLock;

TEST_CASE("a spin lock lets one thread in at a time") {
  SpinLock lock;
  uint64_t plain = 0;
  std::vector<std::thread> threads;
  for (int id = 0; id < 4; ++id) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20000; ++i) {
        const std::lock_guard guard(lock);
        ++plain;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(plain == 80000);
}

TEST_CASE("a spin lock that is held is not got by trying") {
  SpinLock lock;
  REQUIRE(lock.try_lock());
  CHECK_FALSE(lock.try_lock());
  lock.unlock();
  CHECK(lock.try_lock());
}
