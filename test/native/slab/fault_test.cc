// validate finds a fault in every bitmap, list and count of the five layers: each is put in by hand and taken out
// again.
#include <vector>

#include "support.h"

namespace freestone::slab {

namespace {

struct Scene {
  base::Ref<Space> space = make_space();
  base::Ref<Heap> heap = make_heap(space);
  std::vector<uint8_t*> blocks;
  uint8_t* large = nullptr;

  Scene() {
    // A full slab, a partial one, the active one, and empty ones.
    for (int i = 0; i < 700; ++i) blocks.push_back(get(*heap, 16));
    for (size_t i = 256; i < 400; ++i) REQUIRE(heap->free(blocks[i]).ok());
    large = get(*heap, kMiB);
    REQUIRE(heap->validate().ok());
  }
  [[nodiscard]] Slab& slab_of(const uint8_t* unit) const {
    Directory& directory = space->directory();
    const Entry entry = directory.entry(directory.slot_at(unit));
    const auto start = reinterpret_cast<uintptr_t>(unit) & 0xFFFF;
    return directory.slab(record_of(entry) + static_cast<uint32_t>(start / 16 / kSlabUnits));
  }
  [[nodiscard]] Slab& full() const { return slab_of(blocks[0]); }
  [[nodiscard]] Slab& partial() const { return slab_of(blocks[300]); }
  [[nodiscard]] Slab& active() const { return slab_of(blocks[699]); }
  [[nodiscard]] bool sees() const { return heap->validate().code() == base::Code::kOverlap; }
};

/// Whether validate sees `change`, and no more once `undo` was done.
template <typename Change>
bool is_seen(const Scene& scene, Change change) {
  change();
  const bool seen = scene.sees();
  change();
  return seen && scene.heap->validate().ok();
}

void flip(std::atomic<uint64_t>& word, uint64_t bits) { word.store(word.load() ^ bits); }

}  // namespace

TEST_CASE("validate sees a wrong bit in a slab of any list") {
  const Scene scene;
  REQUIRE(scene.full().state == SlabState::kFull);
  REQUIRE(scene.partial().state == SlabState::kPartial);
  REQUIRE(scene.active().state == SlabState::kActive);
  CHECK(is_seen(scene, [&] { flip(scene.full().free[2], 1 << 5); }));
  CHECK(is_seen(scene, [&] { flip(scene.partial().free[0], 1); }));
  CHECK(is_seen(scene, [&] { flip(scene.partial().free[3], uint64_t{1} << 63); }));
}

TEST_CASE("validate sees bits of units that there are not") {
  const auto space = make_space();
  const auto heap = make_heap(space);
  // Eight units of 128 KiB: 248 bits of nothing.
  uint8_t* const block = get(*heap, kMaxUnit);
  Directory& directory = space->directory();
  Slab& slab = directory.slab(record_of(directory.entry(directory.slot_at(block))));
  for (std::atomic<uint64_t>* const word : {&slab.free[0], &slab.free[3], &slab.remote[0], &slab.remote[3]}) {
    flip(*word, uint64_t{1} << 63);
    CHECK(heap->validate().code() == base::Code::kOverlap);
    flip(*word, uint64_t{1} << 63);
    CHECK(heap->validate().ok());
  }
}

TEST_CASE("validate sees a page that went back under a live unit, and one that is counted twice") {
  const Scene scene;
  Slab& first = scene.space->directory().slab(scene.full().first);
  CHECK(is_seen(scene, [&] { flip(first.purged, 1); }));
  CHECK(is_seen(scene, [&] { flip(first.purged, 1 << 15); }));
}

TEST_CASE("validate sees a slab in the wrong list, a broken link, a wrong count and a wrong owner") {
  const Scene scene;
  Slab& slab = scene.partial();
  const auto exchange = [](auto& value, auto& other) {
    const auto kept = value;
    value = other;
    other = kept;
  };
  auto state = SlabState::kFull;
  CHECK(is_seen(scene, [&] { exchange(slab.state, state); }));
  RecordIndex previous = scene.full().first + 1;
  CHECK(is_seen(scene, [&] { exchange(slab.previous, previous); }));
  int16_t left = 7;
  CHECK(is_seen(scene, [&] { exchange(slab.frees_left, left); }));
  const auto stranger = make_heap(scene.space);
  LocalHeap* owner = stranger->acquire_local();
  CHECK(is_seen(scene, [&] {
    LocalHeap* const kept = slab.owner.load();
    slab.owner.store(owner);
    owner = kept;
  }));
  uint16_t busy = 0;
  CHECK(is_seen(scene, [&] { exchange(scene.space->directory().slab(slab.first).busy, busy); }));
}

TEST_CASE("validate sees a directory that names the wrong slab, or none, or one where none is") {
  const Scene scene;
  Directory& directory = scene.space->directory();
  const uint64_t slot = directory.slot_at(scene.blocks[0]);
  for (const Entry wrong : {Entry{0}, make_entry(7, scene.full().first), make_entry(2, scene.full().first + 1)}) {
    Entry entry = wrong;
    CHECK(is_seen(scene, [&] {
      const Entry kept = directory.entry(slot);
      directory.set(slot, 1, entry);
      entry = kept;
    }));
  }
  // A slot of the same arena that is free.
  uint64_t free_slot = slot;
  while (directory.entry(free_slot) != 0) ++free_slot;
  Entry entry = make_entry(2, scene.full().first);
  CHECK(is_seen(scene, [&] {
    const Entry kept = directory.entry(free_slot);
    directory.set(free_slot, 1, entry);
    entry = kept;
  }));
}

TEST_CASE("validate sees a wrong bit in the bitmaps of granules and of arenas, for every size of segments") {
  const Scene scene;
  auto& arena = const_cast<Arena&>(scene.space->arenas().arena(0));
  for (uint32_t order = 0; order < kSegmentOrders; ++order) {
    CHECK(is_seen(scene, [&] { arena.space[order] ^= 1; }));
    CHECK(is_seen(scene, [&] { arena.group->set(order, 0, !arena.group->has(order, 0)); }));
  }
}

TEST_CASE("validate sees a large block that the directory does not name, and a list that is broken") {
  const Scene scene;
  Directory& directory = scene.space->directory();
  const uint64_t slot = directory.slot_at(scene.large);
  const RecordIndex index = record_of(directory.entry(slot));
  Entry entry = make_entry(kLargeInside, index);
  CHECK(is_seen(scene, [&] {
    const Entry kept = directory.entry(slot);
    directory.set(slot, 1, entry);
    entry = kept;
  }));
  CHECK(is_seen(scene, [&] { directory.large(index).bytes ^= 4096; }));
  CHECK(is_seen(scene, [&] { directory.large(index).previous ^= 1; }));
}

}  // namespace freestone::slab
