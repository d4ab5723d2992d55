#include "frames/node.h"

#include <algorithm>

namespace freestone::frames {

using base::Code;
using base::Status;

namespace {

const Status kNoMemory(Code::kOutOfMemory, "describing NUMA nodes");

}  // namespace

Status NodeTable::init(std::span<const NodeConfig> nodes, uint32_t cpus) noexcept {
  for (uint32_t cpu = 0; cpu < cpus; ++cpu) {
    if (!of_cpu_.push(0)) return kNoMemory;
  }
  const Status status = nodes.empty() ? from_system() : from(nodes);
  if (!status.ok()) return status;
  return sort() ? Status() : kNoMemory;
}

Status NodeTable::from_system() noexcept {
  auto topology = os::Topology::read();
  if (!topology.ok()) {
    // A system that cannot be understood is as good as one without NUMA.
    if (topology.status().code() == Code::kOutOfMemory) return topology.status();
    return ids_.push(0) && weights_.push(1) && distances_.push(10) ? Status() : kNoMemory;
  }
  const os::Topology& system = topology.value();
  for (size_t from = 0; from < system.nodes().size() && ids_.size() < kMaxNodes; ++from) {
    if (system.nodes()[from].cpu_count == 0) continue;
    if (!ids_.push(system.nodes()[from].id) || !weights_.push(1)) return kNoMemory;
  }
  for (size_t from = 0; from < system.nodes().size(); ++from) {
    for (size_t to = 0; to < system.nodes().size(); ++to) {
      if (find(system.nodes()[from].id) == count() || find(system.nodes()[to].id) == count()) continue;
      if (!distances_.push(system.distance(from, to))) return kNoMemory;
    }
  }
  if (ids_.empty()) return ids_.push(0) && weights_.push(1) && distances_.push(10) ? Status() : kNoMemory;
  place_cpus(system);
  return {};
}

Status NodeTable::from(std::span<const NodeConfig> nodes) noexcept {
  if (nodes.size() > kMaxNodes) return Status(Code::kInvalidArgument, "more than 64 nodes");
  const bool equal = std::all_of(nodes.begin(), nodes.end(), [](const NodeConfig& node) { return node.size == 0; });
  bool any_cpus = false;
  for (const NodeConfig& node : nodes) {
    if (find(node.id) != count()) return Status(Code::kInvalidArgument, "two nodes with one id");
    if (!ids_.push(node.id) || !weights_.push(equal ? 1 : node.size)) return kNoMemory;
    if (!node.distances.empty() && node.distances.size() != nodes.size()) {
      return Status(Code::kInvalidArgument, "a node needs a distance to each node");
    }
    for (size_t to = 0; to < nodes.size(); ++to) {
      const uint32_t there = &node == &nodes[to] ? 10 : 20;
      if (!distances_.push(node.distances.empty() ? there : node.distances[to])) return kNoMemory;
    }
    for (const uint32_t cpu : node.cpus) {
      if (cpu < of_cpu_.size()) of_cpu_[cpu] = static_cast<uint8_t>(count() - 1);
      any_cpus = true;
    }
  }
  if (any_cpus) return {};
  const auto topology = os::Topology::read();
  if (topology.ok()) place_cpus(topology.value());
  return {};
}

void NodeTable::place_cpus(const os::Topology& topology) noexcept {
  for (size_t i = 0; i < topology.nodes().size(); ++i) {
    const uint32_t node = find(topology.nodes()[i].id);
    if (node == count()) continue;
    for (const uint32_t cpu : topology.cpus(i)) {
      if (cpu < of_cpu_.size()) of_cpu_[cpu] = static_cast<uint8_t>(node);
    }
  }
}

bool NodeTable::sort() noexcept {
  for (uint32_t from = 0; from < count(); ++from) {
    for (uint32_t to = 0; to < count(); ++to) {
      if (!order_.push(static_cast<uint8_t>(to))) return false;
    }
    const uint32_t* const row = distances_.begin() + size_t{from} * count();
    uint8_t* const begin = order_.begin() + size_t{from} * count();
    std::sort(begin, begin + count(), [&](uint8_t a, uint8_t b) noexcept {
      // Itself first, whatever its distance says.
      if ((a == from) != (b == from)) return a == from;
      return row[a] != row[b] ? row[a] < row[b] : a < b;
    });
  }
  return true;
}

uint32_t NodeTable::find(uint32_t id) const noexcept {
  const auto* const at = std::find(ids_.begin(), ids_.end(), id);
  return static_cast<uint32_t>(at - ids_.begin());
}

}  // namespace freestone::frames
