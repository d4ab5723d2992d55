#pragma once
// NUMA: which nodes there are, which CPUs are near them, how far they are apart, and memory bound to some of them.
//   threads: reading a Topology, any.    memory: owned by the Topology.
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/base.h"

namespace freestone::os {

/// One node of the machine.
struct NumaNode {
  /// The system's number; numbers may have gaps.
  uint32_t id = 0;
  /// Its CPUs are `cpu_count` entries of the topology's list from here on. A node of memory alone has none.
  uint32_t first_cpu = 0;
  uint32_t cpu_count = 0;
};

/// The machine as one reading of the system found it. A system without NUMA is one node with id 0 and every CPU.
class Topology {
 public:
  /// @param sys_root where sysfs is mounted; a test may give a made-up tree. `kCorruptFile` when a file there is not
  /// understood.
  [[nodiscard]] static base::Result<Topology> read(const char* sys_root = "/sys") noexcept;

  /// Ascending by id.
  [[nodiscard]] std::span<const NumaNode> nodes() const noexcept { return nodes_.span(); }
  /// CPUs of `nodes()[node]`, ascending.
  [[nodiscard]] std::span<const uint32_t> cpus(size_t node) const noexcept {
    return cpus_.span().subspan(nodes_[node].first_cpu, nodes_[node].cpu_count);
  }
  /// Relative cost of memory of `nodes()[to]` for a CPU of `nodes()[from]`; 10 is local.
  [[nodiscard]] uint32_t distance(size_t from, size_t to) const noexcept {
    return distances_[from * nodes_.size() + to];
  }

 private:
  base::Array<NumaNode> nodes_;
  base::Array<uint32_t> cpus_;
  /// A square, row by row.
  base::Array<uint32_t> distances_;
};

/// How firmly memory is bound.
enum class Binding : uint8_t {
  /// From one of the nodes if possible.
  kPreferred,
  /// From the nodes or not at all.
  kStrict,
};

/// Says from which nodes pages take their memory when they are first touched.
/// `kNumaNodeUnavailable` when a node does not exist; `kUnsupported` on systems without such a call.
[[nodiscard]] base::Status bind_memory(uint8_t* address, size_t size, std::span<const uint32_t> node_ids,
                                       Binding binding) noexcept;

}  // namespace freestone::os
