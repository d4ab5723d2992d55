#include "bind/heap_handle.h"

#include <atomic>
#include <memory>
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

napi_value HeapHandle::external(uint64_t offset, size_t size, napi_finalize finalize, void* hint) {
  napi_value buffer;
  uint8_t* const start = open().space().directory().base() + offset;
  const napi_status status = napi_create_external_arraybuffer(env_, start, size, finalize, hint, &buffer);
  if (status == napi_no_external_buffers_allowed) {
    throw_error(env_, Code::kUnsupported, "this engine allows no views of memory that is not its own");
  }
  if (status != napi_ok) throw Napi::Error::New(env_);
  return buffer;
}

Napi::Value HeapHandle::window(uint64_t offset, size_t size) {
  const Napi::ArrayBuffer window(env_, external(offset, size, nullptr, nullptr));
  windows_.push_back(Napi::Persistent(window));
  return window;
}

/// The handle outlives it, because the ArrayBuffer's finalizer looks into the table.
struct HeapHandle::Loan {
  Ref<HeapHandle> handle;
  void* address = nullptr;
  napi_ref buffer = nullptr;
};

Napi::Value HeapHandle::lend(uint64_t offset, size_t size) {
  uint8_t* const address = open().space().directory().base() + offset;
  auto loan = std::make_unique<Loan>(Loan{.handle = Ref<HeapHandle>(this), .address = address});
  const napi_value buffer = external(offset, size, end_loan, loan.get());
  Loan* const lent = loan.release();  // the finalizer's now
  if (napi_create_reference(env_, buffer, 0, &lent->buffer) != napi_ok) throw Napi::Error::New(env_);
  loans_[address] = lent;
  return Napi::Value(env_, buffer);
}

void HeapHandle::end_loan(napi_env env, void*, void* data) noexcept {
  const std::unique_ptr<Loan> loan(static_cast<Loan*>(data));
  if (loan->buffer != nullptr) napi_delete_reference(env, loan->buffer);
  auto& loans = loan->handle->loans_;
  const auto found = loans.find(loan->address);
  // The block may have been lent again since.
  if (found != loans.end() && found->second == loan.get()) loans.erase(found);
}

void HeapHandle::recall(Napi::ArrayBuffer buffer) {
  (void)open();
  const auto found = loans_.find(buffer.Data());
  if (found == loans_.end() || found->second->buffer == nullptr) return;
  napi_value lent = nullptr;
  if (napi_get_reference_value(env_, found->second->buffer, &lent) != napi_ok || lent == nullptr) return;
  if (Napi::Value(env_, lent).StrictEquals(buffer)) {
    loans_.erase(found);
    napi_detach_arraybuffer(env_, lent);
  }
}

void HeapHandle::close() noexcept {
  if (!heap_) return;
  napi_remove_env_cleanup_hook(env_, clean_up, this);
  for (auto& window : windows_) {
    const Napi::HandleScope scope(env_);
    napi_detach_arraybuffer(env_, window.Value());
  }
  windows_.clear();
  // Detaching may run the finalizer, which looks into the table.
  const auto loans = std::move(loans_);
  loans_.clear();
  std::vector<napi_ref> references;
  for (const auto& [address, loan] : loans) references.push_back(loan->buffer);
  for (const napi_ref reference : references) {
    const Napi::HandleScope scope(env_);
    napi_value lent = nullptr;
    if (napi_get_reference_value(env_, reference, &lent) == napi_ok && lent != nullptr) {
      napi_detach_arraybuffer(env_, lent);
    }
  }
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
