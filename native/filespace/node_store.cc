#include "filespace/node_store.h"

#include <algorithm>
#include <cstdlib>

namespace freestone::filespace {

namespace {

/// A multiple of every system's page size.
constexpr uintptr_t kAdvised = 64 << 10;

}  // namespace

bool NodeStore::reserve(uint32_t wanted) noexcept {
  while (spare_ < wanted) {
    const uint64_t least = std::max<uint64_t>(kFirst, wanted - spare_);
    // Large pieces hold huge pages; what is not used of them yet takes no memory.
    const bool large = made_ * node_size_ >= kLargeFrom;
    const uint64_t count = std::max(least, large ? kLargeBytes / node_size_ : made_ / 16);
    const size_t bytes = count * node_size_;
    auto* const memory = static_cast<uint8_t*>(std::malloc(bytes + 2 * kLine));
    if (memory == nullptr) return false;
    // What was not used of the piece before becomes single nodes.
    while (made_ > carved_) {
      top_ = new (fresh_) Free{top_};
      fresh_ += node_size_;
      ++carved_;
    }
    pieces_ = new (memory) Piece{pieces_};
    const auto start = (reinterpret_cast<uintptr_t>(memory) + sizeof(Piece) + kLine - 1) / kLine * kLine;
    fresh_ = memory + (start - reinterpret_cast<uintptr_t>(memory));
    made_ += count;
    spare_ += static_cast<uint32_t>(count);
    const uintptr_t from = (start + kAdvised - 1) / kAdvised * kAdvised;
    const uintptr_t to = (start + bytes) / kAdvised * kAdvised;
    if (advise_ != nullptr && from < to) advise_(fresh_ + (from - start), to - from);
  }
  return true;
}

void NodeStore::release() noexcept {
  while (pieces_ != nullptr) {
    Piece* const next = pieces_->next;
    std::free(pieces_);
    pieces_ = next;
  }
  top_ = nullptr;
  fresh_ = nullptr;
  spare_ = 0;
  made_ = carved_ = 0;
}

}  // namespace freestone::filespace
