#pragma once
// Memory for nodes of one size, side by side in pieces that grow with what there is: one malloc a node would scatter
// them over more pages than the processor keeps the places of.
//   threads: one at a time.    memory: malloc. From 1 MiB on in pieces of 8 MiB, of which the system gives what is
//   used.
#include <cstddef>
#include <cstdint>
#include <new>

namespace freestone::filespace {

class NodeStore {
 public:
  /// Told of pieces of memory of 64 KiB or more, in multiples of that.
  using Advise = void (*)(uint8_t* memory, size_t size) noexcept;

  /// @param node_size 16 or more
  NodeStore(size_t node_size, Advise advise) noexcept
      : node_size_((node_size + kLine - 1) / kLine * kLine), advise_(advise) {}
  NodeStore(const NodeStore&) = delete;
  NodeStore& operator=(const NodeStore&) = delete;
  ~NodeStore() { release(); }

  /// Memory for `wanted` nodes. False when there is none.
  [[nodiscard]] bool reserve(uint32_t wanted) noexcept;
  /// A node as it was left; only when `spare` is not 0.
  [[nodiscard]] void* take() noexcept {
    --spare_;
    if (top_ == nullptr) {
      void* const node = fresh_;
      fresh_ += node_size_;
      carved_ += 1;
      return node;
    }
    Free* const node = top_;
    top_ = node->next;
    return node;
  }
  void give(void* node) noexcept {
    top_ = new (node) Free{top_};
    ++spare_;
  }
  /// Gives all memory back; no node may be in use.
  void release() noexcept;

  [[nodiscard]] uint32_t spare() const noexcept { return spare_; }
  /// Bytes of the nodes that were ever used. What is behind them was asked for and has not been written to.
  [[nodiscard]] uint64_t memory() const noexcept { return carved_ * node_size_; }
  /// Whether there is more than the first piece of memory.
  [[nodiscard]] bool has_grown() const noexcept { return made_ > kFirst; }

 private:
  static constexpr size_t kLine = 64;
  static constexpr uint32_t kFirst = 32;
  static constexpr size_t kLargeFrom = size_t{1} << 20;
  static constexpr size_t kLargeBytes = size_t{8} << 20;
  struct Free {
    Free* next;
  };
  struct Piece {
    Piece* next;
  };

  const size_t node_size_;
  const Advise advise_;
  Free* top_ = nullptr;
  uint8_t* fresh_ = nullptr;
  uint32_t spare_ = 0;
  uint64_t made_ = 0;
  uint64_t carved_ = 0;
  Piece* pieces_ = nullptr;
};

}  // namespace freestone::filespace
