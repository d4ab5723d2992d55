#include "bind/frames_handle.h"

#include <atomic>
#include <mutex>
#include <unordered_map>

namespace freestone::bind {

using base::Code;
using base::Ref;
using frames::FrameAllocator;
using frames::PressureEvent;

namespace {

/// The allocators that somebody holds, by number. Never destroyed: an environment may end after static destruction
/// began.
struct Registry {
  struct Entry {
    Ref<FrameAllocator> allocator;
    uint64_t holders = 0;
  };
  std::mutex mutex;
  uint64_t last_number = 0;
  std::unordered_map<uint64_t, Entry> entries;
};

Registry& registry() {
  static auto* const instance = new Registry;
  return *instance;
}

std::atomic<uint64_t> last_holder{0};

}  // namespace

Ref<FramesHandle> FramesHandle::make(Napi::Env env, Ref<FrameAllocator> allocator) {
  uint64_t number = 0;
  {
    Registry& known = registry();
    const std::lock_guard guard(known.mutex);
    number = ++known.last_number;
    known.entries[number] = {.allocator = allocator, .holders = 1};
  }
  return Ref<FramesHandle>(new FramesHandle(env, std::move(allocator), number));
}

Ref<FramesHandle> FramesHandle::attach(Napi::Env env, uint64_t number) {
  Ref<FrameAllocator> allocator;
  {
    Registry& known = registry();
    const std::lock_guard guard(known.mutex);
    const auto found = known.entries.find(number);
    if (found != known.entries.end()) {
      ++found->second.holders;
      allocator = found->second.allocator;
    }
  }
  if (!allocator) throw_error(env, Code::kClosed, "the allocator of this handle is closed in every thread");
  return Ref<FramesHandle>(new FramesHandle(env, std::move(allocator), number));
}

FramesHandle::FramesHandle(Napi::Env env, Ref<FrameAllocator> allocator, uint64_t number)
    : env_(env),
      allocator_(std::move(allocator)),
      number_(number),
      // Relaxed: only the number itself matters.
      holder_(last_holder.fetch_add(1, std::memory_order_relaxed) + 1) {
  napi_add_env_cleanup_hook(env_, clean_up, this);
}

FramesHandle::~FramesHandle() { close(); }

FrameAllocator& FramesHandle::open() {
  if (!allocator_) throw_error(env_, Code::kClosed, "the frame allocator is closed");
  return *allocator_;
}

Napi::Value FramesHandle::window(uint64_t offset, size_t size) {
  // The ArrayBuffer holds the region itself: where an engine lets its memory be moved to another ArrayBuffer, closing
  // cannot reach it, and it must not outlive the mapping.
  auto* const held = new Ref<FrameAllocator>(&open());
  const auto drop = [](napi_env, void*, void* data) { delete static_cast<Ref<FrameAllocator>*>(data); };
  napi_value buffer;
  const napi_status status =
      napi_create_external_arraybuffer(env_, allocator_->base() + offset, size, drop, held, &buffer);
  if (status != napi_ok) {
    delete held;
    if (status == napi_no_external_buffers_allowed) {
      throw_error(env_, Code::kUnsupported, "this engine allows no views of memory that is not its own");
    }
    throw Napi::Error::New(env_);
  }
  const Napi::ArrayBuffer window(env_, buffer);
  windows_.push_back(Napi::Persistent(window));
  return window;
}

void FramesHandle::listen(Napi::Function listener) {
  FrameAllocator& allocator = open();
  stop_listening();
  napi_value name;
  napi_status status = napi_create_string_utf8(env_, "freestone", NAPI_AUTO_LENGTH, &name);
  if (status == napi_ok) {
    status = napi_create_threadsafe_function(env_, listener, nullptr, name, 0, 1, nullptr, nullptr, nullptr, deliver,
                                             &wake_);
  }
  if (status != napi_ok) throw Napi::Error::New(env_);
  napi_unref_threadsafe_function(env_, wake_);
  // Hooks run last first: ours must run before that of the function, which ends it.
  napi_remove_env_cleanup_hook(env_, clean_up, this);
  napi_add_env_cleanup_hook(env_, clean_up, this);
  const auto number = allocator.add_listener(notice, this);
  if (!number.ok()) {
    napi_release_threadsafe_function(std::exchange(wake_, nullptr), napi_tsfn_abort);
    throw_error(env_, number.status());
  }
  listener_ = number.value();
}

void FramesHandle::stop_listening() noexcept {
  if (wake_ == nullptr) return;
  allocator_->remove_listener(listener_);
  napi_release_threadsafe_function(std::exchange(wake_, nullptr), napi_tsfn_abort);
}

void FramesHandle::notice(void* handle, const PressureEvent& event) noexcept {
  auto* const copy = new (std::nothrow) PressureEvent(event);
  if (copy == nullptr) return;
  const auto wake = static_cast<FramesHandle*>(handle)->wake_;
  if (napi_call_threadsafe_function(wake, copy, napi_tsfn_nonblocking) != napi_ok) delete copy;
}

void FramesHandle::deliver(napi_env raw, napi_value listener, void*, void* data) {
  const std::unique_ptr<PressureEvent> event(static_cast<PressureEvent*>(data));
  if (raw == nullptr) return;  // the environment ends
  const Napi::Env env(raw);
  const Napi::HandleScope scope(env);
  try {
    Napi::Function(env, listener)
        .Call({Napi::Number::New(env, event->zone), Napi::Number::New(env, static_cast<double>(event->level)),
               Napi::Number::New(env, static_cast<double>(event->free_frames))});
  } catch (const Napi::Error& error) {
    // As an exception of any other callback.
    napi_fatal_exception(env, error.Value());
  }
}

void FramesHandle::close() noexcept {
  if (!allocator_) return;
  stop_listening();
  napi_remove_env_cleanup_hook(env_, clean_up, this);
  for (auto& window : windows_) {
    const Napi::HandleScope scope(env_);
    napi_detach_arraybuffer(env_, window.Value());
  }
  windows_.clear();
  {
    Registry& known = registry();
    const std::lock_guard guard(known.mutex);
    const auto found = known.entries.find(number_);
    if (--found->second.holders == 0) known.entries.erase(found);
  }
  allocator_ = {};
}

void FramesHandle::clean_up(void* handle) noexcept { static_cast<FramesHandle*>(handle)->close(); }

}  // namespace freestone::bind
