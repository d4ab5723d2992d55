#include "bind/heap_handle.h"

#include <atomic>
#include <mutex>
#include <unordered_map>

namespace freestone::bind {

using base::Code;
using base::Ref;
using slab::Heap;

namespace {

/// The heaps that somebody holds, by number. Never destroyed: an environment may end after static destruction began.
struct Registry {
  struct Entry {
    Ref<Heap> heap;
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

Ref<HeapHandle> HeapHandle::make(Napi::Env env, Ref<Heap> heap) {
  uint64_t number = 0;
  {
    Registry& known = registry();
    const std::lock_guard guard(known.mutex);
    number = ++known.last_number;
    known.entries[number] = {.heap = heap, .holders = 1};
  }
  return Ref<HeapHandle>(new HeapHandle(env, std::move(heap), number));
}

Ref<HeapHandle> HeapHandle::attach(Napi::Env env, uint64_t number) {
  Ref<Heap> heap;
  {
    Registry& known = registry();
    const std::lock_guard guard(known.mutex);
    const auto found = known.entries.find(number);
    if (found != known.entries.end()) {
      if (!found->second.heap->thread_safe()) {
        throw_error(env, Code::kInvalidArgument, "the heap of this handle was made for one thread");
      }
      ++found->second.holders;
      heap = found->second.heap;
    }
  }
  if (!heap) throw_error(env, Code::kClosed, "the heap of this handle is destroyed in every thread");
  return Ref<HeapHandle>(new HeapHandle(env, std::move(heap), number));
}

HeapHandle::HeapHandle(Napi::Env env, Ref<Heap> heap, uint64_t number)
    : env_(env),
      heap_(std::move(heap)),
      number_(number),
      // Relaxed: only the number itself matters.
      holder_(last_holder.fetch_add(1, std::memory_order_relaxed) + 1) {
  napi_add_env_cleanup_hook(env_, clean_up, this);
}

HeapHandle::~HeapHandle() { close(); }

Heap& HeapHandle::open() {
  if (!heap_) throw_error(env_, Code::kClosed, "the heap is destroyed");
  return *heap_;
}

Napi::Value HeapHandle::window(uint64_t offset, size_t size) {
  napi_value buffer;
  const napi_status status = napi_create_external_arraybuffer(env_, open().space().directory().base() + offset, size,
                                                              nullptr, nullptr, &buffer);
  if (status == napi_no_external_buffers_allowed) {
    throw_error(env_, Code::kUnsupported, "this engine allows no views of memory that is not its own");
  }
  if (status != napi_ok) throw Napi::Error::New(env_);
  const Napi::ArrayBuffer window(env_, buffer);
  windows_.push_back(Napi::Persistent(window));
  return window;
}

void HeapHandle::close() noexcept {
  if (!heap_) return;
  napi_remove_env_cleanup_hook(env_, clean_up, this);
  for (auto& window : windows_) {
    const Napi::HandleScope scope(env_);
    napi_detach_arraybuffer(env_, window.Value());
  }
  windows_.clear();
  bool last = false;
  {
    Registry& known = registry();
    const std::lock_guard guard(known.mutex);
    const auto found = known.entries.find(number_);
    last = --found->second.holders == 0;
    if (last) known.entries.erase(found);
  }
  if (last) heap_->close();
  heap_ = {};
}

void HeapHandle::clean_up(void* handle) noexcept { static_cast<HeapHandle*>(handle)->close(); }

}  // namespace freestone::bind
