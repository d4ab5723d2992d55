#include "pipeline/shuffle.h"

#include <algorithm>
#include <cstring>

namespace freestone::pipeline {

using base::Bytes;
using base::ConstBytes;

namespace {

/// Elements taken at a time, so that the strided side stays in the first-level cache.
constexpr size_t kElementsAtOnce = 1024;

/// With `Size` constant the compiler turns the inner loop into vector shuffles.
template <size_t Size>
void shuffle_elements(const uint8_t* data, size_t count, size_t, uint8_t* into) noexcept {
  for (size_t start = 0; start < count; start += kElementsAtOnce) {
    const size_t end = std::min(count, start + kElementsAtOnce);
    for (size_t byte = 0; byte < Size; ++byte) {
      for (size_t i = start; i < end; ++i) into[byte * count + i] = data[i * Size + byte];
    }
  }
}

template <size_t Size>
void unshuffle_elements(const uint8_t* data, size_t count, size_t, uint8_t* into) noexcept {
  for (size_t start = 0; start < count; start += kElementsAtOnce) {
    const size_t end = std::min(count, start + kElementsAtOnce);
    for (size_t i = start; i < end; ++i) {
      for (size_t byte = 0; byte < Size; ++byte) into[i * Size + byte] = data[byte * count + i];
    }
  }
}

void shuffle_any(const uint8_t* data, size_t count, size_t size, uint8_t* into) noexcept {
  for (size_t byte = 0; byte < size; ++byte) {
    for (size_t i = 0; i < count; ++i) into[byte * count + i] = data[i * size + byte];
  }
}

void unshuffle_any(const uint8_t* data, size_t count, size_t size, uint8_t* into) noexcept {
  for (size_t byte = 0; byte < size; ++byte) {
    for (size_t i = 0; i < count; ++i) into[i * size + byte] = data[byte * count + i];
  }
}

using Move = void (*)(const uint8_t* data, size_t count, size_t size, uint8_t* into) noexcept;

void move_elements(ConstBytes data, size_t element_size, Bytes into, Move two, Move four, Move eight,
                   Move any) noexcept {
  const size_t count = element_size == 0 ? 0 : data.size() / element_size;
  size_t moved = 0;
  if (count > 1 && element_size > 1) {
    const Move move = element_size == 2 ? two : element_size == 4 ? four : element_size == 8 ? eight : any;
    move(data.data(), count, element_size, into.data());
    moved = count * element_size;
  }
  if (moved < data.size()) std::memcpy(into.data() + moved, data.data() + moved, data.size() - moved);
}

}  // namespace

void shuffle(ConstBytes data, size_t element_size, Bytes into) noexcept {
  move_elements(data, element_size, into, shuffle_elements<2>, shuffle_elements<4>, shuffle_elements<8>, shuffle_any);
}

void unshuffle(ConstBytes data, size_t element_size, Bytes into) noexcept {
  move_elements(data, element_size, into, unshuffle_elements<2>, unshuffle_elements<4>, unshuffle_elements<8>,
                unshuffle_any);
}

}  // namespace freestone::pipeline
