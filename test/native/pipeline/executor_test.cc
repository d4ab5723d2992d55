#include "pipeline/executor.h"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "os/os.h"

using namespace freestone;
using base::Code;
using pipeline::Executor;
using pipeline::Scratch;
using pipeline::Task;
using pipeline::TaskQueue;
using pipeline::Worker;

namespace {

struct Count : Task {
  explicit Count(std::atomic<int>& total) : total(total) {}
  void run(Worker&) noexcept override { total.fetch_add(1, std::memory_order_relaxed); }
  std::atomic<int>& total;
};

/// Submits another of its kind from the worker until `left` is used up.
struct Chain : Task {
  void run(Worker& worker) noexcept override {
    (void)worker.scratch.next(100);
    if (--left == 0) {
      done.store(true, std::memory_order_release);  // pairs with the acquire of the waiting test
    } else {
      executor->submit(*this);
    }
  }
  Executor* executor = nullptr;
  int left = 1000;
  std::atomic<bool> done{false};
};

}  // namespace

TEST_CASE("a queue gives tasks back in the order in which they came") {
  std::atomic<int> total{0};
  Count first(total), second(total), third(total);
  TaskQueue queue;
  CHECK(queue.empty());
  CHECK(queue.pop() == nullptr);
  queue.push(&first);
  queue.push(&second);
  CHECK(queue.pop() == &first);
  queue.push(&third);
  queue.push(&first);
  CHECK(queue.pop() == &second);
  CHECK(queue.pop() == &third);
  CHECK(queue.pop() == &first);
  CHECK(queue.empty());
}

TEST_CASE("stopping runs everything that was submitted, and the executor can start again") {
  Executor executor;
  std::atomic<int> total{0};
  std::vector<std::unique_ptr<Count>> tasks;
  for (int i = 0; i < 1000; ++i) tasks.push_back(std::make_unique<Count>(total));
  for (int round = 1; round <= 3; ++round) {
    REQUIRE(executor.start(3).ok());
    CHECK(executor.worker_count() == 3);
    for (auto& task : tasks) executor.submit(*task);
    executor.stop();
    CHECK(executor.worker_count() == 0);
    CHECK(total.load() == round * 1000);
  }
}

TEST_CASE("an executor starts once at a time, with a thread at least") {
  Executor executor;
  CHECK(executor.start(0).code() == Code::kInvalidArgument);
  REQUIRE(executor.start(1).ok());
  CHECK(executor.start(1).code() == Code::kInvalidArgument);
  executor.stop();
  executor.stop();
}

TEST_CASE("eight threads submit at once and every task runs once") {
  Executor executor;
  REQUIRE(executor.start(4).ok());
  std::atomic<int> total{0};
  std::vector<std::vector<std::unique_ptr<Count>>> tasks(8);
  std::vector<std::thread> threads;
  for (auto& mine : tasks) {
    for (int i = 0; i < 5000; ++i) mine.push_back(std::make_unique<Count>(total));
    threads.emplace_back([&] {
      for (auto& task : mine) executor.submit(*task);
    });
  }
  for (std::thread& thread : threads) thread.join();
  executor.stop();
  CHECK(total.load() == 40'000);
}

TEST_CASE("threads that wait may run tasks themselves, each of which runs once") {
  Executor executor;
  Worker mine;
  REQUIRE(executor.start(2).ok());
  CHECK_FALSE(executor.run_one(mine));
  std::atomic<int> total{0};
  std::vector<std::unique_ptr<Count>> tasks;
  for (int i = 0; i < 20'000; ++i) tasks.push_back(std::make_unique<Count>(total));
  std::thread other([&] {
    for (auto& task : tasks) executor.submit(*task);
  });
  Worker theirs;
  std::thread helper([&] {
    while (total.load(std::memory_order_relaxed) < 20'000) (void)executor.run_one(theirs);
  });
  while (total.load(std::memory_order_relaxed) < 20'000) (void)executor.run_one(mine);
  other.join();
  helper.join();
  CHECK_FALSE(executor.run_one(mine));
  executor.stop();
  CHECK(total.load() == 20'000);
  mine.rest();
}

TEST_CASE("what a task took of its worker's scratch memory ends with it, and most goes back when there is no work") {
  struct Take : Task {
    void run(Worker& worker) noexcept override {
      before = worker.scratch.used();
      block = worker.scratch.take(size);
      if (block != nullptr) std::memset(block, 1, size);
      done.store(true, std::memory_order_release);  // pairs with the acquire of the waiting test
    }
    size_t size = 0;
    uint64_t before = 1;
    uint8_t* block = nullptr;
    std::atomic<bool> done{false};
  };
  Executor executor;
  Take tasks[4];
  for (size_t i = 0; i < 4; ++i) tasks[i].size = size_t{5 << 20} << i;
  const auto check = [&] {
    for (Take& task : tasks) {
      CHECK(task.before == 0);
      CHECK(task.block != nullptr);
    }
  };
  REQUIRE(executor.start(1).ok());
  for (Take& task : tasks) executor.submit(task);
  executor.stop();
  check();

  // A thread that waits; the executor's own is kept from the tasks by one that waits for it.
  struct Block : Task {
    void run(Worker&) noexcept override {
      begun.store(true, std::memory_order_release);  // pairs with the acquire of the waiting test
      while (!ends.load(std::memory_order_acquire)) std::this_thread::yield();
    }
    std::atomic<bool> begun{false};
    std::atomic<bool> ends{false};
  } block;
  REQUIRE(executor.start(1).ok());
  executor.submit(block);
  while (!block.begun.load(std::memory_order_acquire)) std::this_thread::yield();
  Worker mine;
  for (Take& task : tasks) {
    task.before = 1;
    executor.submit(task);
  }
  while (executor.run_one(mine)) CHECK(mine.scratch.used() == 0);
  check();
  CHECK(mine.scratch.capacity() > Scratch::kIdle);
  REQUIRE(mine.chunk.reserve(20 << 20));
  mine.rest();
  CHECK(mine.scratch.capacity() <= Scratch::kIdle);
  CHECK(mine.chunk.capacity() == 0);
  block.ends.store(true, std::memory_order_release);  // pairs with the acquire of the task
  executor.stop();
}

TEST_CASE("tasks that wake nobody while a thread is awake all run, whoever submits them") {
  Executor executor;
  REQUIRE(executor.start(3).ok());
  std::atomic<int> done{0};
  struct Count : Task {
    void run(Worker&) noexcept override { done->fetch_add(1, std::memory_order_release); }
    std::atomic<int>* done = nullptr;
  };
  for (int round = 1; round <= 200; ++round) {
    std::array<std::array<Count, 5>, 4> tasks;
    std::vector<std::thread> threads;
    for (auto& mine : tasks) {
      threads.emplace_back([&] {
        for (Count& task : mine) {
          task.done = &done;
          executor.submit(task, false);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    // Nobody wakes a thread any more: each of them was woken by then, or was awake.
    while (done.load(std::memory_order_acquire) < round * 20) std::this_thread::yield();
  }
  executor.stop();
}

TEST_CASE("a task may submit tasks, itself among them") {
  Executor executor;
  REQUIRE(executor.start(2).ok());
  std::vector<std::unique_ptr<Chain>> chains;
  for (int i = 0; i < 8; ++i) {
    chains.push_back(std::make_unique<Chain>());
    chains.back()->executor = &executor;
    executor.submit(*chains.back());
  }
  for (auto& chain : chains) {
    while (!chain->done.load(std::memory_order_acquire)) std::this_thread::yield();
  }
  executor.stop();
}

TEST_CASE("the process's executor is one for all, has a thread per CPU and ends with its last holder") {
  auto first = Executor::acquire_shared();
  auto second = Executor::acquire_shared();
  REQUIRE(first.ok());
  REQUIRE(second.ok());
  CHECK(first.value() == second.value());
  CHECK(first.value()->worker_count() == os::cpu_count());
  Executor::release_shared();
  CHECK(first.value()->worker_count() == os::cpu_count());
  Executor::release_shared();
  CHECK(first.value()->worker_count() == 0);
}

TEST_CASE("threads that take and give up the process's executor at once always find it running") {
  std::vector<std::thread> threads;
  std::atomic<int> total{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        auto executor = Executor::acquire_shared();
        if (!executor.ok()) continue;
        Chain chain;
        chain.executor = executor.value();
        chain.left = 3;
        executor.value()->submit(chain);
        while (!chain.done.load(std::memory_order_acquire)) std::this_thread::yield();
        total.fetch_add(1, std::memory_order_relaxed);
        Executor::release_shared();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(total.load() == 400);
}
