#include "pipeline/fletcher32.h"

#include <algorithm>

namespace freestone::pipeline {

uint32_t fletcher32(base::ConstBytes data) noexcept {
  // 16-bit words that can be added before the second sum may pass 32 bits.
  constexpr size_t kWordsAtOnce = 360;
  const uint8_t* bytes = data.data();
  uint32_t first = 0;
  uint32_t second = 0;
  const auto fold = [](uint32_t sum) noexcept { return (sum & 0xFFFF) + (sum >> 16); };
  for (size_t words = data.size() / 2; words > 0;) {
    const size_t count = std::min(words, kWordsAtOnce);
    words -= count;
    for (size_t i = 0; i < count; ++i, bytes += 2) {
      first += uint32_t{bytes[0]} << 8 | bytes[1];
      second += first;
    }
    first = fold(first);
    second = fold(second);
  }
  if (data.size() % 2 != 0) {
    first += uint32_t{*bytes} << 8;
    second += first;
    first = fold(first);
    second = fold(second);
  }
  return fold(second) << 16 | fold(first);
}

bool fletcher32_matches(base::ConstBytes data, uint32_t stored) noexcept {
  const uint32_t sum = fletcher32(data);
  // The old sum is the new one with the two bytes of each half exchanged.
  return stored == sum || stored == ((sum & 0x00FF00FF) << 8 | (sum >> 8 & 0x00FF00FF));
}

}  // namespace freestone::pipeline
