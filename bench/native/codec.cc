// Each filter over shuffled chunks of 1 MiB on one thread, beside zlib: CPU time, not wall time, in MB of the chunk a
// second.
#include <cmath>
#include <cstdio>
#include <random>

#include "bench.h"
#include "pipeline/pipeline.h"

namespace freestone::bench {

namespace {

using pipeline::DeflateLibrary;
using pipeline::FilterChain;
using pipeline::Scratch;

constexpr size_t kChunk = size_t{1} << 20;
constexpr size_t kChunks = 8;
constexpr int kPasses = 5;

/// A sine of 5,000 values and noise of a sixty-fourth of it, as a sensor of 21 bits gives it.
std::vector<uint8_t> samples(bool as_float) {
  std::mt19937_64 engine(1);
  std::normal_distribution<double> noise(0, 16'384);
  const size_t size = as_float ? 8 : 4;
  std::vector<uint8_t> bytes(kChunks * kChunk);
  for (size_t i = 0; i < bytes.size() / size; ++i) {
    const double angle = 6.283185307179586 * static_cast<double>(i % 5000) / 5000;
    const auto value = static_cast<int32_t>(std::lround(1'048'576 * std::sin(angle) + noise(engine)));
    const double scaled = value / 262'144.0;
    if (as_float)
      std::memcpy(bytes.data() + i * 8, &scaled, 8);
    else
      std::memcpy(bytes.data() + i * 4, &value, 4);
  }
  return bytes;
}

base::ConstBytes chunk_of(const std::vector<uint8_t>& data, size_t i) { return {data.data() + i * kChunk, kChunk}; }

void print(const char* kind, const char* name, double encode, double decode, size_t stored) {
  const double bytes = static_cast<double>(kChunk * kChunks);
  std::printf("%s %s %.1f %.1f %.4f\n", kind, name, bytes / encode * 1e3, bytes / decode * 1e3,
              bytes / static_cast<double>(stored));
}

/// Nothing when the build or the machine has no library for it.
void measure(const char* kind, const char* name, const std::vector<uint8_t>& data,
             const std::vector<uint32_t>& description) {
  const auto made = FilterChain::make(description);
  if (!made.ok()) return;
  const FilterChain& chain = *made.value();
  Scratch scratch;
  std::vector<std::vector<uint8_t>> stored(kChunks);
  std::vector<uint32_t> masks(kChunks);
  std::vector<double> encodes, decodes;
  std::vector<uint8_t> back(kChunk);
  size_t size = 0;
  for (int pass = 0; pass <= kPasses; ++pass) {
    double encode = 0;
    double decode = 0;
    size = 0;
    for (size_t i = 0; i < kChunks; ++i) {
      const double start = cpu_now();
      const auto encoded = chain.encode(scratch, chunk_of(data, i));
      encode += cpu_now() - start;
      if (!encoded.ok()) std::abort();
      stored[i].assign(encoded.value().bytes.begin(), encoded.value().bytes.end());
      masks[i] = encoded.value().filter_mask;
      size += stored[i].size();
      scratch.reset();  // as between tasks
    }
    for (size_t i = 0; i < kChunks; ++i) {
      const double start = cpu_now();
      const base::Status status = chain.decode(scratch, stored[i], masks[i], back);
      decode += cpu_now() - start;
      if (!status.ok()) std::abort();
      scratch.reset();
    }
    if (pass == 0) continue;  // the first touches the memory
    encodes.push_back(encode);
    decodes.push_back(decode);
  }
  print(kind, name, median(encodes), median(decodes), size);
}

/// zlib itself, as libhdf5 uses it, after a shuffle that is not counted.
void measure_zlib(const char* kind, const std::vector<uint8_t>& data, uint32_t element, int level) {
  Scratch scratch;
  const auto shuffle = FilterChain::make(std::vector<uint32_t>{2, 1, element});
  pipeline::Deflater deflater;
  std::vector<double> times;
  size_t size = 0;
  for (int pass = 0; pass < kPasses; ++pass) {
    double time = 0;
    size = 0;
    for (size_t i = 0; i < kChunks; ++i) {
      const auto shuffled = shuffle.value()->encode(scratch, chunk_of(data, i));
      const double start = cpu_now();
      const auto room = deflater.prepare_with({DeflateLibrary::kZlib, level}, kChunk);
      std::vector<uint8_t> into(room.value());
      const auto written = deflater.compress(shuffled.value().bytes, into);
      time += cpu_now() - start;
      size += written.value();
    }
    times.push_back(time);
  }
  const double bytes = static_cast<double>(kChunk * kChunks);
  std::printf("%s zlib(%d) %.1f - %.4f\n", kind, level, bytes / median(times) * 1e3, bytes / static_cast<double>(size));
}

}  // namespace

void codec(const Options& options) {
  for (const bool as_float : {true, false}) {
    const char* const kind = as_float ? "float64" : "int32";
    if (!options.wants(kind)) continue;
    const auto data = samples(as_float);
    const uint32_t size = as_float ? 8 : 4;
    const auto shuffled = [&](std::vector<uint32_t> rest) {
      rest.insert(rest.begin(), {2, 1, size});
      return rest;
    };
    measure(kind, "shuffle", data, {2, 1, size});
    measure(kind, "fletcher32", data, {3, 0});
    measure(kind, "bitshuffle", data, {32008, 3, 0, 3, size});
    for (const int level : {1, 4, 6}) {
      measure_zlib(kind, data, size, level);
      const std::string name = "shuffle,gzip(" + std::to_string(level) + ")";
      measure(kind, name.c_str(), data, shuffled({1, 1, static_cast<uint32_t>(level)}));
    }
    measure(kind, "shuffle,lzf", data, shuffled({32000, 3, 4, 0x105, kChunk}));
    measure(kind, "shuffle,lz4", data, shuffled({32004, 0}));
    measure(kind, "shuffle,zstd(1)", data, shuffled({32015, 1, 1}));
    measure(kind, "shuffle,zstd(3)", data, shuffled({32015, 1, 3}));
    measure(kind, "bitshuffle(lz4)", data, {32008, 5, 0, 3, size, 0, 2});
    measure(kind, "bitshuffle(zstd)", data, {32008, 6, 0, 3, size, 0, 3, 3});
    measure(kind, "szip", data, {4, 4, 1 | 128 | 32 | 8, 16, size * 8, 2048});
    std::vector<uint32_t> scale{
        6, 20, as_float ? 0u : 2u, as_float ? 3u : 0u, static_cast<uint32_t>(kChunk / size), as_float, size, !as_float,
        0, 0};
    scale.resize(22);
    measure(kind, as_float ? "scaleOffset(3)" : "scaleOffset", data, scale);
    if (!as_float) {
      measure(kind, "nbit(22)", data, {5, 8, 8, 0, static_cast<uint32_t>(kChunk / size), 1, size, 0, 22, 0});
    }
  }
}

}  // namespace freestone::bench
