// FileSpace of lib/native.ts.
#include <mutex>
#include <unordered_map>
#include <vector>

#include "bind/arguments.h"
#include "bind/class.h"
#include "bind/exports.h"
#include "os/os.h"

namespace freestone::bind {

using base::Code;
using base::Ref;
using filespace::Config;
using filespace::FileSpace;
using filespace::Kind;
using filespace::Section;
using filespace::Strategy;

namespace {

/// The spaces that other threads may attach to, by number, for as long as a wrapper that asked for the number lives.
/// Never destroyed: an environment may end after static destruction began.
struct Registry {
  struct Known {
    Ref<FileSpace> space;
    uint64_t holders = 0;
  };
  std::mutex mutex;
  uint64_t last_number = 0;
  std::unordered_map<uint64_t, Known> spaces;
};

Registry& registry() {
  static auto* const instance = new Registry;
  return *instance;
}

void let_go(napi_env, void* data, void*) {
  const auto number = reinterpret_cast<uintptr_t>(data);
  Registry& known = registry();
  const std::lock_guard guard(known.mutex);
  const auto found = known.spaces.find(number);
  if (found != known.spaces.end() && --found->second.holders == 0) known.spaces.erase(found);
}

/// Keeps the number alive as long as `info`'s wrapper; the caller has counted it as a holder.
void hold(const Napi::CallbackInfo& info, uint64_t number) {
  if (napi_add_finalizer(info.Env(), info.This(), reinterpret_cast<void*>(number), let_go, nullptr, nullptr) ==
      napi_ok) {
    return;
  }
  let_go(info.Env(), reinterpret_cast<void*>(number), nullptr);
  throw Napi::Error::New(info.Env());
}

Kind kind_arg(const Napi::CallbackInfo& info, size_t index) {
  // Asking the engine for an argument that is not there costs as much as the allocation.
  if (info.Length() <= index || info[index].IsUndefined()) return Kind::kDirect;
  const uint64_t kind = whole_number(info, index, "kind");
  if (kind >= filespace::kKinds) throw_error(info.Env(), Code::kInvalidArgument, "there is no such kind");
  return static_cast<Kind>(kind);
}

Strategy strategy_arg(Napi::Env env, uint64_t strategy) {
  if (strategy > static_cast<uint64_t>(Strategy::kWorstFit)) {
    throw_error(env, Code::kInvalidArgument, "there is no such strategy");
  }
  return static_cast<Strategy>(strategy);
}

Napi::Value number(const Napi::CallbackInfo& info, uint64_t value) {
  return Napi::Number::New(info.Env(), static_cast<double>(value));
}

Napi::Value construct(const Napi::CallbackInfo& info) {
  const uint64_t first = whole_number(info, 0, "initialOffset");
  if (info.Length() == 1) {
    Ref<FileSpace> space;
    {
      Registry& known = registry();
      const std::lock_guard guard(known.mutex);
      const auto found = known.spaces.find(first);
      if (found != known.spaces.end()) {
        ++found->second.holders;
        space = found->second.space;
      }
    }
    if (!space) throw_error(info.Env(), Code::kClosed, "the file space of this handle is gone in every thread");
    wrap(info, std::move(space));
    hold(info, first);
    return info.This();
  }
  Config config{.initial_offset = first, .limit = whole_number(info, 1, "limit")};
  config.advise = [](uint8_t* memory, size_t size) noexcept { (void)os::advise_huge(memory, size, true); };
  if (!info[2].IsUndefined()) {
    uint64_t values[7] = {};
    if (whole_numbers(info, 2, "settings", values).size() != 7) {
      throw_error(info.Env(), Code::kInvalidArgument, "settings are seven numbers");
    }
    config.strategy = strategy_arg(info.Env(), values[0]);
    config.threshold = values[1];
    config.alignment = values[2];
    config.metadata_block = values[3];
    config.small_data_block = values[4];
    config.page_size = values[5];
    config.track = values[6] != 0;
  }
  auto space = FileSpace::make(config);
  check(info.Env(), space.status());
  wrap(info, space.take());
  return info.This();
}

Napi::Value handle(const Napi::CallbackInfo& info) {
  FileSpace& space = self<FileSpace>(info);
  uint64_t handle = 0;
  {
    Registry& known = registry();
    const std::lock_guard guard(known.mutex);
    for (auto& [one, entry] : known.spaces) {
      if (entry.space.get() == &space) handle = one;
    }
    if (handle == 0) handle = ++known.last_number;
    Registry::Known& entry = known.spaces[handle];
    entry.space = Ref<FileSpace>(&space);
    ++entry.holders;
  }
  hold(info, handle);
  return number(info, handle);
}

Napi::Value allocate(const Napi::CallbackInfo& info) {
  const uint64_t size = whole_number(info, 0, "size", Code::kInvalidSize);
  const bool plain = info.Length() < 2 || info[1].IsUndefined();
  const uint64_t alignment = plain ? 1 : whole_number(info, 1, "alignment", Code::kInvalidAlignment);
  const auto offset = self<FileSpace>(info).allocate(size, alignment, kind_arg(info, 2));
  check(info.Env(), offset.status(), {.requested = size});
  return number(info, offset.value());
}

Napi::Value allocate_many(const Napi::CallbackInfo& info) {
  if (!info[0].IsTypedArray()) throw_error(info.Env(), Code::kInvalidArgument, "sizes must be a Float64Array");
  std::vector<uint64_t> sizes(info[0].As<Napi::TypedArray>().ElementLength());
  const auto given = whole_numbers(info, 0, "sizes", sizes);
  std::vector<uint64_t> offsets(given.size());
  check(info.Env(), self<FileSpace>(info).allocate_many(given, offsets, kind_arg(info, 1)));
  Napi::Float64Array list = Napi::Float64Array::New(info.Env(), offsets.size());
  for (size_t i = 0; i < offsets.size(); ++i) list[i] = static_cast<double>(offsets[i]);
  return list;
}

Napi::Value release(const Napi::CallbackInfo& info) {
  const uint64_t offset = whole_number(info, 0, "offset");
  check(info.Env(),
        self<FileSpace>(info).free(offset, whole_number(info, 1, "size", Code::kInvalidSize), kind_arg(info, 2)));
  return info.Env().Undefined();
}

Napi::Value release_range(const Napi::CallbackInfo& info) {
  const uint64_t offset = whole_number(info, 0, "offset");
  check(info.Env(),
        self<FileSpace>(info).free_range(offset, whole_number(info, 1, "size", Code::kInvalidSize), kind_arg(info, 2)));
  return info.Env().Undefined();
}

Napi::Value extend(const Napi::CallbackInfo& info) {
  const auto extended = self<FileSpace>(info).extend(whole_number(info, 0, "offset"), whole_number(info, 1, "oldSize"),
                                                     whole_number(info, 2, "newSize"));
  check(info.Env(), extended.status());
  return Napi::Boolean::New(info.Env(), extended.value());
}

Napi::Value shrink_tail(const Napi::CallbackInfo& info) {
  const auto by = self<FileSpace>(info).shrink_tail();
  check(info.Env(), by.status());
  return number(info, by.value());
}

Napi::Value release_blocks(const Napi::CallbackInfo& info) {
  check(info.Env(), self<FileSpace>(info).release_blocks());
  return info.Env().Undefined();
}

Napi::Value commit(const Napi::CallbackInfo& info) {
  check(info.Env(), self<FileSpace>(info).commit());
  return info.Env().Undefined();
}

Napi::Value rollback(const Napi::CallbackInfo& info) {
  check(info.Env(), self<FileSpace>(info).rollback());
  return info.Env().Undefined();
}

Napi::Value strategy(const Napi::CallbackInfo& info) {
  return number(info, static_cast<uint64_t>(self<FileSpace>(info).strategy()));
}

Napi::Value set_strategy(const Napi::CallbackInfo& info) {
  self<FileSpace>(info).set_strategy(strategy_arg(info.Env(), whole_number(info, 0, "strategy")));
  return info.Env().Undefined();
}

Napi::Value restore(const Napi::CallbackInfo& info) {
  const uint64_t end = whole_number(info, 0, "end");
  if (!info[1].IsTypedArray()) throw_error(info.Env(), Code::kInvalidArgument, "free must be a Float64Array");
  std::vector<uint64_t> numbers(info[1].As<Napi::TypedArray>().ElementLength());
  const auto values = whole_numbers(info, 1, "free", numbers);
  std::vector<Section> free;
  for (size_t i = 0; i + 2 < values.size(); i += 3) {
    const Kind kind = values[i + 2] < filespace::kKinds ? static_cast<Kind>(values[i + 2]) : Kind::kDirect;
    free.push_back({.block = {values[i], values[i + 1]}, .kind = kind});
  }
  check(info.Env(), self<FileSpace>(info).restore(end, free));
  return info.Env().Undefined();
}

Napi::Value initial_offset(const Napi::CallbackInfo& info) {
  return number(info, self<FileSpace>(info).initial_offset());
}

Napi::Value end_of_file(const Napi::CallbackInfo& info) { return number(info, self<FileSpace>(info).end_of_file()); }

Napi::Value is_allocated(const Napi::CallbackInfo& info) {
  const uint64_t offset = whole_number(info, 0, "offset");
  return Napi::Boolean::New(info.Env(), self<FileSpace>(info).is_allocated(offset, whole_number(info, 1, "size")));
}

Napi::Value blocks(const Napi::CallbackInfo& info) {
  const auto blocks = self<FileSpace>(info).blocks();
  check(info.Env(), blocks.status());
  Napi::Float64Array list = Napi::Float64Array::New(info.Env(), blocks.value().size() * 2);
  for (size_t i = 0; i < blocks.value().size(); ++i) {
    list[i * 2] = static_cast<double>(blocks.value()[i].offset);
    list[i * 2 + 1] = static_cast<double>(blocks.value()[i].size);
  }
  return list;
}

Napi::Value section_list(const Napi::CallbackInfo& info, const base::Result<base::Array<Section>>& sections) {
  check(info.Env(), sections.status());
  Napi::Float64Array list = Napi::Float64Array::New(info.Env(), sections.value().size() * 4);
  for (size_t i = 0; i < sections.value().size(); ++i) {
    const Section& section = sections.value()[i];
    list[i * 4] = static_cast<double>(section.block.offset);
    list[i * 4 + 1] = static_cast<double>(section.block.size);
    list[i * 4 + 2] = static_cast<double>(section.state);
    list[i * 4 + 3] = static_cast<double>(section.kind);
  }
  return list;
}

Napi::Value holes(const Napi::CallbackInfo& info) { return section_list(info, self<FileSpace>(info).holes()); }
Napi::Value free_state(const Napi::CallbackInfo& info) {
  const auto state = self<FileSpace>(info).free_state();
  check(info.Env(), state.status());
  std::vector<double> values{static_cast<double>(state.value().end)};
  for (const Section& section : state.value().free.span()) {
    values.push_back(static_cast<double>(section.block.offset));
    values.push_back(static_cast<double>(section.block.size));
    values.push_back(static_cast<double>(section.kind));
  }
  return float64_array(info.Env(), values);
}
Napi::Value sections(const Napi::CallbackInfo& info) { return section_list(info, self<FileSpace>(info).sections()); }

Napi::Value stats(const Napi::CallbackInfo& info) {
  const filespace::Stats stats = self<FileSpace>(info).stats();
  std::vector<double> values;
  for (const uint64_t value :
       {stats.end, stats.live_bytes, stats.live_blocks, stats.free_bytes, stats.holes, stats.largest_hole,
        stats.rest_bytes, stats.pending_bytes, stats.pending_blocks, stats.memory}) {
    values.push_back(static_cast<double>(value));
  }
  for (uint32_t kind = 0; kind < filespace::kKinds; ++kind) {
    values.push_back(static_cast<double>(stats.live_bytes_of[kind]));
    values.push_back(static_cast<double>(stats.live_blocks_of[kind]));
  }
  for (const uint64_t count : stats.holes_of) values.push_back(static_cast<double>(count));
  return float64_array(info.Env(), values);
}

Napi::Value validate_no_overlaps(const Napi::CallbackInfo& info) {
  check(info.Env(), self<FileSpace>(info).validate_no_overlaps());
  return info.Env().Undefined();
}

Napi::Value validate(const Napi::CallbackInfo& info) {
  check(info.Env(), self<FileSpace>(info).validate());
  return info.Env().Undefined();
}

}  // namespace

void export_filespace(Napi::Env env, Napi::Object exports) {
  define_class<construct>(env, exports, "FileSpace",
                          {entry<handle>("handle"),
                           entry<allocate>("allocate"),
                           entry<allocate_many>("allocateMany"),
                           entry<release>("free"),
                           entry<release_range>("freeRange"),
                           entry<extend>("extend"),
                           entry<shrink_tail>("shrinkTail"),
                           entry<release_blocks>("releaseBlocks"),
                           entry<commit>("commit"),
                           entry<rollback>("rollback"),
                           entry<strategy>("strategy"),
                           entry<set_strategy>("setStrategy"),
                           entry<restore>("restore"),
                           entry<initial_offset>("initialOffset"),
                           entry<end_of_file>("endOfFile"),
                           entry<is_allocated>("isAllocated"),
                           entry<blocks>("blocks"),
                           entry<holes>("holes"),
                           entry<free_state>("freeState"),
                           entry<sections>("sections"),
                           entry<stats>("stats"),
                           entry<validate_no_overlaps>("validateNoOverlaps"),
                           entry<validate>("validate")});
}

}  // namespace freestone::bind
