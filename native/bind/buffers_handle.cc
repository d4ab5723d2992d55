#include "bind/buffers_handle.h"

#include <mutex>
#include <unordered_map>

namespace freestone::bind {

using base::Code;
using base::Ref;
using buffers::SharedBuffers;

namespace {

/// The buffers that somebody is a member of, by number. Never destroyed: an environment may end after static
/// destruction began.
struct Registry {
  struct Entry {
    Ref<SharedBuffers> buffers;
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

void let_go(uint64_t number) {
  Registry& known = registry();
  const std::lock_guard guard(known.mutex);
  const auto found = known.entries.find(number);
  if (--found->second.holders == 0) known.entries.erase(found);
}

}  // namespace

Ref<BuffersHandle> BuffersHandle::make(Napi::Env env, Memory memory, uint64_t limit) {
  static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t) && std::atomic<uint32_t>::is_always_lock_free);
  auto made = SharedBuffers::make(
      {memory.blocks.Data(), memory.blocks.ByteLength()},
      {reinterpret_cast<std::atomic<uint32_t>*>(memory.words.Data()), memory.words.ElementLength()}, limit);
  check(env, made.status());
  Ref<SharedBuffers> buffers = made.take();
  const auto member = buffers->join();
  check(env, member.status());
  uint64_t number = 0;
  {
    Registry& known = registry();
    const std::lock_guard guard(known.mutex);
    number = ++known.last_number;
    known.entries[number] = {.buffers = buffers, .holders = 1};
  }
  return Ref<BuffersHandle>(new BuffersHandle(env, memory, std::move(buffers), number, member.value()));
}

Ref<BuffersHandle> BuffersHandle::attach(Napi::Env env, Memory memory, uint64_t number) {
  Ref<SharedBuffers> buffers;
  {
    Registry& known = registry();
    const std::lock_guard guard(known.mutex);
    const auto found = known.entries.find(number);
    if (found != known.entries.end()) {
      if (found->second.buffers->base() != memory.blocks.Data()) {
        throw_error(env, Code::kInvalidArgument, "these buffers lie in other memory");
      }
      ++found->second.holders;
      buffers = found->second.buffers;
    }
  }
  if (!buffers) throw_error(env, Code::kClosed, "the pool of this handle is closed in every thread");
  const auto member = buffers->join();
  if (!member.ok()) let_go(number);
  check(env, member.status());
  return Ref<BuffersHandle>(new BuffersHandle(env, memory, std::move(buffers), number, member.value()));
}

BuffersHandle::BuffersHandle(Napi::Env env, const Memory& memory, Ref<SharedBuffers> buffers, uint64_t number,
                             uint32_t member)
    : env_(env),
      blocks_(Napi::Persistent(memory.blocks.As<Napi::Object>())),
      words_(Napi::Persistent(memory.words.As<Napi::Object>())),
      buffers_(std::move(buffers)),
      number_(number),
      member_(member) {
  napi_add_env_cleanup_hook(env_, clean_up, this);
}

BuffersHandle::~BuffersHandle() { close(); }

SharedBuffers& BuffersHandle::open() {
  if (!buffers_) throw_error(env_, Code::kClosed, "the pool is closed");
  return *buffers_;
}

SharedBuffers::Recovered BuffersHandle::close() noexcept {
  if (!buffers_) return {};
  napi_remove_env_cleanup_hook(env_, clean_up, this);
  const SharedBuffers::Recovered recovered = buffers_->leave(member_);
  // Before the memory that they lie in may go.
  buffers_ = {};
  let_go(number_);
  blocks_.Reset();
  words_.Reset();
  return recovered;
}

void BuffersHandle::clean_up(void* handle) noexcept { static_cast<BuffersHandle*>(handle)->close(); }

}  // namespace freestone::bind
