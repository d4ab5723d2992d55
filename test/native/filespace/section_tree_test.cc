#include "filespace/section_tree.h"

#include <doctest/doctest.h>

#include <map>
#include <random>

using namespace freestone::filespace;

TEST_CASE("a tree of sections answers as a sorted map does, and stays valid, through random changes") {
  for (const uint32_t seed : {1U, 2U, 3U}) {
    SectionTree tree;
    std::map<uint64_t, Entry> model;
    std::mt19937 engine(seed);
    for (int step = 0; step < 30000; ++step) {
      const uint64_t key = engine() % 4000;
      const auto found = model.lower_bound(key);
      // Grows, then shrinks, so that leaves split and join.
      const bool grow = engine() % 10 < (step / 6000 % 2 == 0 ? 8U : 3U);
      if (grow && !model.contains(key)) {
        REQUIRE(tree.reserve(1));
        const Entry entry{key, 1 + engine() % 500, static_cast<uint8_t>(engine() % 5)};
        tree.insert(entry);
        model[key] = entry;
      } else if (!grow && found != model.end()) {
        tree.erase(tree.at_most(found->first));
        model.erase(found);
      }
      const auto above = model.upper_bound(key);
      const auto at = tree.at_most(key);
      REQUIRE(static_cast<bool>(at) == (above != model.begin()));
      if (at) REQUIRE(tree.get(at).first == std::prev(above)->first);
      const uint64_t wanted = engine() % 500;
      const auto free_class = static_cast<uint8_t>(engine() % 3);
      auto fit = model.lower_bound(key);
      while (fit != model.end() && (fit->second.tag != free_class || fit->second.second < wanted)) ++fit;
      const auto got = tree.first_fit(free_class, wanted, key);
      REQUIRE(static_cast<bool>(got) == (fit != model.end()));
      if (got) REQUIRE(tree.get(got).first == fit->first);
      if (step % 100 == 0) REQUIRE(tree.validate());
    }
    CHECK(tree.size() == model.size());
    auto expected = model.begin();
    for (auto at = tree.front(); at; at = tree.next(at), ++expected) REQUIRE(tree.get(at).first == expected->first);
    CHECK(expected == model.end());
  }
}

TEST_CASE(
    "a million sections in order take 19.1 bytes each, and the next use of an emptied tree gives the memory back") {
  SectionTree tree;
  for (uint64_t i = 0; i < 1'000'000; ++i) {
    REQUIRE(tree.reserve(1));
    tree.insert({i * 8, 8, 9});
  }
  CHECK(tree.memory() < 19'100'000);
  CHECK(tree.validate());
  for (uint64_t i = 0; i < 1'000'000; ++i) tree.erase(tree.at_most(i * 8));
  CHECK(tree.size() == 0);
  REQUIRE(tree.reserve(1));
  CHECK(tree.memory() < 300'000);
}
