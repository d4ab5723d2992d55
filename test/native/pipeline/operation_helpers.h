#pragma once
// What tests of operations on files need: an open file, a chain of filters, and a task that runs an operation.
#include <doctest/doctest.h>

#include <utility>
#include <vector>

#include "pipeline/operations.h"

namespace freestone::pipeline {

inline base::Ref<FileSink> open(const char* path, os::OpenMode mode = os::OpenMode::kOverwrite) {
  auto sink = FileSink::open(path, mode);
  REQUIRE(sink.ok());
  return sink.take();
}

inline base::Ref<FilterChain> filters(const std::vector<uint32_t>& description) {
  auto chain = FilterChain::make(description);
  REQUIRE(chain.ok());
  return chain.take();
}

/// Keeps what the operation came to.
template <typename Operation>
struct Run : Task {
  explicit Run(Operation work) : operation(std::move(work)) {}
  void run(Worker& worker) noexcept override {
    status = operation.run(worker);
    if constexpr (requires { operation.store; }) {
      operation.store.file = {};
    } else {
      operation.file = {};
    }
  }
  Operation operation;
  base::Status status;
};

}  // namespace freestone::pipeline
