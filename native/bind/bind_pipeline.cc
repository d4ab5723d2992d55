// File, ChunkCodec, copyBox, packTexts, workerCount and filterLibraries of lib/native.ts.
#include <memory>

#include "bind/arguments.h"
#include "bind/class.h"
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

/// A job that runs one of the pipeline's operations.
template <typename Operation>
class FileJob : public Job {
 public:
  FileJob(Napi::Env env, Ref<FileSink> sink, Operation operation)
      : Job(env), operation_(std::move(operation)), sink_(std::move(sink)) {}

 protected:
  Status work(Worker& worker) noexcept override { return operation_.run(worker); }
  // Here and not with the job: a close that waits for the lease must not wait for the JavaScript thread, which may be
  // waiting for that close to end its environment.
  void let_go() noexcept override { operation_.file = {}; }
  Facts facts() const override { return {.path = sink_->path()}; }

  Operation operation_;

 private:
  const Ref<FileSink> sink_;
};

/// StoreChunk resolves to what it found out.
class StoreJob final : public FileJob<pipeline::StoreChunk> {
 public:
  using FileJob::FileJob;

 protected:
  Napi::Value result(Napi::Env env) override {
    const double values[] = {static_cast<double>(operation_.address), static_cast<double>(operation_.stored_size),
                             static_cast<double>(operation_.filter_mask)};
    return float64_array(env, values);
  }
};

/// The right to use `file`; throws when it is closed.
FileSink::Lease lease(Napi::Env env, FileSink& file) {
  auto lease = file.lease();
  check(env, lease.status(), {.path = file.path()});
  return lease.take();
}

/// What the promise-returning functions share: one that throws would be two ways to fail, so it rejects instead.
template <Function kFunction>
Napi::Value rejecting(const Napi::CallbackInfo& info) {
  try {
    return kFunction(info);
  } catch (const Napi::Error& error) {
    // When that fails as well, the next to catch is `method`.
    const auto deferred = Napi::Promise::Deferred::New(info.Env());
    deferred.Reject(error.Value());
    return deferred.Promise();
  }
}

/// Sends a job on its way. @param kept the typed array that it touches, or undefined
Napi::Value start(const Napi::CallbackInfo& info, std::unique_ptr<Job> job, const Napi::Value& kept) {
  Environment& environment = Environment::of(info.Env());
  pipeline::Executor& executor = environment.executor();
  if (!kept.IsUndefined()) job->keep(kept);
  const Napi::Value promise = job->promise();
  environment.begin();
  executor.submit(*job.release());
  return promise;
}

template <typename Operation>
Napi::Value start_operation(const Napi::CallbackInfo& info, FileSink& file, Operation operation,
                            const Napi::Value& kept) {
  return start(info, std::make_unique<FileJob<Operation>>(info.Env(), Ref(&file), std::move(operation)), kept);
}

Napi::Value file_construct(const Napi::CallbackInfo& info) {
  const std::string path = text(info, 0, "path");
  const uint64_t mode = whole_number(info, 1, "mode");
  if (mode > static_cast<uint64_t>(os::OpenMode::kOverwrite)) {
    throw_error(info.Env(), Code::kInvalidArgument, "mode must be 0 to 3");
  }
  if (!info.IsConstructCall()) throw_error(info.Env(), Code::kInvalidArgument, "File needs `new`");
  auto sink = FileSink::open(path.c_str(), static_cast<os::OpenMode>(mode));
  check(info.Env(), sink.status(), {.path = path.c_str()});
  wrap(info, sink.take());
  return info.This();
}

Napi::Value file_write(const Napi::CallbackInfo& info) {
  auto& file = self<FileSink>(info);
  const uint64_t address = whole_number(info, 0, "address");
  const Bytes data = bytes(info, 1, "data");
  return start_operation(info, file, pipeline::Write{lease(info.Env(), file), address, data}, info[1]);
}

Napi::Value file_read(const Napi::CallbackInfo& info) {
  auto& file = self<FileSink>(info);
  const uint64_t address = whole_number(info, 0, "address");
  const Bytes into = bytes(info, 1, "into");
  return start_operation(info, file, pipeline::Read{lease(info.Env(), file), address, into}, info[1]);
}

Napi::Value file_read_sync(const Napi::CallbackInfo& info) {
  auto& file = self<FileSink>(info);
  const uint64_t address = whole_number(info, 0, "address");
  const Bytes into = bytes(info, 1, "into");
  const auto held = lease(info.Env(), file);
  check(info.Env(), pipeline::read_exactly(held.file(), address, into), {.path = file.path(), .address = address});
  return info.Env().Undefined();
}

Napi::Value file_size(const Napi::CallbackInfo& info) {
  auto& file = self<FileSink>(info);
  const auto size = lease(info.Env(), file).file().size();
  check(info.Env(), size.status(), {.path = file.path()});
  return Napi::Number::New(info.Env(), static_cast<double>(size.value()));
}

Napi::Value file_truncate(const Napi::CallbackInfo& info) {
  auto& file = self<FileSink>(info);
  const uint64_t size = whole_number(info, 0, "size", Code::kInvalidSize);
  return start_operation(info, file, pipeline::Truncate{lease(info.Env(), file), size}, info.Env().Undefined());
}

Napi::Value file_sync(const Napi::CallbackInfo& info) {
  auto& file = self<FileSink>(info);
  return start_operation(info, file, pipeline::Sync{lease(info.Env(), file)}, info.Env().Undefined());
}

Napi::Value file_close(const Napi::CallbackInfo& info) {
  auto& file = self<FileSink>(info);
  Environment& environment = Environment::of(info.Env());
  pipeline::Executor& executor = environment.executor();
  auto job = std::make_unique<FileJob<pipeline::Close>>(info.Env(), Ref(&file), pipeline::Close{Ref(&file)});
  const Napi::Value promise = job->promise();
  environment.begin();
  if (file.begin_close(executor, *job)) {
    (void)job.release();  // the executor has it, or the file until its last task is done
    return promise;
  }
  environment.cancel();
  job->deliver(info.Env());
  return promise;
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
  auto& file = unwrap<FileSink>(env, info[0], "file");
  auto& space = unwrap<FileSpace>(env, info[1], "space");
  const Bytes chunk = bytes(info, 2, "chunk");
  pipeline::StoreChunk operation{
      .file = lease(env, file), .space = Ref(&space), .filters = Ref(&filters), .chunk = chunk};
  return start(info, std::make_unique<StoreJob>(env, Ref(&file), std::move(operation)), info[2]);
}

Napi::Value codec_load(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto& filters = self<FilterChain>(info);
  auto& file = unwrap<FileSink>(env, info[0], "file");
  const uint64_t address = whole_number(info, 1, "address");
  const uint64_t size = whole_number(info, 2, "size", Code::kInvalidSize);
  const uint64_t filter_mask = whole_number(info, 3, "filterMask");
  if (filter_mask > UINT32_MAX) throw_error(env, Code::kInvalidArgument, "filterMask must have 32 bits");
  const Bytes into = bytes(info, 4, "into");
  pipeline::LoadChunk operation{.file = lease(env, file),
                                .filters = Ref(&filters),
                                .address = address,
                                .stored_size = size,
                                .filter_mask = static_cast<uint32_t>(filter_mask),
                                .into = into};
  return start_operation(info, file, std::move(operation), info[4]);
}

Napi::Value copy_box(const Napi::CallbackInfo& info) {
  uint64_t target_strides[pipeline::kMostDimensions];
  uint64_t source_strides[pipeline::kMostDimensions];
  uint64_t counts[pipeline::kMostDimensions];
  const Bytes target = bytes(info, 0, "target");
  const pipeline::BoxPlace target_place{.offset = whole_number(info, 1, "targetOffset"),
                                        .strides = whole_numbers(info, 2, "targetStrides", target_strides)};
  const Bytes source = bytes(info, 3, "source");
  const pipeline::BoxPlace source_place{.offset = whole_number(info, 4, "sourceOffset"),
                                        .strides = whole_numbers(info, 5, "sourceStrides", source_strides)};
  const auto box = whole_numbers(info, 6, "counts", counts);
  const uint64_t element_size = whole_number(info, 7, "elementSize", Code::kInvalidSize);
  const uint64_t swap_size = whole_number(info, 8, "swapSize", Code::kInvalidSize);
  check(info.Env(), pipeline::copy_box(target, target_place, source, source_place, box, element_size, swap_size));
  return info.Env().Undefined();
}

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
      {entry<rejecting<file_write>>("write"), entry<rejecting<file_read>>("read"), entry<file_read_sync>("readSync"),
       entry<file_size>("size"), entry<rejecting<file_truncate>>("truncate"), entry<rejecting<file_sync>>("sync"),
       entry<rejecting<file_close>>("close")});
  define_class<codec_construct>(env, exports, "ChunkCodec",
                                {entry<rejecting<codec_store>>("store"), entry<rejecting<codec_load>>("load")});
  const napi_property_descriptor functions[] = {entry<copy_box>("copyBox"), entry<pack_texts>("packTexts"),
                                                entry<worker_count>("workerCount"),
                                                entry<filter_libraries>("filterLibraries")};
  if (napi_define_properties(env, exports, std::size(functions), functions) != napi_ok) throw Napi::Error::New(env);
}

}  // namespace freestone::bind
