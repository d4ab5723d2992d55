// core_bench <name> [small] [part]...: measures one tier's core without Node.
#include <cstdio>

#include "bench.h"

using freestone::bench::Options;

namespace {

struct Benchmark {
  const char* name;
  void (*run)(const Options& options);
};
constexpr Benchmark kBenchmarks[] = {{"codec", freestone::bench::codec},
                                     {"filespace", freestone::bench::filespace},
                                     {"frames", freestone::bench::frames},
                                     {"pool", freestone::bench::pool},
                                     {"arena", freestone::bench::arena}};

}  // namespace

int main(int count, char** arguments) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  for (const Benchmark& benchmark : kBenchmarks) {
    if (count < 2 || std::strcmp(arguments[1], benchmark.name) != 0) continue;
    const bool small = count > 2 && std::strcmp(arguments[2], "small") == 0;
    const int first = small ? 3 : 2;
    benchmark.run({.small = small, .parts = {arguments + first, static_cast<size_t>(count - first)}});
    return 0;
  }
  std::fprintf(stderr, "usage: core_bench <name> [small] [part]...\nnames:");
  for (const Benchmark& benchmark : kBenchmarks) std::fprintf(stderr, " %s", benchmark.name);
  std::fprintf(stderr, "\n");
  return 2;
}
