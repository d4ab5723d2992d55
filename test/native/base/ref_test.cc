#include "base/ref.h"

#include <doctest/doctest.h>

#include <thread>
#include <vector>

using freestone::base::Ref;
using freestone::base::Shared;

namespace {

struct Counted : Shared<Counted> {
  explicit Counted(int& destroyed) : destroyed_(destroyed) {}
  ~Counted() { ++destroyed_; }
  int value = 5;

 private:
  int& destroyed_;
};

}  // namespace

TEST_CASE("an object lives as long as its last reference") {
  int destroyed = 0;
  {
    Ref<Counted> first = Ref<Counted>::make(destroyed);
    REQUIRE(first);
    Ref<Counted> second = first;
    Ref<Counted> third = std::move(first);
    CHECK_FALSE(first);  // NOLINT: that is what is tested
    second = {};
    CHECK(destroyed == 0);
    CHECK(third->value == 5);
    third = Ref<Counted>(third.get());
    CHECK(destroyed == 0);
  }
  CHECK(destroyed == 1);
}

TEST_CASE("threads that copy and drop references at once destroy the object once, after all of them") {
  int destroyed = 0;
  {
    Ref<Counted> shared = Ref<Counted>::make(destroyed);
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([copy = shared] {
        for (int n = 0; n < 10000; ++n) {
          const Ref<Counted> another = copy;
          (void)another;
        }
      });
    }
    shared = {};
    for (std::thread& thread : threads) thread.join();
    threads.clear();
  }
  CHECK(destroyed == 1);
}
