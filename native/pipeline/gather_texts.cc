#include "pipeline/gather_texts.h"

#include <cstring>

#include "pipeline/heap_texts.h"

namespace freestone::pipeline {

using base::Array;
using base::Bytes;
using base::Code;
using base::ConstBytes;
using base::load_little_endian32;
using base::Result;
using base::Status;

namespace {

constexpr uint64_t kCollectionHeaderSize = 16;

uint64_t load64(const uint8_t* bytes) noexcept {
  return load_little_endian32(bytes) | uint64_t{load_little_endian32(bytes + 4)} << 32;
}

uint32_t load16(const uint8_t* bytes) noexcept { return bytes[0] | uint32_t{bytes[1]} << 8; }

/// The objects of one collection. Most references lead to the object behind the one before, which needs no table.
class Collection {
 public:
  /// @param bytes all of it
  void open(ConstBytes bytes) noexcept {
    bytes_ = bytes;
    next_ = kCollectionHeaderSize;
    has_table_ = false;
  }

  /// The bytes of an object. `kCorruptFile` when there is no such object.
  [[nodiscard]] Result<ConstBytes> object(uint32_t index) noexcept {
    if (index != 0 && is_object(next_) && load16(bytes_.data() + next_) == index) return at(next_);
    if (!has_table_) {
      if (const Status status = make_table(); !status.ok()) return status;
    }
    const uint64_t offset = index < table_.size() ? table_[index] : 0;
    if (offset == 0) return Status(Code::kCorruptFile, "there is no such object in the global heap collection");
    return at(offset);
  }

 private:
  [[nodiscard]] bool is_object(uint64_t offset) const noexcept {
    return offset <= bytes_.size() && bytes_.size() - offset >= kHeapObjectHeaderSize;
  }

  /// @param offset of an object's header
  [[nodiscard]] Result<ConstBytes> at(uint64_t offset) noexcept {
    const uint64_t size = load64(bytes_.data() + offset + 8);
    const uint64_t start = offset + kHeapObjectHeaderSize;
    if (size > bytes_.size() - start) return Status(Code::kCorruptFile, "an object reaches out of its collection");
    next_ = start + (size + 7) / 8 * 8;
    return bytes_.subspan(start, size);
  }

  [[nodiscard]] Status make_table() noexcept {
    table_.clear();
    for (uint64_t offset = kCollectionHeaderSize; is_object(offset);) {
      const uint32_t index = load16(bytes_.data() + offset);
      if (index == 0) break;
      while (table_.size() <= index) {
        if (!table_.push(0)) return Status(Code::kOutOfMemory, "reading texts");
      }
      table_[index] = offset;
      const uint64_t size = load64(bytes_.data() + offset + 8);
      if (size > bytes_.size()) break;
      offset += kHeapObjectHeaderSize + (size + 7) / 8 * 8;
    }
    has_table_ = true;
    return {};
  }

  ConstBytes bytes_;
  /// Behind the object that was asked for last.
  uint64_t next_ = 0;
  bool has_table_ = false;
  /// Where the header of each object is, by index; 0 for none.
  Array<uint64_t> table_;
};

/// Whether bytes are all below 0x80.
bool is_ascii(ConstBytes bytes) noexcept {
  uint64_t all = 0;
  size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + i, 8);
    all |= word;
  }
  for (; i < bytes.size(); ++i) all |= bytes[i];
  return (all & 0x8080'8080'8080'8080) == 0;
}

}  // namespace

Result<GatheredTexts> gather_texts(ConstBytes references, ConstBytes range, uint64_t address, Bytes into) noexcept {
  GatheredTexts gathered;
  Collection collection;
  uint64_t open = UINT64_MAX;
  for (; (gathered.count + 1) * kHeapReferenceSize <= references.size(); ++gathered.count) {
    const uint8_t* const reference = references.data() + gathered.count * kHeapReferenceSize;
    ConstBytes text;
    if (load_little_endian32(reference) != 0) {
      const uint64_t at = load64(reference + 4);
      if (at != open) {
        if (at < address || at - address > range.size()) break;
        const ConstBytes rest = range.subspan(at - address);
        if (rest.size() < kCollectionHeaderSize) break;
        if (std::memcmp(rest.data(), "GCOL\1", 5) != 0) {
          return Status(Code::kCorruptFile, "a variable-length element refers to what is no global heap collection");
        }
        const uint64_t size = load64(rest.data() + 8);
        if (size > rest.size()) break;
        if (size < kCollectionHeaderSize) return Status(Code::kCorruptFile, "a global heap collection is too small");
        collection.open(rest.first(size));
        open = at;
      }
      const auto object = collection.object(load_little_endian32(reference + 12));
      if (!object.ok()) return object.status();
      text = object.value();
    }
    if (into.size() - gathered.bytes < text.size() + 1) break;
    uint8_t* const to = into.data() + gathered.bytes;
    if (!text.empty()) {
      std::memcpy(to, text.data(), text.size());
      gathered.has_zero = gathered.has_zero || std::memchr(text.data(), 0, text.size()) != nullptr;
    }
    to[text.size()] = 0;
    gathered.bytes += text.size() + 1;
  }
  gathered.ascii = is_ascii({into.data(), static_cast<size_t>(gathered.bytes)});
  return gathered;
}

}  // namespace freestone::pipeline
