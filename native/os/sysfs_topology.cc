// The machine's NUMA nodes as Linux shows them in sysfs. macOS, which has no NUMA, has none of these files: one node,
// as for a Linux without NUMA.
#include <cstdio>

#include "os/os.h"

namespace freestone::os {

using base::Array;
using base::Code;
using base::Result;
using base::Status;

namespace {

/// Enough for the CPU list of the largest machine that Linux runs on, written with gaps.
constexpr size_t kMostText = 32 * 1024;

/// A number that no machine reaches; a list with a larger one is not understood.
constexpr uint32_t kMostNumber = 1 << 20;

/// The content of one small file, up to the line's end.
class Text {
 public:
  /// `missing` is set, and the status ok, when there is no such file.
  [[nodiscard]] Status read(const char* path, bool& missing) noexcept {
    missing = false;
    if (!buffer_.reserve(kMostText)) return Status(Code::kOutOfMemory, "NUMA topology");
    auto file = File::open(path, OpenMode::kRead);
    if (!file.ok()) {
      // 2 is ENOENT on every Unix.
      missing = file.status().code() == Code::kSystem && file.status().system_error() == 2;
      return missing ? Status() : file.status();
    }
    const auto size = file.value().read_at(0, {buffer_.data(), kMostText});
    if (!size.ok()) return size.status();
    if (size.value() == kMostText) return Status(Code::kCorruptFile, "NUMA topology: a file is too long");
    size_ = static_cast<size_t>(size.value());
    while (size_ > 0 && (buffer_.data()[size_ - 1] == '\n' || buffer_.data()[size_ - 1] == ' ')) --size_;
    return {};
  }

  [[nodiscard]] std::span<const char> span() noexcept { return {reinterpret_cast<const char*>(buffer_.data()), size_}; }

 private:
  base::Buffer buffer_;
  size_t size_ = 0;
};

/// Reads digits from `position` on. False when there are none or the number is too large.
bool read_number(std::span<const char> text, size_t& position, uint32_t& number) noexcept {
  const size_t start = position;
  number = 0;
  while (position < text.size() && text[position] >= '0' && text[position] <= '9') {
    number = number * 10 + static_cast<uint32_t>(text[position++] - '0');
    if (number >= kMostNumber) return false;
  }
  return position > start;
}

/// `10 21 31`: one row of the square.
Status parse_distances(std::span<const char> text, size_t count, Array<uint32_t>& distances) noexcept {
  size_t position = 0;
  for (size_t i = 0; i < count; ++i) {
    while (position < text.size() && text[position] == ' ') ++position;
    uint32_t distance = 0;
    if (!read_number(text, position, distance)) return Status(Code::kCorruptFile, "NUMA topology: distance");
    if (!distances.push(distance)) return Status(Code::kOutOfMemory, "NUMA topology");
  }
  return position == text.size() ? Status() : Status(Code::kCorruptFile, "NUMA topology: distance");
}

/// `0-3,8,10-11`: appends its numbers, which must ascend.
Status parse_list(std::span<const char> text, Array<uint32_t>& numbers) noexcept {
  const Status bad(Code::kCorruptFile, "NUMA topology: list");
  size_t position = 0;
  uint32_t next = 0;
  while (position < text.size()) {
    uint32_t first = 0;
    if (!read_number(text, position, first) || first < next) return bad;
    uint32_t last = first;
    if (position < text.size() && text[position] == '-') {
      ++position;
      if (!read_number(text, position, last) || last < first) return bad;
    }
    for (uint32_t number = first; number <= last; ++number) {
      if (!numbers.push(number)) return Status(Code::kOutOfMemory, "NUMA topology");
    }
    next = last + 1;
    if (position == text.size()) break;
    if (text[position] != ',' || position + 1 == text.size()) return bad;
    ++position;
  }
  return {};
}

}  // namespace

Result<Topology> Topology::read(const char* sys_root) noexcept {
  char path[512];
  Text text;
  bool missing = false;
  const auto load = [&](const char* format, uint32_t node) noexcept -> Status {
    char name[64];
    std::snprintf(name, sizeof(name), format, node);
    const int length = std::snprintf(path, sizeof(path), "%s/devices/system/%s", sys_root, name);
    if (length < 0 || static_cast<size_t>(length) >= sizeof(path))
      return Status(Code::kInvalidArgument, "path too long");
    return text.read(path, missing);
  };

  Topology topology;
  Array<uint32_t> ids;
  if (const Status status = load("node/online", 0); !status.ok()) return status;
  if (!missing) {
    if (const Status status = parse_list(text.span(), ids); !status.ok()) return status;
  }
  if (ids.empty()) {
    // A kernel without NUMA: one node that has every CPU.
    if (const Status status = load("cpu/online", 0); !status.ok()) return status;
    if (!missing) {
      if (const Status status = parse_list(text.span(), topology.cpus_); !status.ok()) return status;
    }
    for (uint32_t cpu = 0; missing && cpu < cpu_count(); ++cpu) {
      if (!topology.cpus_.push(cpu)) return Status(Code::kOutOfMemory, "NUMA topology");
    }
    const NumaNode node{.id = 0, .first_cpu = 0, .cpu_count = static_cast<uint32_t>(topology.cpus_.size())};
    if (!topology.nodes_.push(node) || !topology.distances_.push(10))
      return Status(Code::kOutOfMemory, "NUMA topology");
    return topology;
  }

  for (const uint32_t id : ids) {
    const auto first = static_cast<uint32_t>(topology.cpus_.size());
    if (const Status status = load("node/node%u/cpulist", id); !status.ok()) return status;
    if (missing) return Status(Code::kCorruptFile, "NUMA topology: a node has no list of CPUs");
    if (const Status status = parse_list(text.span(), topology.cpus_); !status.ok()) return status;
    if (const Status status = load("node/node%u/distance", id); !status.ok()) return status;
    if (missing) return Status(Code::kCorruptFile, "NUMA topology: a node has no distances");
    if (const Status status = parse_distances(text.span(), ids.size(), topology.distances_); !status.ok())
      return status;
    const auto count = static_cast<uint32_t>(topology.cpus_.size()) - first;
    if (!topology.nodes_.push({.id = id, .first_cpu = first, .cpu_count = count})) {
      return Status(Code::kOutOfMemory, "NUMA topology");
    }
  }
  return topology;
}

}  // namespace freestone::os
