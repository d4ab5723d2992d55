#include "pipeline/place_texts.h"

#include <cstring>
#include <numeric>

namespace freestone::pipeline {

using base::Bytes;
using base::Code;
using base::ConstBytes;
using base::Status;

Status place_texts(ConstBytes texts, std::span<const uint32_t> lengths, Bytes target, uint64_t size, uint64_t room,
                   uint8_t filler) noexcept {
  const uint64_t all = std::accumulate(lengths.begin(), lengths.end(), uint64_t{0});
  if (all != texts.size() || room > size || (size > 0 && target.size() / size != lengths.size()) ||
      target.size() != lengths.size() * size) {
    return Status(Code::kInvalidSize, "texts and fields do not fit each other");
  }
  const Status refused(Code::kTypeMismatch, "a text does not fit");
  // A zero byte is looked for once, not in each.
  if (!texts.empty() && std::memchr(texts.data(), 0, texts.size()) != nullptr) return refused;
  const uint8_t* text = texts.data();
  uint8_t* field = target.data();
  for (const uint32_t length : lengths) {
    if (length > room || (length > 0 && text[length - 1] == filler)) return refused;
    std::memset(field, filler, size);
    if (length > 0) std::memcpy(field, text, length);
    text += length;
    field += size;
  }
  return {};
}

}  // namespace freestone::pipeline
