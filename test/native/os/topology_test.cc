#include "os/topology.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "os/cpu.h"
#include "os/memory.h"
#include "temporary_directory.h"

using namespace freestone;
using base::Code;

namespace {

std::vector<uint32_t> cpus_of(const os::Topology& topology, size_t node) {
  const auto cpus = topology.cpus(node);
  return {cpus.begin(), cpus.end()};
}

/// Two sockets and a node of memory alone, whose number leaves a gap.
void write_three_nodes(TemporaryDirectory& sys) {
  sys.write("devices/system/node/online", "0-1,3\n");
  sys.write("devices/system/node/node0/cpulist", "0-2,8,10-11\n");
  sys.write("devices/system/node/node0/distance", "10 21 31\n");
  sys.write("devices/system/node/node1/cpulist", "3-7,9\n");
  sys.write("devices/system/node/node1/distance", "21 10 41\n");
  sys.write("devices/system/node/node3/cpulist", "\n");
  sys.write("devices/system/node/node3/distance", "31 41 10\n");
}

}  // namespace

TEST_CASE("nodes, their CPUs and their distances are read as the system shows them") {
  TemporaryDirectory sys;
  write_three_nodes(sys);
  const auto read = os::Topology::read(sys.path().c_str());
  REQUIRE(read.ok());
  const os::Topology& topology = read.value();
  REQUIRE(topology.nodes().size() == 3);
  CHECK(topology.nodes()[0].id == 0);
  CHECK(topology.nodes()[1].id == 1);
  CHECK(topology.nodes()[2].id == 3);
  CHECK(cpus_of(topology, 0) == std::vector<uint32_t>{0, 1, 2, 8, 10, 11});
  CHECK(cpus_of(topology, 1) == std::vector<uint32_t>{3, 4, 5, 6, 7, 9});
  CHECK(cpus_of(topology, 2).empty());
  CHECK(topology.distance(0, 0) == 10);
  CHECK(topology.distance(0, 2) == 31);
  CHECK(topology.distance(2, 1) == 41);
}

TEST_CASE("a kernel without NUMA is one node with every CPU") {
  TemporaryDirectory sys;
  SUBCASE("that the system lists") {
    sys.write("devices/system/cpu/online", "0-2,5\n");
    const auto topology = os::Topology::read(sys.path().c_str());
    REQUIRE(topology.ok());
    REQUIRE(topology.value().nodes().size() == 1);
    CHECK(topology.value().nodes()[0].id == 0);
    CHECK(cpus_of(topology.value(), 0) == std::vector<uint32_t>{0, 1, 2, 5});
    CHECK(topology.value().distance(0, 0) == 10);
  }
  SUBCASE("that may be used, where the system lists nothing") {
    const auto topology = os::Topology::read(sys.path().c_str());
    REQUIRE(topology.ok());
    REQUIRE(topology.value().nodes().size() == 1);
    CHECK(topology.value().cpus(0).size() == os::cpu_count());
  }
}

TEST_CASE("what is not understood is an error and never a guess") {
  TemporaryDirectory sys;
  write_three_nodes(sys);
  SUBCASE("letters in the list of nodes") { sys.write("devices/system/node/online", "zero\n"); }
  SUBCASE("a range that runs backwards") { sys.write("devices/system/node/node0/cpulist", "5-3\n"); }
  SUBCASE("numbers that do not ascend") { sys.write("devices/system/node/node0/cpulist", "3,1\n"); }
  SUBCASE("the same number twice") { sys.write("devices/system/node/node0/cpulist", "0-3,3\n"); }
  SUBCASE("a comma at the end") { sys.write("devices/system/node/node0/cpulist", "1,2,\n"); }
  SUBCASE("a range without an end") { sys.write("devices/system/node/node0/cpulist", "1-\n"); }
  SUBCASE("a number that no machine reaches") { sys.write("devices/system/node/node0/cpulist", "0-99999999999\n"); }
  SUBCASE("too few distances") { sys.write("devices/system/node/node1/distance", "21 10\n"); }
  SUBCASE("too many distances") { sys.write("devices/system/node/node1/distance", "21 10 41 51\n"); }
  SUBCASE("a node without CPUs' list") { std::filesystem::remove(sys / "devices/system/node/node3/cpulist"); }
  SUBCASE("a node without distances") { std::filesystem::remove(sys / "devices/system/node/node3/distance"); }
  SUBCASE("a file that does not end") { sys.write("devices/system/node/node0/cpulist", std::string(64 * 1024, '1')); }
  CHECK(os::Topology::read(sys.path().c_str()).status().code() == Code::kCorruptFile);
}

TEST_CASE("the machine's own topology names this CPU and is 10 from itself") {
  const auto read = os::Topology::read();
  REQUIRE(read.ok());
  const os::Topology& topology = read.value();
  REQUIRE(topology.nodes().size() >= 1);
  std::vector<uint32_t> all;
  for (size_t node = 0; node < topology.nodes().size(); ++node) {
    CHECK(topology.distance(node, node) == 10);
    const auto cpus = cpus_of(topology, node);
    all.insert(all.end(), cpus.begin(), cpus.end());
  }
  CHECK(std::find(all.begin(), all.end(), os::current_cpu()) != all.end());
}

TEST_CASE("memory can be bound to a node that exists, where the system lets us, and to no other") {
  const size_t size = os::page_size() * 4;
  auto reserved = os::reserve(size, 1);
  REQUIRE(reserved.ok());
  uint8_t* const memory = reserved.value();
  REQUIRE(os::commit(memory, size).ok());
  const auto topology = os::Topology::read();
  REQUIRE(topology.ok());
  const uint32_t here[] = {topology.value().nodes()[0].id};
  for (const os::Binding binding : {os::Binding::kStrict, os::Binding::kPreferred}) {
    const base::Status status = os::bind_memory(memory, size, here, binding);
    // Containers may forbid the call, and kernels may lack it.
    const bool tolerated = status.ok() || status.code() == Code::kUnsupported ||
                           (status.code() == Code::kSystem && status.system_error() == EPERM);
    CHECK(tolerated);
  }
  memory[0] = 1;
  const uint32_t nowhere[] = {1000};
  CHECK_FALSE(os::bind_memory(memory, size, nowhere, os::Binding::kStrict).ok());
  const uint32_t absurd[] = {5000};
  CHECK(os::bind_memory(memory, size, absurd, os::Binding::kStrict).code() == Code::kNumaNodeUnavailable);
  CHECK(os::bind_memory(memory, size, {}, os::Binding::kStrict).code() == Code::kInvalidArgument);
  CHECK(os::bind_memory(memory + 1, size, here, os::Binding::kStrict).code() == Code::kInvalidAddress);
  CHECK(os::release(memory, size).ok());
}
