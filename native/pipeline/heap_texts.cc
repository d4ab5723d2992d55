#include "pipeline/heap_texts.h"

#include <cstring>

namespace freestone::pipeline {

using base::Bytes;
using base::Code;
using base::ConstBytes;
using base::Result;
using base::Status;
using base::store_little_endian32;

Result<PackedTexts> pack_texts(ConstBytes texts, Bytes collection, uint64_t used, uint64_t objects, uint64_t address,
                               Bytes references) noexcept {
  if (used > collection.size() || objects > kMostHeapObjects) {
    return Status(Code::kInvalidSize, "a global heap collection is not so large");
  }
  PackedTexts packed{.bytes = 0, .count = 0, .used = used};
  const auto low = static_cast<uint32_t>(address);
  const auto high = static_cast<uint32_t>(address >> 32);
  while (packed.bytes < texts.size() && objects + packed.count < kMostHeapObjects) {
    if ((packed.count + 1) * kHeapReferenceSize > references.size()) break;
    const uint8_t* const text = texts.data() + packed.bytes;
    const auto* const end = static_cast<const uint8_t*>(std::memchr(text, 0, texts.size() - packed.bytes));
    if (end == nullptr) break;
    const auto size = static_cast<uint64_t>(end - text);
    const uint64_t padded = (size + 7) / 8 * 8;
    if (size > UINT32_MAX || collection.size() - packed.used < kHeapObjectHeaderSize + padded) break;
    const auto index = static_cast<uint32_t>(objects + ++packed.count);
    uint8_t* const object = collection.data() + packed.used;
    store_little_endian32(object, index | 1u << 16);  // one reference
    store_little_endian32(object + 4, 0);
    store_little_endian32(object + 8, static_cast<uint32_t>(size));
    store_little_endian32(object + 12, 0);
    std::memcpy(object + kHeapObjectHeaderSize, text, size);
    std::memset(object + kHeapObjectHeaderSize + size, 0, padded - size);
    uint8_t* const reference = references.data() + (packed.count - 1) * kHeapReferenceSize;
    store_little_endian32(reference, static_cast<uint32_t>(size));
    store_little_endian32(reference + 4, low);
    store_little_endian32(reference + 8, high);
    store_little_endian32(reference + 12, index);
    packed.used += kHeapObjectHeaderSize + padded;
    packed.bytes += size + 1;
  }
  return packed;
}

}  // namespace freestone::pipeline
