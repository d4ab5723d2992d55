#include "os/cpu.h"

#include <doctest/doctest.h>
#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

using namespace freestone;

TEST_CASE("the current CPU is one of the machine's") {
  CHECK(os::current_cpu() < static_cast<uint32_t>(sysconf(_SC_NPROCESSORS_CONF)));
}

TEST_CASE("there is a CPU to use") { CHECK(os::cpu_count() >= 1); }

#ifdef __linux__
TEST_CASE("CPUs that the affinity mask leaves out do not count") {
  cpu_set_t before;
  REQUIRE(sched_getaffinity(0, sizeof(before), &before) == 0);
  CHECK(os::cpu_count() == static_cast<uint32_t>(CPU_COUNT(&before)));
  int cpu = 0;
  while (!CPU_ISSET(cpu, &before)) ++cpu;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  REQUIRE(sched_setaffinity(0, sizeof(one), &one) == 0);
  CHECK(os::cpu_count() == 1);
  CHECK(os::current_cpu() == static_cast<uint32_t>(cpu));
  REQUIRE(sched_setaffinity(0, sizeof(before), &before) == 0);
}

TEST_CASE("nothing is lost of what threads add on the CPU they happen to be on") {
  struct alignas(64) Counter {
    std::atomic<uint64_t> own{0};
    std::atomic<uint64_t> others{0};
  };
  std::vector<Counter> counters(os::cpu_limit());
  constexpr uint64_t kEach = 2'000'000;
  std::vector<std::thread> threads;
  for (unsigned id = 0; id < 4; ++id) {
    // More threads than CPUs, so that they are moved and interrupted in the middle.
    threads.emplace_back([&, id] {
      for (uint64_t i = 0; i < kEach; ++i) {
        const uint32_t cpu = os::current_cpu_fast();
        if (i % 4096 == id) std::this_thread::yield();
        if (!os::add_on_cpu(cpu, counters[cpu].own, 3)) counters[cpu].others.fetch_add(3);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  uint64_t sum = 0;
  for (const Counter& counter : counters) sum += counter.own.load() + counter.others.load();
  CHECK(sum == 4 * kEach * 3);
}

TEST_CASE("a thread adds to no other CPU's counter") {
  std::atomic<uint64_t> counter{5};
  CHECK_FALSE(os::add_on_cpu(os::cpu_limit() + 7, counter, 1));
  CHECK(counter.load() == 5);
}
#endif
