#pragma once
// One environment's hold on a slab heap, and its ArrayBuffers over the region that all heaps of the process share.
//   threads: the environment's own, except `attach` of another one's number.    memory: the heap is closed with its
//   last hold; the region stays for the process, so a stale ArrayBuffer is never a fault.
#include <unordered_map>
#include <vector>

#include "bind/errors.h"
#include "bind/napi_setup.h"
#include "slab/slab.h"

namespace freestone::bind {

class HeapHandle : public base::Shared<HeapHandle> {
 public:
  /// A hold on a new heap, which other environments can attach to by its number.
  [[nodiscard]] static base::Ref<HeapHandle> make(Napi::Env env, base::Ref<slab::Heap> heap);
  /// A hold on the heap of that number; throws `kClosed` when nobody holds it any more.
  [[nodiscard]] static base::Ref<HeapHandle> attach(Napi::Env env, uint64_t number);

  /// The heap; throws `kClosed` after `close`.
  [[nodiscard]] slab::Heap& open();
  [[nodiscard]] uint64_t number() const noexcept { return number_; }
  /// Different for every hold of the process, so that each knows its own sites.
  [[nodiscard]] uint64_t holder() const noexcept { return holder_; }

  /// The ArrayBuffer over `size` bytes of the region from `offset` on, for this heap and thread alone. Made anew at
  /// each call; `close` detaches it.
  [[nodiscard]] Napi::Value window(uint64_t offset, size_t size);

  /// An ArrayBuffer over a block, held by nobody here: it goes when its views are gone, is taken from them by `recall`,
  /// and detached by `close`. The block stays live.
  [[nodiscard]] Napi::Value lend(uint64_t offset, size_t size);
  /// Detaches an ArrayBuffer of `lend`; others are left alone.
  void recall(Napi::ArrayBuffer buffer);

  /// Detaches the ArrayBuffers and lets go of the heap. A second call does nothing.
  void close() noexcept;

 private:
  friend class base::Ref<HeapHandle>;
  HeapHandle(Napi::Env env, base::Ref<slab::Heap> heap, uint64_t number);
  ~HeapHandle();

  struct Loan;
  static void end_loan(napi_env env, void* data, void* loan) noexcept;
  [[nodiscard]] napi_value external(uint64_t offset, size_t size, napi_finalize finalize, void* hint);
  static void clean_up(void* handle) noexcept;

  const Napi::Env env_;
  base::Ref<slab::Heap> heap_;
  const uint64_t number_;
  const uint64_t holder_;
  std::vector<Napi::Reference<Napi::ArrayBuffer>> windows_;
  /// By address: weak references.
  std::unordered_map<void*, Loan*> loans_;
};

}  // namespace freestone::bind
