#include "pipeline/gather.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

#include "os/os.h"
#include "pipeline/array_layout.h"
#include "pipeline/operation_helpers.h"
#include "pool/support.h"
#include "random_bytes.h"
#include "temporary_directory.h"

using namespace freestone;
using base::Code;
using base::Status;
using namespace pipeline;

namespace {

ElementForm form_of(const std::vector<uint32_t>& description) {
  const auto form = ElementForm::make(description);
  REQUIRE(form.ok());
  return form.value();
}

}  // namespace

TEST_CASE("boxes of any shape and strides are fetched as a plain copy has them") {
  if (!os::copies_foreign()) return;
  std::mt19937_64 random(11);
  const auto upto = [&](uint64_t most) { return random() % (most + 1); };
  Scratch scratch;
  const std::vector<std::vector<uint32_t>> forms{{0, 0, 1, 1},  {0, 0, 8, 1},   {0, 0, 8, 8},  {0, 0, 16, 8},
                                                 {0, 0, 12, 1}, {11, 10, 8, 1}, {5, 11, 4, 8}, {4, 7, 2, 1}};
  for (int round = 0; round < 600; ++round) {
    const ElementForm form = form_of(forms[round % forms.size()]);
    const uint64_t element = form.source_size();
    const size_t rank = upto(4);
    Numbers counts(rank);
    uint64_t most = 20'000;
    for (auto& count : counts) {
      count = 1 + upto(round % 3 == 0 ? std::min<uint64_t>(most - 1, 3000) : std::min<uint64_t>(most - 1, 30));
      most = std::max<uint64_t>(1, most / count);
    }
    // Strides in any order of the dimensions, with gaps below and above what is read along.
    Strides source_strides(rank);
    Numbers order(rank);
    std::iota(order.begin(), order.end(), 0);
    if (round % 2 == 0) std::shuffle(order.begin(), order.end(), random);
    uint64_t stride = element;
    for (size_t i = rank; i-- > 0;) {
      const uint64_t gaps[] = {0, element, 40 * element, 300 * element};
      stride += gaps[upto(3)] * (stride * counts[order[i]] < 2'000'000 ? 1 : 0);
      source_strides[order[i]] = upto(9) == 0 ? 0 : static_cast<int64_t>(stride);
      stride *= counts[order[i]];
    }
    Strides target_strides = strides_of(counts, form.target_size());
    if (rank > 0 && round % 4 == 1) target_strides[0] += 24;
    const uint64_t gap = upto(3) * element;
    const auto source =
        random_bytes(bytes_of(counts, source_strides, element) + gap, static_cast<uint32_t>(round), Kind::kNoise);
    const uint64_t offset = gap + (round % 5 < 2 ? turn_round(counts, source_strides, upto(15)) : 0);
    std::vector<uint8_t> wanted(bytes_of(counts, target_strides, form.target_size()) + 7, 0xCD);
    auto found = wanted;
    REQUIRE(convert_box(wanted, {7, target_strides}, source, {offset, source_strides}, counts, form).ok());
    const auto box =
        ForeignBox::make(found.size(), {7, target_strides}, source, {offset, source_strides}, counts, form);
    REQUIRE(box.ok());
    CAPTURE(round);
    REQUIRE(box.value().fetch(scratch, found.data()).ok());
    REQUIRE(found == wanted);
    scratch.reset();
    CHECK(box.value().target_bytes() ==
          std::accumulate(counts.begin(), counts.end(), form.target_size(), std::multiplies<>()));
  }
}

TEST_CASE("a large box is fetched through a window that stays small") {
  if (!os::copies_foreign()) return;
  std::vector<double> source(600'000);
  for (size_t i = 0; i < source.size(); ++i) source[i] = static_cast<double>(i);
  const base::ConstBytes memory(reinterpret_cast<const uint8_t*>(source.data()), source.size() * 8);
  std::vector<float> found(300'000);
  const Numbers counts{300'000};
  const auto box =
      ForeignBox::make(found.size() * 4, {0, Strides{4}}, memory, {8, Strides{16}}, counts, form_of({11, 10, 8, 1}));
  REQUIRE(box.ok());
  Scratch scratch;
  REQUIRE(box.value().fetch(scratch, reinterpret_cast<uint8_t*>(found.data())).ok());
  CHECK(scratch.used() <= size_t{1} << 20);
  for (size_t i = 0; i < found.size(); ++i) REQUIRE(found[i] == static_cast<float>(2 * i + 1));
}

TEST_CASE("without memory for a window nothing is fetched") {
  if (!os::copies_foreign()) return;
  const std::vector<uint8_t> source(100, 5);
  std::vector<uint8_t> found(40, 1);
  const Numbers counts{10};
  const auto box =
      ForeignBox::make(found.size(), {0, Strides{4}}, source, {0, Strides{8}}, counts, form_of({0, 0, 4, 1}));
  REQUIRE(box.ok());
  pool::FailingSource memory;
  Scratch scratch(memory);
  memory.left = 0;
  CHECK(box.value().fetch(scratch, found.data()).code() == Code::kOutOfMemory);
  CHECK(found == std::vector<uint8_t>(40, 1));
  memory.left = 1;
  CHECK(box.value().fetch(scratch, found.data()).ok());
  CHECK(found == std::vector<uint8_t>(40, 5));
}

TEST_CASE("a number that does not fit is found wherever it is") {
  if (!os::copies_foreign()) return;
  std::vector<double> source(100'000, 5);
  const base::ConstBytes memory(reinterpret_cast<const uint8_t*>(source.data()), source.size() * 8);
  const Numbers counts{50'000};
  const auto box =
      ForeignBox::make(UINT64_MAX, {0, Strides{0}}, memory, {0, Strides{16}}, counts, form_of({11, 3, 8, 1}));
  REQUIRE(box.ok());
  Scratch scratch;
  CHECK(box.value().fetch(scratch, nullptr).ok());
  for (const size_t at : {size_t{0}, size_t{1000}, size_t{33'332}, size_t{99'998}}) {
    source[at] = 0.5;
    CHECK(box.value().fetch(scratch, nullptr).code() == Code::kTypeMismatch);
    source[at] = 5;
  }
  source[77'777] = 1e9;  // between those that are asked for
  CHECK(box.value().fetch(scratch, nullptr).ok());
}

TEST_CASE("memory that is taken away while workers read it is an error and no crash") {
  if (!os::copies_foreign()) return;
  TemporaryDirectory directory;
  const auto sink = open(directory / "a");
  auto space = filespace::FileSpace::make({});
  REQUIRE(space.ok());
  const uint64_t size = 64 * os::page_size();
  const auto memory = os::reserve(size, 1);
  REQUIRE(memory.ok());
  REQUIRE(os::commit(memory.value(), size).ok());
  const Numbers counts{size / 16};
  const auto box = [&](const std::vector<uint32_t>& form, int64_t target) {
    auto made =
        ForeignBox::make(size, {0, Strides{target}}, {memory.value(), size}, {0, Strides{16}}, counts, form_of(form));
    REQUIRE(made.ok());
    return made.value();
  };
  const auto chain = filters({2, 1, 8});
  Executor executor;
  REQUIRE(executor.start(2).ok());
  std::vector<std::unique_ptr<Run<GatherChunk>>> chunks;
  std::vector<std::unique_ptr<Run<GatherWrite>>> writes;
  for (int i = 0; i < 200; ++i) {
    chunks.push_back(std::make_unique<Run<GatherChunk>>(
        GatherChunk{.store = {.file = sink->lease().take(), .space = space.value(), .filters = chain},
                    .box = box({0, 0, 8, 8}, 8),
                    .chunk_size = size}));
    writes.push_back(std::make_unique<Run<GatherWrite>>(
        GatherWrite{.file = sink->lease().take(), .address = 1 << 30, .box = box({11, 10, 8, 1}, 4)}));
  }
  for (int i = 0; i < 200; ++i) {
    executor.submit(*chunks[i]);
    executor.submit(*writes[i]);
    if (i == 100) REQUIRE(os::decommit(memory.value(), size).ok());
  }
  executor.stop();
  const auto fine = [](const Status& status) { return status.ok() || status.system_error() == EFAULT; };
  for (int i = 0; i < 200; ++i) {
    CHECK(fine(chunks[i]->status));
    CHECK(fine(writes[i]->status));
  }
  CHECK(chunks.back()->status.system_error() == EFAULT);
  CHECK(writes.back()->status.system_error() == EFAULT);
  CHECK(space.value()->validate_no_overlaps().ok());
  CHECK(os::release(memory.value(), size).ok());
}

TEST_CASE("gathered chunks are what the memory had, with the fill value where it had nothing") {
  if (!os::copies_foreign()) return;
  TemporaryDirectory directory;
  const auto sink = open(directory / "a");
  auto space = filespace::FileSpace::make({});
  REQUIRE(space.ok());
  const auto chain = filters({2, 1, 2, 1, 1, 4});
  std::vector<int32_t> source(100);
  std::iota(source.begin(), source.end(), 0);
  const base::ConstBytes memory(reinterpret_cast<const uint8_t*>(source.data()), 400);
  const uint8_t fill[] = {0xAA, 0xBB};
  // 3 x 4 of 10 x 10 elements, into a chunk of 4 x 8.
  const auto box =
      ForeignBox::make(64, {0, Strides{16, 2}}, memory, {8, Strides{40, 4}}, Numbers{3, 4}, form_of({5, 4, 4, 2}));
  REQUIRE(box.ok());
  Worker worker;
  GatherChunk gather{.store = {.file = sink->lease().take(), .space = space.value(), .filters = chain},
                     .box = box.value(),
                     .chunk_size = 64,
                     .fill = fill};
  REQUIRE(gather.run(worker).ok());
  std::vector<uint8_t> back(64);
  LoadChunk load{.file = sink->lease().take(),
                 .filters = chain,
                 .address = gather.store.address,
                 .stored_size = gather.store.stored_size,
                 .into = back};
  REQUIRE(load.run(worker).ok());
  for (uint32_t row = 0; row < 4; ++row) {
    for (uint32_t column = 0; column < 8; ++column) {
      const uint8_t* const at = back.data() + row * 16 + column * 2;
      const uint32_t found = at[0] << 8 | at[1];
      CHECK(found == (row < 3 && column < 4 ? row * 10 + column + 2 : 0xAABB));
    }
  }

  // Without filters, over what is there; zeros where there is no fill value.
  GatherChunk again{
      .store = {.file = sink->lease().take(), .space = space.value(), .filters = filters({}), .address = 1000},
      .box = box.value(),
      .chunk_size = 64,
      .has_address = true};
  REQUIRE(again.run(worker).ok());
  CHECK(again.store.address == 1000);
  CHECK(again.store.stored_size == 64);
  REQUIRE(Read{.file = sink->lease().take(), .address = 1000, .into = back}.run(worker).ok());
  CHECK(back[1] == 2);
  CHECK(back[9] == 0);
  CHECK(back[63] == 0);

  // An element that does not fit takes no space.
  source[2] = -1;
  const uint64_t end = space.value()->end_of_file();
  gather.store.file = sink->lease().take();
  CHECK(gather.run(worker).code() == Code::kTypeMismatch);
  CHECK(space.value()->end_of_file() == end);
  CHECK(GatherElements{.box = box.value()}.run(worker).code() == Code::kTypeMismatch);
}
