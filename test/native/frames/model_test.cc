// Random requests, compared with a set of frames that is kept the simplest way there is.
#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "frames/support.h"

using namespace freestone;
using namespace freestone::frames;
using base::Code;
using base::Status;

namespace {

/// Which frames are in a run.
class Model {
 public:
  explicit Model(uint64_t frames) : used_(frames, false) {}
  /// False, with nothing changed, when one of them was used.
  bool take(uint64_t first, uint64_t count) {
    if (first + count > used_.size()) return false;
    for (uint64_t i = first; i < first + count; ++i) {
      if (used_[i]) return false;
    }
    for (uint64_t i = first; i < first + count; ++i) used_[i] = true;
    return true;
  }
  void give(uint64_t first, uint64_t count) {
    for (uint64_t i = first; i < first + count; ++i) used_[i] = false;
  }
  [[nodiscard]] uint64_t longest() const {
    uint64_t best = 0;
    uint64_t run = 0;
    for (const bool used : used_) {
      run = used ? 0 : run + 1;
      best = std::max(best, run);
    }
    return best;
  }
  [[nodiscard]] bool any_free(uint64_t limit) const {
    for (uint64_t i = 0; i < limit; ++i) {
      if (!used_[i]) return true;
    }
    return false;
  }

 private:
  std::vector<bool> used_;
};

struct Live {
  uint64_t frame;
  uint32_t frames;
  /// Frames that are gone while it lives.
  uint64_t taken;
};

uint32_t random_size(std::mt19937_64& random) {
  switch (random() % 8) {
    case 0:
    case 1:
    case 2:
      return 1;
    case 3:
      return 1 + static_cast<uint32_t>(random() % 8);
    case 4:
      return 1 + static_cast<uint32_t>(random() % 64);
    case 5:
      return 1 + static_cast<uint32_t>(random() % 511);
    case 6:
      return 512;
    default:
      return 1 + static_cast<uint32_t>(random() % 3000);
  }
}

void compare(uint64_t seed, uint64_t size, uint32_t cpu_cache, uint64_t count) {
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  Config config;
  config.size = size;
  config.cpu_cache = cpu_cache;
  config.track = seed % 2 == 0;
  const auto allocator = make_allocator(config);
  const uint64_t total = allocator->stats().value().total_frames;
  REQUIRE(total == size / 4096);
  Model model(allocator->frame_limit());
  std::vector<Live> live;
  uint64_t taken = 0;
  for (uint64_t step = 0; step < count; ++step) {
    // Fuller and emptier in turns.
    const bool grow = (step / 4096) % 3 != 2;
    if (live.empty() || random() % 100 < (grow ? 55U : 40U)) {
      Request request;
      const uint32_t frames = random_size(random);
      if (random() % 8 == 0) request.alignment = 1U << (random() % 12);
      request.exact = random() % 2 == 0;
      if (random() % 16 == 0) request.mover = step + 1;
      request.site = step + 1;
      const auto result = allocator->allocate(frames, request);
      if (!result.ok()) {
        CHECK(result.status().code() == Code::kOutOfMemory);
        // A single frame is refused only when there is none.
        if (frames == 1 && request.alignment == 1) REQUIRE_FALSE(model.any_free(total));
        continue;
      }
      const uint64_t frame = index_of(result.value());
      REQUIRE(frame % request.alignment == 0);
      if (frames < kBlockFrames) REQUIRE(frame / kBlockFrames == (frame + frames - 1) / kBlockFrames);
      uint64_t whole = frames;
      if (frames >= kBlockFrames && !request.exact) whole = std::bit_ceil(frames);
      REQUIRE(model.take(frame, whole));
      REQUIRE(frame + whole <= total);
      taken += whole;
      live.push_back({frame, frames, whole});
    } else {
      const size_t index = random() % live.size();
      const Live run = live[index];
      if (random() % 4 == 0) {
        // Anything but the run itself is refused.
        const uint64_t frame = run.frame + random() % 3;
        const auto frames = static_cast<uint32_t>(run.frames + random() % 3 - 1);
        if (frame != run.frame || frames != run.frames) {
          const bool other = std::any_of(live.begin(), live.end(),
                                         [&](const Live& one) { return one.frame == frame && one.frames == frames; });
          if (!other) REQUIRE(allocator->free(FrameId{frame}, frames).code() == Code::kInvalidAddress);
        }
      }
      if (run.frames < kBlockFrames && random() % 4 == 0) {
        const auto room = static_cast<uint32_t>(kBlockFrames - run.frame % kBlockFrames);
        const uint32_t to = 1 + static_cast<uint32_t>(random() % std::min(room, kBlockFrames - 1));
        const Status resized = allocator->resize(FrameId{run.frame}, run.frames, to);
        if (to <= run.frames) {
          REQUIRE(resized.ok());
          model.give(run.frame + to, run.frames - to);
        } else {
          // As the model says whether there is room.
          const bool fits = run.frame + to <= total && model.take(run.frame + run.frames, to - run.frames);
          REQUIRE(resized.code() == (fits ? Code::kOk : Code::kOutOfMemory));
        }
        if (resized.ok()) {
          taken += uint64_t{to} - run.frames;
          live[index] = {run.frame, to, to};
        }
        continue;
      }
      REQUIRE(allocator->is_run(FrameId{run.frame}, run.frames));
      REQUIRE(allocator->is_allocated(FrameId{run.frame}, run.frames));
      REQUIRE(allocator->free(FrameId{run.frame}, run.frames).ok());
      REQUIRE(allocator->free(FrameId{run.frame}, run.frames).code() == Code::kInvalidAddress);
      model.give(run.frame, run.taken);
      taken -= run.taken;
      live[index] = live.back();
      live.pop_back();
    }
    if (step % 1024 == 0) {
      REQUIRE(allocator->validate().ok());
      REQUIRE(allocator->stats().value().free_frames == total - taken);
    }
    if (step % 5000 == 4999) allocator->drain();
    if (step % 7000 == 6999) (void)allocator->trim();
  }
  // The walk finds exactly what lives.
  std::map<uint64_t, uint32_t> found;
  allocator->walk(
      [](void* context, const Run& run) noexcept {
        static_cast<std::map<uint64_t, uint32_t>*>(context)->emplace(index_of(run.frame), run.frames);
        return true;
      },
      &found);
  REQUIRE(found.size() == live.size());
  for (const Live& run : live) REQUIRE(found[run.frame] == run.frames);
  for (const Live& run : live) REQUIRE(allocator->free(FrameId{run.frame}, run.frames).ok());
  CHECK(allocator->stats().value().free_frames == total);
  allocator->drain();
  CHECK(allocator->validate().ok());
  CHECK(allocator->stats().value().lent == allocator->stats().value().returned);
}

}  // namespace

TEST_CASE("random runs never overlap, and are refused only when there is no room") {
  for (uint64_t seed = 0; seed < 4; ++seed) compare(seed, 64 * kMiB, 4096, steps(60000));
}

TEST_CASE("the same holds without caches") {
  for (uint64_t seed = 10; seed < 12; ++seed) compare(seed, 64 * kMiB, 0, steps(60000));
}

TEST_CASE("the same holds for regions that are no power of two and do not end with a block") {
  for (uint64_t seed = 20; seed < 24; ++seed) compare(seed, 37 * 2 * kMiB + (seed - 19) * 77 * 4096, 512, steps(40000));
}
