// File, ChunkCodec, convertBox, gatherBox, canGather, packTexts, gatherTexts, workerCount,
// filterLibraries, onJobsDone and settleJobs of lib/native.ts.
#include <memory>

#include "bind/arguments.h"
#include "bind/class.h"
#include "bind/described_box.h"
#include "bind/environment.h"
#include "bind/exports.h"

namespace freestone::bind {

using base::Bytes;
using base::Code;
using base::Ref;
using base::Status;
using filespace::FileSpace;
using pipeline::FileSink;
using pipeline::FilterChain;
using pipeline::Worker;

namespace {

/// The part of an operation that has the file, and of those that store a chunk, what they found out.
template <typename Operation>
Operation& core_of(Operation& operation) {
  return operation;
}
pipeline::StoreChunk& core_of(pipeline::GatherChunk& operation) { return operation.store; }
const pipeline::StoreChunk& core_of(const pipeline::GatherChunk& operation) { return operation.store; }

/// A job that runs one of the pipeline's operations.
template <typename Operation>
class FileJob : public Job {
 public:
  FileJob(const Napi::CallbackInfo& info, Ref<FileSink> sink, Operation operation)
      : Job(info.Env(), whole_number(info, 0, "ticket")), operation_(std::move(operation)), sink_(std::move(sink)) {}

 protected:
  Status work(Worker& worker) noexcept override { return operation_.run(worker); }
  // Here and not with the job: a close that waits for the lease must not wait for the JavaScript thread, which may be
  // waiting for that close to end its environment.
  void let_go() noexcept override { core_of(operation_).file = {}; }
  Facts facts() const override { return {.path = sink_->path()}; }

  Operation operation_;

 private:
  const Ref<FileSink> sink_;
};

/// What stores a chunk tells where it is.
template <typename Operation>
class StoreJob final : public FileJob<Operation> {
 public:
  using FileJob<Operation>::FileJob;

 protected:
  Job::Results results() const noexcept override {
    const pipeline::StoreChunk& store = core_of(this->operation_);
    return {static_cast<double>(store.address), static_cast<double>(store.stored_size),
            static_cast<double>(store.filter_mask)};
  }
};

/// GatherElements has to do with no file.
class GatherJob final : public Job {
 public:
  GatherJob(const Napi::CallbackInfo& info, pipeline::GatherElements operation)
      : Job(info.Env(), whole_number(info, 0, "ticket")), operation_(operation) {}

 protected:
  Status work(Worker& worker) noexcept override { return operation_.run(worker); }

 private:
  pipeline::GatherElements operation_;
};

/// The right to use `file`; throws when it is closed.
FileSink::Lease lease(Napi::Env env, FileSink& file) {
  auto lease = file.lease();
  check(env, lease.status(), {.path = file.path()});
  return lease.take();
}

/// Sends a job on its way.
Napi::Value start(const Napi::CallbackInfo& info, std::unique_ptr<Job> job, bool wakes = true) {
  Environment& environment = Environment::of(info.Env());
  pipeline::Executor& executor = environment.executor();
  environment.begin();
  executor.submit(*job.release(), wakes);
  return info.Env().Undefined();
}

template <typename Operation>
Napi::Value start_operation(const Napi::CallbackInfo& info, FileSink& file, Operation operation, bool wakes = true) {
  return start(info, std::make_unique<FileJob<Operation>>(info, Ref(&file), std::move(operation)), wakes);
}

/// Whether an argument is anything but `false`.
bool unless_false(const Napi::Value& value) { return !value.IsBoolean() || value.As<Napi::Boolean>().Value(); }

/// The two arguments from `index` on: elements that only the kernel may read, and where they go to.
/// @param target_size of where they go to
pipeline::ForeignBox foreign_box(const Napi::CallbackInfo& info, size_t index, uint64_t target_size) {
  const Bytes source = bytes(info, index, "source");
  const DescribedBox described(info, index + 1);
  const auto box = pipeline::ForeignBox::make(target_size, described.target(), source, described.source(),
                                              described.counts(), described.form());
  check(info.Env(), box.status());
  return box.value();
}

Napi::Value file_construct(const Napi::CallbackInfo& info) {
  const std::string path = text(info, 0, "path");
  const uint64_t mode = whole_number(info, 1, "mode");
  if (mode > static_cast<uint64_t>(os::OpenMode::kOverwrite)) {
    throw_error(info.Env(), Code::kInvalidArgument, "mode must be 0 to 3");
  }
  if (!info.IsConstructCall()) throw_error(info.Env(), Code::kInvalidArgument, "File needs `new`");
  const bool direct = info[2].IsBoolean() && info[2].As<Napi::Boolean>().Value();
  auto sink = FileSink::open(path.c_str(), static_cast<os::OpenMode>(mode), direct);
  check(info.Env(), sink.status(), {.path = path.c_str()});
  wrap(info, sink.take());
  return info.This();
}

Napi::Value file_write(const Napi::CallbackInfo& info) {
  auto& file = self<FileSink>(info);
  const uint64_t address = whole_number(info, 1, "address");
  const Bytes data = bytes(info, 2, "data");
  return start_operation(info, file, pipeline::Write{lease(info.Env(), file), address, data}, unless_false(info[3]));
}

Napi::Value file_write_sync(const Napi::CallbackInfo& info) {
  auto& file = self<FileSink>(info);
  const uint64_t address = whole_number(info, 0, "address");
  const Bytes data = bytes(info, 1, "data");
  const auto held = lease(info.Env(), file);
  const auto slept = held.write_now(address, data);
  check(info.Env(), slept.status(), {.path = file.path(), .address = address});
  return Napi::Boolean::New(info.Env(), slept.value());
}

Napi::Value file_gather(const Napi::CallbackInfo& info) {
  auto& file = self<FileSink>(info);
  const uint64_t address = whole_number(info, 1, "address");
  const auto box = foreign_box(info, 3, whole_number(info, 2, "size", Code::kInvalidSize));
  return start_operation(info, file, pipeline::GatherWrite{lease(info.Env(), file), address, box});
}

Napi::Value file_read(const Napi::CallbackInfo& info) {
  auto& file = self<FileSink>(info);
  const uint64_t address = whole_number(info, 1, "address");
  const Bytes into = bytes(info, 2, "into");
  return start_operation(info, file, pipeline::Read{lease(info.Env(), file), address, into});
}

Napi::Value file_read_sync(const Napi::CallbackInfo& info) {
  auto& file = self<FileSink>(info);
  const uint64_t address = whole_number(info, 0, "address");
  const Bytes into = bytes(info, 1, "into");
  const auto held = lease(info.Env(), file);
  check(info.Env(), pipeline::read_exactly(held.file(), address, into), {.path = file.path(), .address = address});
  return info.Env().Undefined();
}

Napi::Value file_read_cached(const Napi::CallbackInfo& info) {
  auto& file = self<FileSink>(info);
  const uint64_t address = whole_number(info, 0, "address");
  const Bytes into = memory(info, 1, "into");
  const auto held = lease(info.Env(), file);
  const auto read = held.file().read_cached(address, into);
  check(info.Env(), read.status(), {.path = file.path(), .address = address});
  return Napi::Number::New(info.Env(), static_cast<double>(read.value()));
}

Napi::Value file_reserve(const Napi::CallbackInfo& info) {
  auto& file = self<FileSink>(info);
  const uint64_t address = whole_number(info, 1, "address");
  const uint64_t size = whole_number(info, 2, "size", Code::kInvalidSize);
  return start_operation(info, file, pipeline::Reserve{lease(info.Env(), file), address, size});
}

Napi::Value file_size(const Napi::CallbackInfo& info) {
  auto& file = self<FileSink>(info);
  const auto size = lease(info.Env(), file).file().size();
  check(info.Env(), size.status(), {.path = file.path()});
  return Napi::Number::New(info.Env(), static_cast<double>(size.value()));
}

Napi::Value file_truncate(const Napi::CallbackInfo& info) {
  auto& file = self<FileSink>(info);
  const uint64_t size = whole_number(info, 1, "size", Code::kInvalidSize);
  return start_operation(info, file, pipeline::Truncate{lease(info.Env(), file), size});
}

Napi::Value file_sync(const Napi::CallbackInfo& info) {
  auto& file = self<FileSink>(info);
  return start_operation(info, file, pipeline::Sync{lease(info.Env(), file)});
}

Napi::Value file_close(const Napi::CallbackInfo& info) {
  auto& file = self<FileSink>(info);
  Environment& environment = Environment::of(info.Env());
  pipeline::Executor& executor = environment.executor();
  const uint64_t most = info[1].IsUndefined() ? base::kMaxAddress : whole_number(info, 1, "most", Code::kInvalidSize);
  auto job = std::make_unique<FileJob<pipeline::Close>>(info, Ref(&file), pipeline::Close{Ref(&file), most});
  environment.begin();
  // Once it has begun the executor has it, or the file until its last task is done.
  if (file.begin_close(executor, *job)) {
    (void)job.release();
  } else {
    environment.complete(*job.release());
  }
  return info.Env().Undefined();
}

Napi::Value codec_construct(const Napi::CallbackInfo& info) {
  auto chain = FilterChain::make(words(info, 0, "filters"));
  check(info.Env(), chain.status());
  wrap(info, chain.take());
  return info.This();
}

Napi::Value codec_store(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto& filters = self<FilterChain>(info);
  auto& file = unwrap<FileSink>(env, info[1], "file");
  auto& space = unwrap<FileSpace>(env, info[2], "space");
  const Bytes chunk = bytes(info, 3, "chunk");
  pipeline::StoreChunk operation{
      .file = lease(env, file), .space = Ref(&space), .filters = Ref(&filters), .chunk = chunk};
  return start(info, std::make_unique<StoreJob<pipeline::StoreChunk>>(info, Ref(&file), std::move(operation)),
               unless_false(info[4]));
}

Napi::Value codec_gather(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto& filters = self<FilterChain>(info);
  auto& file = unwrap<FileSink>(env, info[1], "file");
  auto& space = unwrap<FileSpace>(env, info[2], "space");
  const bool has_address = !info[3].IsUndefined();
  const uint64_t address = has_address ? whole_number(info, 3, "address") : 0;
  const uint64_t size = whole_number(info, 4, "chunkBytes", Code::kInvalidSize);
  const Bytes fill = bytes(info, 5, "fill");
  pipeline::GatherChunk operation{
      .store = {.file = lease(env, file), .space = Ref(&space), .filters = Ref(&filters), .address = address},
      .box = foreign_box(info, 6, size),
      .chunk_size = size,
      .fill = fill,
      .has_address = has_address};
  return start(info, std::make_unique<StoreJob<pipeline::GatherChunk>>(info, Ref(&file), std::move(operation)));
}

Napi::Value gather_box(const Napi::CallbackInfo& info) {
  const Bytes target = bytes(info, 1, "target");
  // Elements that are only looked at go nowhere, however many they are.
  const uint64_t size = target.empty() ? UINT64_MAX : target.size();
  const pipeline::GatherElements operation{.box = foreign_box(info, 2, size),
                                           .target = target.empty() ? nullptr : target.data()};
  return start(info, std::make_unique<GatherJob>(info, operation));
}

Napi::Value codec_load(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto& filters = self<FilterChain>(info);
  auto& file = unwrap<FileSink>(env, info[1], "file");
  const uint64_t address = whole_number(info, 2, "address");
  const uint64_t size = whole_number(info, 3, "size", Code::kInvalidSize);
  const uint64_t filter_mask = whole_number(info, 4, "filterMask");
  if (filter_mask > UINT32_MAX) throw_error(env, Code::kInvalidArgument, "filterMask must have 32 bits");
  const Bytes into = bytes(info, 5, "into");
  pipeline::LoadChunk operation{.file = lease(env, file),
                                .filters = Ref(&filters),
                                .address = address,
                                .stored_size = size,
                                .filter_mask = static_cast<uint32_t>(filter_mask),
                                .into = into};
  return start_operation(info, file, std::move(operation));
}

Napi::Value convert_box(const Napi::CallbackInfo& info) {
  const Bytes target = bytes(info, 0, "target");
  const Bytes source = bytes(info, 1, "source");
  const DescribedBox box(info, 2);
  const Status status = pipeline::convert_box(target, box.target(), source, box.source(), box.counts(), box.form());
  if (status.code() == Code::kTypeMismatch) return Napi::Boolean::New(info.Env(), false);
  check(info.Env(), status);
  return Napi::Boolean::New(info.Env(), true);
}

Napi::Value can_gather(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), os::copies_foreign()); }

Napi::Value pack_texts(const Napi::CallbackInfo& info) {
  const Bytes texts = bytes(info, 0, "texts");
  const Bytes collection = bytes(info, 1, "collection");
  const uint64_t used = whole_number(info, 2, "used", Code::kInvalidSize);
  const uint64_t objects = whole_number(info, 3, "objects", Code::kInvalidSize);
  const uint64_t address = whole_number(info, 4, "address");
  const Bytes references = bytes(info, 5, "references");
  const auto packed = pipeline::pack_texts(texts, collection, used, objects, address, references);
  check(info.Env(), packed.status());
  const double values[] = {static_cast<double>(packed.value().bytes), static_cast<double>(packed.value().count),
                           static_cast<double>(packed.value().used)};
  return float64_array(info.Env(), values);
}

Napi::Value place_texts(const Napi::CallbackInfo& info) {
  const Bytes texts = bytes(info, 0, "texts");
  const std::span<const uint32_t> lengths = words(info, 1, "lengths");
  const Bytes target = bytes(info, 2, "target");
  const uint64_t size = whole_number(info, 3, "size", Code::kInvalidSize);
  const uint64_t room = whole_number(info, 4, "room", Code::kInvalidSize);
  const auto filler = static_cast<uint8_t>(whole_number(info, 5, "filler"));
  const Status status = pipeline::place_texts(texts, lengths, target, size, room, filler);
  if (status.code() == Code::kTypeMismatch) return Napi::Boolean::New(info.Env(), false);
  check(info.Env(), status);
  return Napi::Boolean::New(info.Env(), true);
}

Napi::Value gather_texts(const Napi::CallbackInfo& info) {
  const Bytes references = bytes(info, 0, "references");
  const Bytes range = bytes(info, 1, "range");
  const uint64_t address = whole_number(info, 2, "address");
  const Bytes into = bytes(info, 3, "into");
  const auto gathered = pipeline::gather_texts(references, range, address, into);
  check(info.Env(), gathered.status());
  const double values[] = {static_cast<double>(gathered.value().count), static_cast<double>(gathered.value().bytes),
                           gathered.value().ascii ? 1.0 : 0.0, gathered.value().has_zero ? 1.0 : 0.0};
  return float64_array(info.Env(), values);
}

Napi::Value on_jobs_done(const Napi::CallbackInfo& info) {
  if (!info[0].IsFunction()) throw_error(info.Env(), Code::kInvalidArgument, "listener must be a function");
  Environment::of(info.Env()).on_jobs_done(info[0].As<Napi::Function>());
  return info.Env().Undefined();
}

Napi::Value settle_jobs(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), Environment::of(info.Env()).settle_jobs());
}

Napi::Value worker_count(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), Environment::of(info.Env()).executor().worker_count());
}

Napi::Value filter_libraries(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const uint64_t id = whole_number(info, 0, "id");
  const auto names =
      id > UINT32_MAX ? std::span<const char* const>() : pipeline::libraries_of(static_cast<pipeline::FilterId>(id));
  const auto array = Napi::Array::New(env, names.size());
  for (size_t i = 0; i < names.size(); ++i) array.Set(static_cast<uint32_t>(i), names[i]);
  return array;
}

}  // namespace

void export_pipeline(Napi::Env env, Napi::Object exports) {
  define_class<file_construct>(
      env, exports, "File",
      {entry<file_write>("write"), entry<file_write_sync>("writeSync"), entry<file_gather>("gather"),
       entry<file_read>("read"), entry<file_read_sync>("readSync"), entry<file_read_cached>("readCached"),
       entry<file_reserve>("reserve"), entry<file_size>("size"), entry<file_truncate>("truncate"),
       entry<file_sync>("sync"), entry<file_close>("close")});
  define_class<codec_construct>(
      env, exports, "ChunkCodec",
      {entry<codec_store>("store"), entry<codec_gather>("gather"), entry<codec_load>("load")});
  const napi_property_descriptor functions[] = {
      entry<convert_box>("convertBox"),   entry<gather_box>("gatherBox"),
      entry<can_gather>("canGather"),     entry<pack_texts>("packTexts"),
      entry<place_texts>("placeTexts"),   entry<gather_texts>("gatherTexts"),
      entry<worker_count>("workerCount"), entry<filter_libraries>("filterLibraries"),
      entry<on_jobs_done>("onJobsDone"),  entry<settle_jobs>("settleJobs")};
  if (napi_define_properties(env, exports, std::size(functions), functions) != napi_ok) throw Napi::Error::New(env);
}

}  // namespace freestone::bind
