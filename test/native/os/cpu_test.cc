#include "os/cpu.h"

#include <doctest/doctest.h>
#include <sched.h>
#include <unistd.h>

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
#endif
