#pragma once
// Which NUMA nodes there are, which one a CPU prefers, and in which order the others follow.
//   threads: any, once made.    memory: its own arrays.
#include <span>

#include "base/base.h"
#include "frames/config.h"
#include "os/os.h"

namespace freestone::frames {

class NodeTable {
 public:
  /// Those given, or when there are none those of the system that have CPUs; see `Config::nodes`.
  [[nodiscard]] base::Status init(std::span<const NodeConfig> nodes, uint32_t cpus) noexcept;

  [[nodiscard]] uint32_t count() const noexcept { return static_cast<uint32_t>(ids_.size()); }
  [[nodiscard]] uint32_t id(uint32_t node) const noexcept { return ids_[node]; }
  /// Share of the region, as a weight.
  [[nodiscard]] uint64_t weight(uint32_t node) const noexcept { return weights_[node]; }
  /// The position of the node with this id; `count` when there is none.
  [[nodiscard]] uint32_t find(uint32_t id) const noexcept;
  /// The node that a CPU prefers. A division would cost as much as the rest of a request: their number is a power of
  /// two.
  [[nodiscard]] uint32_t of_cpu(uint32_t cpu) const noexcept { return of_cpu_[cpu & (of_cpu_.size() - 1)]; }
  /// All nodes, the nearest to `node` first, which is itself; equally distant ones by position.
  [[nodiscard]] std::span<const uint8_t> nearest(uint32_t node) const noexcept {
    return order_.span().subspan(size_t{node} * count(), count());
  }

 private:
  [[nodiscard]] base::Status from_system() noexcept;
  [[nodiscard]] base::Status from(std::span<const NodeConfig> nodes) noexcept;
  [[nodiscard]] bool sort() noexcept;
  /// CPUs as the system has them; those of nodes that are not here keep the first.
  void place_cpus(const os::Topology& topology) noexcept;

  base::Array<uint32_t> ids_;
  base::Array<uint64_t> weights_;
  /// Square, row by row.
  base::Array<uint32_t> distances_;
  base::Array<uint8_t> order_;
  base::Array<uint8_t> of_cpu_;
};

}  // namespace freestone::frames
