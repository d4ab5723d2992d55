#include "pipeline/shuffle.h"

#include <algorithm>
#include <cstring>

#include "pipeline/vectors.h"

namespace freestone::pipeline {

using base::Bytes;
using base::ConstBytes;

namespace {

/// Elements taken at a time by scalar code, so that the strided side stays in the first-level cache.
constexpr size_t kElementsAtOnce = 1024;

/// Elements from `first` on, byte by byte.
void shuffle_rest(const uint8_t* data, size_t first, size_t count, size_t size, uint8_t* into) noexcept {
  for (size_t start = first; start < count; start += kElementsAtOnce) {
    const size_t end = std::min(count, start + kElementsAtOnce);
    for (size_t byte = 0; byte < size; ++byte) {
      for (size_t i = start; i < end; ++i) into[byte * count + i] = data[i * size + byte];
    }
  }
}

void unshuffle_rest(const uint8_t* data, size_t first, size_t count, size_t size, uint8_t* into) noexcept {
  for (size_t start = first; start < count; start += kElementsAtOnce) {
    const size_t end = std::min(count, start + kElementsAtOnce);
    for (size_t byte = 0; byte < size; ++byte) {
      for (size_t i = start; i < end; ++i) into[i * size + byte] = data[byte * count + i];
    }
  }
}

#ifdef FREESTONE_VECTORS

/// Sixteen elements of `Size` bytes are `Size` vectors, in which a byte's place is its element's number (4 bits) before
/// its number in the element. Zipping the halves moves the first bit of the place to its end, so that four times put
/// the element's number last.
template <int Size>
size_t shuffle_vectors(const uint8_t* data, size_t count, uint8_t* into) noexcept {
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    Bytes16 row[Size];
    for (int k = 0; k < Size; ++k) row[k] = load16(data + i * Size + 16 * static_cast<size_t>(k));
    for (int round = 0; round < 4; ++round) zip_halves(row);
    for (int k = 0; k < Size; ++k) store16(into + static_cast<size_t>(k) * count + i, row[k]);
  }
  return i;
}

/// The way back: as many rounds as the byte's number in the element has bits.
template <int Size>
size_t unshuffle_vectors(const uint8_t* data, size_t count, uint8_t* into) noexcept {
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    Bytes16 row[Size];
    for (int k = 0; k < Size; ++k) row[k] = load16(data + static_cast<size_t>(k) * count + i);
    for (int size = Size; size > 1; size /= 2) zip_halves(row);
    for (int k = 0; k < Size; ++k) store16(into + i * Size + 16 * static_cast<size_t>(k), row[k]);
  }
  return i;
}

/// How many elements were done.
size_t shuffle_first(const uint8_t* data, size_t count, size_t size, uint8_t* into) noexcept {
  switch (size) {
    case 2:
      return shuffle_vectors<2>(data, count, into);
    case 4:
      return shuffle_vectors<4>(data, count, into);
    case 8:
      return shuffle_vectors<8>(data, count, into);
    case 16:
      return shuffle_vectors<16>(data, count, into);
    default:
      return 0;
  }
}

size_t unshuffle_first(const uint8_t* data, size_t count, size_t size, uint8_t* into) noexcept {
  switch (size) {
    case 2:
      return unshuffle_vectors<2>(data, count, into);
    case 4:
      return unshuffle_vectors<4>(data, count, into);
    case 8:
      return unshuffle_vectors<8>(data, count, into);
    case 16:
      return unshuffle_vectors<16>(data, count, into);
    default:
      return 0;
  }
}

#else

size_t shuffle_first(const uint8_t*, size_t, size_t, uint8_t*) noexcept { return 0; }
size_t unshuffle_first(const uint8_t*, size_t, size_t, uint8_t*) noexcept { return 0; }

#endif

using First = size_t (*)(const uint8_t* data, size_t count, size_t size, uint8_t* into) noexcept;
using Rest = void (*)(const uint8_t* data, size_t first, size_t count, size_t size, uint8_t* into) noexcept;

void move_elements(ConstBytes data, size_t element_size, Bytes into, First first, Rest rest) noexcept {
  const size_t count = element_size == 0 ? 0 : data.size() / element_size;
  size_t moved = 0;
  if (count > 1 && element_size > 1) {
    rest(data.data(), first(data.data(), count, element_size, into.data()), count, element_size, into.data());
    moved = count * element_size;
  }
  if (moved < data.size()) std::memcpy(into.data() + moved, data.data() + moved, data.size() - moved);
}

}  // namespace

void shuffle(ConstBytes data, size_t element_size, Bytes into) noexcept {
  move_elements(data, element_size, into, shuffle_first, shuffle_rest);
}

void unshuffle(ConstBytes data, size_t element_size, Bytes into) noexcept {
  move_elements(data, element_size, into, unshuffle_first, unshuffle_rest);
}

}  // namespace freestone::pipeline
