// Frames of lib/native.ts.
#include <array>

#include "bind/arguments.h"
#include "bind/class.h"
#include "bind/exports.h"
#include "bind/frames_handle.h"

namespace freestone::bind {

using base::Code;
using base::Ref;
using frames::FrameAllocator;
using frames::FrameId;

namespace {

FrameAllocator& allocator(const Napi::CallbackInfo& info) { return self<FramesHandle>(info).open(); }

Napi::Number number(Napi::Env env, uint64_t value) { return Napi::Number::New(env, static_cast<double>(value)); }

uint32_t word(const Napi::CallbackInfo& info, size_t index, const char* name, Code code = Code::kInvalidArgument) {
  const uint64_t value = whole_number(info, index, name, code);
  if (value > UINT32_MAX) throw_error(info.Env(), code, std::string(name) + " is out of range");
  return static_cast<uint32_t>(value);
}

bool flag(const Napi::CallbackInfo& info, size_t index) { return info[index].ToBoolean().Value(); }

/// A Float64Array of whole numbers, of any length.
std::vector<uint64_t> numbers(const Napi::CallbackInfo& info, size_t index, const char* name) {
  if (!info[index].IsTypedArray()) throw_error(info.Env(), Code::kInvalidArgument, std::string(name) + " is missing");
  std::vector<uint64_t> values(info[index].As<Napi::TypedArray>().ElementLength());
  (void)whole_numbers(info, index, name, values);
  return values;
}

/// size, frameSize, hugePages, cpuCache, track; zones: kind, size, min, low, high of each; their paths; nodes: id, size
/// of each; distances: a square or nothing; fallbacks: pairs of kinds, each after what was tried before it.
Napi::Value construct(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() == 1) {
    wrap(info, FramesHandle::attach(env, whole_number(info, 0, "handle")));
    return info.This();
  }
  frames::Config config;
  config.size = whole_number(info, 0, "size", Code::kInvalidSize);
  config.frame_size = word(info, 1, "frameSize", Code::kInvalidSize);
  config.huge_pages = static_cast<frames::HugePages>(word(info, 2, "hugePages") & 3);
  config.cpu_cache = word(info, 3, "cpuCache");
  config.track = flag(info, 4);

  const auto zone_numbers = numbers(info, 5, "zones");
  if (!info[6].IsArray()) throw_error(env, Code::kInvalidArgument, "paths must be an array");
  const auto paths = info[6].As<Napi::Array>();
  std::vector<std::string> path_texts(zone_numbers.size() / 5);
  std::vector<frames::ZoneConfig> zones(zone_numbers.size() / 5);
  for (size_t i = 0; i < zones.size(); ++i) {
    const auto* const values = &zone_numbers[i * 5];
    zones[i].kind = static_cast<frames::ZoneKind>(values[0] & 3);
    zones[i].size = values[1];
    zones[i].watermarks = {.min = values[2], .low = values[3], .high = values[4]};
    const Napi::Value path = paths.Get(static_cast<uint32_t>(i));
    if (!path.IsString()) continue;
    path_texts[i] = path.As<Napi::String>().Utf8Value();
    zones[i].path = path_texts[i].c_str();
  }
  config.zones = zones;

  const auto node_numbers = numbers(info, 7, "nodes");
  const auto distance_numbers = numbers(info, 8, "distances");
  const std::vector<uint32_t> distances(distance_numbers.begin(), distance_numbers.end());
  std::vector<frames::NodeConfig> nodes(node_numbers.size() / 2);
  for (size_t i = 0; i < nodes.size(); ++i) {
    nodes[i].id = static_cast<uint32_t>(node_numbers[i * 2]);
    nodes[i].size = node_numbers[i * 2 + 1];
    if (distances.size() == nodes.size() * nodes.size()) {
      nodes[i].distances = std::span(distances).subspan(i * nodes.size(), nodes.size());
    }
  }
  config.nodes = nodes;

  const auto pairs = numbers(info, 9, "fallbacks");
  std::array<std::vector<frames::ZoneKind>, frames::kZoneKinds> fallbacks;
  for (size_t i = 0; i + 1 < pairs.size(); i += 2) {
    fallbacks[pairs[i] & 3].push_back(static_cast<frames::ZoneKind>(pairs[i + 1] & 3));
  }
  for (size_t kind = 0; kind < fallbacks.size(); ++kind) config.fallback[kind] = fallbacks[kind];

  auto made = FrameAllocator::make(config, kSystem);
  check(env, made.status());
  wrap(info, FramesHandle::make(env, made.take()));
  return info.This();
}

/// zone, node, alignment, flags, mover, site from `index` on; fewer arguments are defaults.
frames::Request request(const Napi::CallbackInfo& info, size_t index) {
  frames::Request request;
  if (info.Length() <= index) return request;
  request.zone = static_cast<frames::ZoneKind>(word(info, index, "zone"));
  request.node = word(info, index + 1, "node");
  request.alignment = word(info, index + 2, "alignment", Code::kInvalidAlignment);
  const uint32_t flags = word(info, index + 3, "flags");
  request.strict = (flags & 1) != 0;
  request.emergency = (flags & 2) != 0;
  request.exact = (flags & 4) != 0;
  request.mover = whole_number(info, index + 4, "mover");
  request.site = whole_number(info, index + 5, "site");
  return request;
}

Napi::Value allocate(const Napi::CallbackInfo& info) {
  const uint32_t frames = word(info, 0, "frames", Code::kInvalidSize);
  const auto frame = allocator(info).allocate(frames, request(info, 1));
  check(info.Env(), frame.status(), {.requested = frames});
  return number(info.Env(), frames::index_of(frame.value()));
}

/// The frames of a Float64Array, and room for them as C++ has them: on the stack where there are few.
class Batch {
 public:
  Batch(const Napi::CallbackInfo& info, size_t index) {
    napi_typedarray_type type{};
    void* data = nullptr;
    const napi_status status = info[index].IsTypedArray() ? napi_get_typedarray_info(info.Env(), info[index], &type,
                                                                                     &length_, &data, nullptr, nullptr)
                                                          : napi_invalid_arg;
    if (status != napi_ok || type != napi_float64_array) {
      throw_error(info.Env(), Code::kInvalidArgument, "frames must be a Float64Array");
    }
    if (data == nullptr) length_ = 0;
    values_ = static_cast<double*>(data);
    if (length_ > few_.size()) many_.resize(length_);
  }
  [[nodiscard]] std::span<double> values() const { return {values_, length_}; }
  [[nodiscard]] std::span<FrameId> ids() { return {many_.empty() ? few_.data() : many_.data(), length_}; }

 private:
  double* values_ = nullptr;
  size_t length_ = 0;
  std::array<FrameId, 256> few_;
  std::vector<FrameId> many_;
};

Napi::Value allocate_batch(const Napi::CallbackInfo& info) {
  const uint32_t frames = word(info, 0, "frames", Code::kInvalidSize);
  Batch batch(info, 1);
  const auto ids = batch.ids();
  check(info.Env(), allocator(info).allocate_batch(frames, ids, request(info, 2)), {.requested = frames});
  for (size_t i = 0; i < ids.size(); ++i)
    batch.values()[i] = static_cast<double>(static_cast<int64_t>(frames::index_of(ids[i])));
  return info.Env().Undefined();
}

Napi::Value free(const Napi::CallbackInfo& info) {
  const uint64_t frame = whole_number(info, 0, "frame", Code::kInvalidAddress);
  const uint32_t frames = word(info, 1, "frames", Code::kInvalidSize);
  check(info.Env(), allocator(info).free(FrameId{frame}, frames), {.address = frame});
  return info.Env().Undefined();
}

Napi::Value free_batch(const Napi::CallbackInfo& info) {
  Batch batch(info, 0);
  const uint32_t frames = word(info, 1, "frames", Code::kInvalidSize);
  const auto ids = batch.ids();
  for (size_t i = 0; i < ids.size(); ++i) {
    const double value = batch.values()[i];
    // What is no whole number is no frame.
    ids[i] = value >= 0 && value < 0x1p53 && value == static_cast<double>(static_cast<int64_t>(value))
                 ? FrameId{static_cast<uint64_t>(static_cast<int64_t>(value))}
                 : frames::kNoFrame;
  }
  size_t failed = 0;
  const auto status = allocator(info).free_batch(ids, frames, &failed);
  if (!status.ok()) check(info.Env(), status, {.address = failed < ids.size() ? frames::index_of(ids[failed]) : 0});
  return info.Env().Undefined();
}

Napi::Value is_allocated(const Napi::CallbackInfo& info) {
  const uint64_t frame = whole_number(info, 0, "frame");
  return Napi::Boolean::New(info.Env(), allocator(info).is_allocated(FrameId{frame}, whole_number(info, 1, "frames")));
}

Napi::Value is_run(const Napi::CallbackInfo& info) {
  const uint64_t frame = whole_number(info, 0, "frame");
  return Napi::Boolean::New(info.Env(), allocator(info).is_run(FrameId{frame}, word(info, 1, "frames")));
}

Napi::Value window(const Napi::CallbackInfo& info) {
  auto& handle = self<FramesHandle>(info);
  const uint64_t offset = whole_number(info, 0, "offset");
  const uint64_t size = whole_number(info, 1, "size");
  const uint64_t region = handle.open().region_bytes();
  if (size == 0 || offset > region || size > region - offset) {
    throw_error(info.Env(), Code::kInvalidArgument, "the window is outside the region");
  }
  return handle.window(offset, size);
}

Napi::Value region(const Napi::CallbackInfo& info) {
  auto& handle = self<FramesHandle>(info);
  const FrameAllocator& allocator = handle.open();
  Napi::Object result = Napi::Object::New(info.Env());
  result["bytes"] = number(info.Env(), allocator.region_bytes());
  result["frameSize"] = number(info.Env(), allocator.frame_size());
  result["frameLimit"] = number(info.Env(), allocator.frame_limit());
  result["handle"] = number(info.Env(), handle.number());
  result["holder"] = number(info.Env(), handle.holder());
  return result;
}

Napi::Object zone_object(Napi::Env env, const frames::ZoneStats& zone) {
  Napi::Object object = Napi::Object::New(env);
  object["kind"] = number(env, static_cast<uint64_t>(zone.kind));
  object["pressure"] = number(env, static_cast<uint64_t>(zone.pressure));
  object["locked"] = zone.locked;
  object["lockErrno"] = number(env, static_cast<uint64_t>(zone.lock_error));
  object["huge"] = zone.huge;
  object["advised"] = zone.advised;
  object["totalFrames"] = number(env, zone.total_frames);
  object["freeFrames"] = number(env, zone.free_frames);
  object["allocations"] = number(env, zone.allocations);
  object["frees"] = number(env, zone.frees);
  object["pressureEvents"] = number(env, zone.pressure_events);
  return object;
}

Napi::Object node_object(Napi::Env env, const frames::NodeStats& node) {
  Napi::Object object = Napi::Object::New(env);
  object["id"] = number(env, node.id);
  object["bound"] = node.bound;
  object["totalFrames"] = number(env, node.total_frames);
  object["freeFrames"] = number(env, node.free_frames);
  object["hits"] = number(env, node.hits);
  object["misses"] = number(env, node.misses);
  object["foreign"] = number(env, node.foreign);
  return object;
}

Napi::Value stats(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto result = allocator(info).stats();
  check(env, result.status());
  const frames::Stats& stats = result.value();
  Napi::Object object = Napi::Object::New(env);
  object["totalFrames"] = number(env, stats.total_frames);
  object["freeFrames"] = number(env, stats.free_frames);
  object["cached"] = number(env, stats.cached_frames);
  object["allocations"] = number(env, stats.allocations);
  object["frees"] = number(env, stats.frees);
  object["failures"] = number(env, stats.failures);
  object["committedBytes"] = number(env, stats.committed_bytes);
  object["metadataBytes"] = number(env, stats.metadata_bytes);
  object["promotions"] = number(env, stats.promotions);
  object["demotions"] = number(env, stats.demotions);
  object["lentBlocks"] = number(env, stats.lent);
  object["returnedBlocks"] = number(env, stats.returned);
  Napi::Array zones = Napi::Array::New(env);
  for (const auto& zone : stats.zones) zones[zones.Length()] = zone_object(env, zone);
  object["perZone"] = zones;
  Napi::Array nodes = Napi::Array::New(env);
  for (const auto& node : stats.nodes) nodes[nodes.Length()] = node_object(env, node);
  object["perNode"] = nodes;
  return object;
}

Napi::Value fragmentation(const Napi::CallbackInfo& info) {
  return float64_array(info.Env(), allocator(info).fragmentation().index);
}

Napi::Value map(const Napi::CallbackInfo& info) {
  const FrameAllocator& frames = allocator(info);
  auto bytes = Napi::Uint8Array::New(info.Env(), frames.block_count());
  frames.map({bytes.Data(), bytes.ElementLength()});
  return bytes;
}

/// Zone and node of each block in turn.
Napi::Value places(const Napi::CallbackInfo& info) {
  const FrameAllocator& frames = allocator(info);
  auto pairs = Napi::Uint8Array::New(info.Env(), size_t{frames.block_count()} * 2);
  for (frames::BlockIndex block = 0; block < frames.block_count(); ++block) {
    const auto place = frames.place_of(block);
    pairs[size_t{block} * 2] = static_cast<uint8_t>(place.zone);
    pairs[size_t{block} * 2 + 1] = static_cast<uint8_t>(place.node);
  }
  return pairs;
}

/// frame, frames, site, mover of each live run in turn.
Napi::Value runs(const Napi::CallbackInfo& info) {
  std::vector<double> list;
  const auto visit = [](void* context, const frames::Run& run) noexcept {
    auto& values = *static_cast<std::vector<double>*>(context);
    for (const uint64_t value : {frames::index_of(run.frame), uint64_t{run.frames}, run.site, run.mover}) {
      values.push_back(static_cast<double>(value));
    }
    return true;
  };
  allocator(info).walk(visit, &list);
  return float64_array(info.Env(), list);
}

Napi::Value set_timing(const Napi::CallbackInfo& info) {
  allocator(info).set_timing(flag(info, 0));
  return info.Env().Undefined();
}

/// Lowest value and count of each bucket that is not empty, and the maximum.
Napi::Value times(const Napi::CallbackInfo& info) {
  const FrameAllocator& frames = allocator(info);
  const base::Histogram& histogram = flag(info, 0) ? frames.free_times() : frames.allocate_times();
  std::vector<double> pairs;
  for (uint32_t bucket = 0; bucket < base::Histogram::kBuckets; ++bucket) {
    const uint64_t count = histogram.count(bucket);
    if (count == 0) continue;
    pairs.push_back(static_cast<double>(base::Histogram::lowest_of(bucket)));
    pairs.push_back(static_cast<double>(count));
  }
  pairs.push_back(static_cast<double>(histogram.max()));
  return float64_array(info.Env(), pairs);
}

struct Movement {
  Napi::Env env;
  Napi::Function move;
  bool failed = false;
  Napi::Error error;
};

/// Whether this thread is inside `compact`, which waits for another caller and so would wait for itself.
thread_local bool compacting = false;

Napi::Value compact(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (compacting) throw_error(env, Code::kInvalidArgument, "a callback of compact cannot compact");
  if (!info[0].IsFunction()) throw_error(env, Code::kInvalidArgument, "move must be a function");
  Movement state{.env = env, .move = info[0].As<Napi::Function>(), .error = {}};
  const auto move = [](void* context, uint64_t mover, FrameId from, FrameId to, uint32_t frames) noexcept {
    auto& movement = *static_cast<Movement*>(context);
    if (movement.failed) return false;
    try {
      return movement.move
          .Call({number(movement.env, mover), number(movement.env, frames::index_of(from)),
                 number(movement.env, frames::index_of(to)), number(movement.env, frames)})
          .ToBoolean()
          .Value();
    } catch (const Napi::Error& error) {
      // The owner threw: nothing more is moved, and the caller of `compact` meets the error.
      movement.failed = true;
      movement.error = error;
      return false;
    }
  };
  // The callback may close this hold.
  const Ref<FrameAllocator> held(&allocator(info));
  compacting = true;
  const frames::Compaction done = held->compact(move, &state);
  compacting = false;
  if (state.failed) throw state.error;
  Napi::Object object = Napi::Object::New(env);
  object["movedRuns"] = number(env, done.moved_runs);
  object["movedFrames"] = number(env, done.moved_frames);
  object["freedBlocks"] = number(env, done.freed_blocks);
  object["before"] = float64_array(env, done.before.index);
  object["after"] = float64_array(env, done.after.index);
  return object;
}

Napi::Value trim(const Napi::CallbackInfo& info) { return number(info.Env(), allocator(info).trim()); }

Napi::Value drain(const Napi::CallbackInfo& info) {
  allocator(info).drain();
  return info.Env().Undefined();
}

Napi::Value validate(const Napi::CallbackInfo& info) {
  check(info.Env(), allocator(info).validate());
  return info.Env().Undefined();
}

Napi::Value on_pressure(const Napi::CallbackInfo& info) {
  if (!info[0].IsFunction()) throw_error(info.Env(), Code::kInvalidArgument, "listener must be a function");
  self<FramesHandle>(info).listen(info[0].As<Napi::Function>());
  return info.Env().Undefined();
}

Napi::Value close(const Napi::CallbackInfo& info) {
  self<FramesHandle>(info).close();
  return info.Env().Undefined();
}

}  // namespace

void export_frames(Napi::Env env, Napi::Object exports) {
  define_class<construct>(env, exports, "Frames",
                          {entry<allocate>("allocate"),
                           entry<allocate_batch>("allocateBatch"),
                           entry<free>("free"),
                           entry<free_batch>("freeBatch"),
                           entry<is_allocated>("isAllocated"),
                           entry<is_run>("isRun"),
                           entry<window>("window"),
                           entry<region>("region"),
                           entry<stats>("stats"),
                           entry<fragmentation>("fragmentation"),
                           entry<map>("map"),
                           entry<places>("places"),
                           entry<runs>("runs"),
                           entry<set_timing>("setTiming"),
                           entry<times>("times"),
                           entry<compact>("compact"),
                           entry<trim>("trim"),
                           entry<drain>("drain"),
                           entry<validate>("validate"),
                           entry<on_pressure>("onPressure"),
                           entry<close>("close")});
}

}  // namespace freestone::bind
