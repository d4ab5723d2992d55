// Virtual memory, CPUs, threads and NUMA of Windows.
#include <windows.h>
// After windows.h, which it needs.
#include <process.h>

#include <bit>
#include <cstdlib>

#include "os/os.h"
#include "os/pages.h"

namespace freestone::os {

using base::Array;
using base::Code;
using base::Result;
using base::Status;

namespace {

/// Running out of memory is the one failure that callers act on.
Status memory_failure(const char* call) noexcept {
  const DWORD error = GetLastError();
  if (error == ERROR_NOT_ENOUGH_MEMORY || error == ERROR_OUTOFMEMORY || error == ERROR_COMMITMENT_LIMIT) {
    return Status(Code::kOutOfMemory, call);
  }
  return Status::system(static_cast<int32_t>(error), call);
}

SYSTEM_INFO system_info() noexcept {
  SYSTEM_INFO info;
  GetSystemInfo(&info);
  return info;
}

}  // namespace

size_t page_size() noexcept {
  static const size_t size = system_info().dwPageSize;
  return size;
}

Result<Array<size_t>> huge_page_sizes(const char*) noexcept {
  Array<size_t> sizes;
  const size_t size = GetLargePageMinimum();
  if (size != 0 && !sizes.push(size)) return Status(Code::kOutOfMemory, "huge page sizes");
  return sizes;
}

Result<uint8_t*> reserve(size_t size, size_t alignment) noexcept {
  if (size == 0 || size % page_size() != 0) return Status(Code::kInvalidSize, "not a number of whole pages");
  if (!base::is_power_of_two(alignment)) return Status(Code::kInvalidAlignment, "not a power of two");
  if (alignment <= system_info().dwAllocationGranularity) {
    void* const reserved = VirtualAlloc(nullptr, size, MEM_RESERVE, PAGE_NOACCESS);
    return reserved == nullptr ? Result<uint8_t*>(memory_failure("VirtualAlloc")) : static_cast<uint8_t*>(reserved);
  }
  // A reservation can only be given back whole, so find room for an aligned one, let go and take the aligned part.
  // Another thread may take it in between; then try again.
  if (size > SIZE_MAX - alignment) return Status(Code::kOutOfMemory, "VirtualAlloc");
  for (int attempt = 0; attempt < 16; ++attempt) {
    void* const room = VirtualAlloc(nullptr, size + alignment, MEM_RESERVE, PAGE_NOACCESS);
    if (room == nullptr) return memory_failure("VirtualAlloc");
    VirtualFree(room, 0, MEM_RELEASE);
    const uintptr_t aligned = (reinterpret_cast<uintptr_t>(room) + alignment - 1) & ~(uintptr_t{alignment} - 1);
    void* const reserved = VirtualAlloc(reinterpret_cast<void*>(aligned), size, MEM_RESERVE, PAGE_NOACCESS);
    if (reserved != nullptr) return static_cast<uint8_t*>(reserved);
  }
  return memory_failure("VirtualAlloc");
}

Status commit(uint8_t* address, size_t size) noexcept {
  if (const Status status = check_pages(address, size); !status.ok()) return status;
  return VirtualAlloc(address, size, MEM_COMMIT, PAGE_READWRITE) != nullptr ? Status() : memory_failure("VirtualAlloc");
}

Status decommit(uint8_t* address, size_t size) noexcept {
  if (const Status status = check_pages(address, size); !status.ok()) return status;
  return VirtualFree(address, size, MEM_DECOMMIT) ? Status() : memory_failure("VirtualFree");
}

Status release(uint8_t* address, size_t size) noexcept {
  if (const Status status = check_pages(address, size); !status.ok()) return status;
  return VirtualFree(address, 0, MEM_RELEASE) ? Status() : memory_failure("VirtualFree");
}

Status resize(uint8_t* address, size_t size, size_t to) noexcept {
  if (const Status status = check_pages(address, size); !status.ok()) return status;
  if (const Status status = check_pages(address, to); !status.ok()) return status;
  // A reservation is released as a whole.
  return to == size ? Status() : Status(Code::kUnsupported, "resizing a reservation");
}

Status protect(uint8_t* address, size_t size, Access access) noexcept {
  if (const Status status = check_pages(address, size); !status.ok()) return status;
  const DWORD protection = access == Access::kNone   ? PAGE_NOACCESS
                           : access == Access::kRead ? PAGE_READONLY
                                                     : PAGE_READWRITE;
  DWORD before = 0;
  return VirtualProtect(address, size, protection, &before) ? Status() : memory_failure("VirtualProtect");
}

Status copy_foreign(uint8_t*, const uint8_t*, size_t) noexcept {
  return Status(Code::kUnsupported, "copying by the system");
}

Status copy_foreign(uint8_t*, std::span<const base::ConstBytes>) noexcept {
  return Status(Code::kUnsupported, "copying by the system");
}

bool copies_foreign() noexcept { return false; }

std::optional<uint64_t> thread_sleeps() noexcept { return {}; }

uint32_t current_cpu() noexcept {
  PROCESSOR_NUMBER number;
  GetCurrentProcessorNumberEx(&number);
  return uint32_t{number.Group} * 64 + number.Number;
}

const ptrdiff_t cpu_number_offset = 0;

uint32_t cpu_limit() noexcept {
  const DWORD most = GetMaximumProcessorCount(ALL_PROCESSOR_GROUPS);
  return most > 0 ? most : 1;
}

uint32_t cpu_count() noexcept {
  DWORD_PTR process = 0;
  DWORD_PTR system = 0;
  // Both masks are 0 when the process runs in more than one group of processors.
  if (GetProcessAffinityMask(GetCurrentProcess(), &process, &system) && process != 0) {
    return static_cast<uint32_t>(std::popcount(uint64_t{process}));
  }
  const DWORD active = GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
  return active > 0 ? active : 1;
}

Result<Topology> Topology::read(const char*) noexcept {
  const Status out_of_memory(Code::kOutOfMemory, "NUMA topology");
  Topology topology;
  ULONG highest = 0;
  if (!GetNumaHighestNodeNumber(&highest)) {
    return Status::system(static_cast<int32_t>(GetLastError()), "GetNumaHighestNodeNumber");
  }
  for (ULONG id = 0; id <= highest; ++id) {
    GROUP_AFFINITY affinity{};
    // Numbers may have gaps; a node that is not there has no mask.
    if (!GetNumaNodeProcessorMaskEx(static_cast<USHORT>(id), &affinity) || affinity.Mask == 0) continue;
    const auto first = static_cast<uint32_t>(topology.cpus_.size());
    for (uint32_t bit = 0; bit < 64; ++bit) {
      if ((uint64_t{affinity.Mask} >> bit & 1) == 0) continue;
      if (!topology.cpus_.push(uint32_t{affinity.Group} * 64 + bit)) return out_of_memory;
    }
    const auto count = static_cast<uint32_t>(topology.cpus_.size()) - first;
    if (!topology.nodes_.push({.id = id, .first_cpu = first, .cpu_count = count})) return out_of_memory;
  }
  if (topology.nodes_.empty()) {
    for (uint32_t cpu = 0; cpu < cpu_count(); ++cpu) {
      if (!topology.cpus_.push(cpu)) return out_of_memory;
    }
    if (!topology.nodes_.push({.id = 0, .first_cpu = 0, .cpu_count = cpu_count()})) return out_of_memory;
  }
  // Windows does not say how far nodes are apart: here or elsewhere.
  for (size_t from = 0; from < topology.nodes_.size(); ++from) {
    for (size_t to = 0; to < topology.nodes_.size(); ++to) {
      if (!topology.distances_.push(from == to ? 10 : 20)) return out_of_memory;
    }
  }
  return topology;
}

Status bind_memory(uint8_t* address, size_t size, std::span<const uint32_t> node_ids, Binding) noexcept {
  if (const Status status = check_pages(address, size); !status.ok()) return status;
  if (node_ids.empty()) return Status(Code::kInvalidArgument, "no nodes to bind to");
  // The node is an argument of the reservation there, and no more than a wish.
  return Status(Code::kUnsupported, "Windows binds no memory that is reserved already");
}

namespace {

/// What a new thread needs to begin; it frees this itself.
struct Start {
  Thread::Entry entry;
  void* argument;
};

unsigned __stdcall run_thread(void* argument) noexcept {
  const Start start = *static_cast<Start*>(argument);
  std::free(argument);
  start.entry(start.argument);
  return 0;
}

}  // namespace

Thread::Thread(Thread&& other) noexcept
    : handle_(std::exchange(other.handle_, 0)), joinable_(std::exchange(other.joinable_, false)) {}

Thread& Thread::operator=(Thread&& other) noexcept {
  std::swap(handle_, other.handle_);
  std::swap(joinable_, other.joinable_);
  return *this;
}

Thread::~Thread() {
  if (joinable_) (void)join();
}

Result<Thread> Thread::start(Entry entry, void* argument, const char*) noexcept {
  auto* start = static_cast<Start*>(std::malloc(sizeof(Start)));
  if (start == nullptr) return Status(Code::kOutOfMemory, "starting a thread");
  *start = {entry, argument};
  // Not CreateThread: this one also sets up the C library for the thread.
  const uintptr_t handle = _beginthreadex(nullptr, 0, run_thread, start, 0, nullptr);
  if (handle == 0) {
    const DWORD error = GetLastError();
    std::free(start);
    return Status::system(static_cast<int32_t>(error), "_beginthreadex");
  }
  Thread thread;
  thread.handle_ = handle;
  thread.joinable_ = true;
  return thread;
}

Status Thread::join() noexcept {
  if (!joinable_) return Status(Code::kInvalidArgument, "the thread was joined before");
  joinable_ = false;
  auto* const handle = reinterpret_cast<HANDLE>(handle_);
  Status status;
  if (WaitForSingleObject(handle, INFINITE) != WAIT_OBJECT_0) {
    status = Status::system(static_cast<int32_t>(GetLastError()), "WaitForSingleObject");
  }
  CloseHandle(handle);
  return status;
}

// What is looked for by name is not distributed for Windows.
void* load_library(const char*) noexcept { return nullptr; }

void* find_symbol(void*, const char*) noexcept { return nullptr; }

}  // namespace freestone::os
