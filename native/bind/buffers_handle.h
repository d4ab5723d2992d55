#pragma once
// One environment's membership in shared buffers, and its hold on the SharedArrayBuffers that they lie in.
//   threads: the environment's own, except `attach` of another one's number.    memory: the buffers live until the last
//   environment leaves; what they lie in, while any view of it does.
#include "bind/errors.h"
#include "bind/napi_setup.h"
#include "buffers/buffers.h"

namespace freestone::bind {

class BuffersHandle : public base::Shared<BuffersHandle> {
 public:
  /// Views of SharedArrayBuffers: what blocks are made of, and their words.
  struct Memory {
    Napi::Uint8Array blocks;
    Napi::Uint32Array words;
  };
  [[nodiscard]] static base::Ref<BuffersHandle> make(Napi::Env env, Memory memory, uint64_t limit);
  /// Joins the buffers of that number; throws `kClosed` when nobody is a member any more, and `kInvalidArgument` when
  /// they do not lie in `memory`.
  [[nodiscard]] static base::Ref<BuffersHandle> attach(Napi::Env env, Memory memory, uint64_t number);

  /// The buffers; throws `kClosed` after `close`.
  [[nodiscard]] buffers::SharedBuffers& open();
  [[nodiscard]] uint64_t number() const noexcept { return number_; }
  [[nodiscard]] uint32_t member() const noexcept { return member_; }

  /// Leaves: what this environment held or kept is given back. A second call does nothing.
  buffers::SharedBuffers::Recovered close() noexcept;

 private:
  friend class base::Ref<BuffersHandle>;
  BuffersHandle(Napi::Env env, const Memory& memory, base::Ref<buffers::SharedBuffers> buffers, uint64_t number,
                uint32_t member);
  ~BuffersHandle();

  static void clean_up(void* handle) noexcept;

  const Napi::Env env_;
  Napi::ObjectReference blocks_;
  Napi::ObjectReference words_;
  base::Ref<buffers::SharedBuffers> buffers_;
  const uint64_t number_;
  const uint32_t member_;
};

}  // namespace freestone::bind
