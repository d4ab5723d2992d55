#pragma once
// Bytes to test with, the same in every run.
#include <cstdint>
#include <random>
#include <vector>

/// How much the bytes resemble each other; what compresses well and what does not take different paths.
enum class Kind { kNoise, kRuns };

inline std::vector<uint8_t> random_bytes(size_t size, uint32_t seed, Kind kind = Kind::kNoise) {
  std::mt19937 engine(seed);
  std::vector<uint8_t> bytes(size);
  for (size_t i = 0; i < size; ++i) {
    bytes[i] = kind == Kind::kRuns && engine() % 8 != 0 && i > 0 ? bytes[i - 1] : static_cast<uint8_t>(engine());
  }
  return bytes;
}

/// 3, 10, 17 … : what the vectors that libhdf5 made start from.
inline std::vector<uint8_t> pattern(size_t size) {
  std::vector<uint8_t> bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(i * 7 + 3);
  return bytes;
}
