#include "pipeline/direct_writer.h"

#include <algorithm>
#include <cerrno>

namespace freestone::pipeline {

using base::Code;
using base::ConstBytes;
using base::Status;

namespace {

constexpr uint64_t kPage = os::kDirectAlignment;
/// Address space for buffers; memory is taken as they are used. More threads than have room write through the page
/// cache.
constexpr uint64_t kRegion = uint64_t{64} << 20;

[[nodiscard]] bool is_aligned(const uint8_t* memory) noexcept {
  return reinterpret_cast<uintptr_t>(memory) % os::kDirectAlignment == 0;
}

}  // namespace

Status DirectWriter::open(const os::File& file) noexcept {
  auto direct = file.open_direct();
  if (!direct.ok()) return direct.status();
  frames::Config config;
  config.size = kRegion;
  auto buffers = frames::FrameAllocator::make(config);
  if (!buffers.ok()) return buffers.status();
  direct_ = direct.take();
  buffers_ = buffers.take();
  works_.store(true, std::memory_order_relaxed);
  return {};
}

Status DirectWriter::write(const os::File& file, uint64_t address, ConstBytes data) noexcept {
  const uint64_t end = address + data.size();
  const uint64_t first = std::min((address + kPage - 1) / kPage * kPage, end);
  const uint64_t last = std::max(end / kPage * kPage, first);
  const auto part = [&](uint64_t from, uint64_t to) noexcept { return data.subspan(from - address, to - from); };
  if (first > address) {
    if (const Status status = file.write_at(address, part(address, first)); !status.ok()) return status;
  }
  if (last > first) {
    Status status = write_pages(first, part(first, last));
    if (status.code() == Code::kUnsupported) status = file.write_at(first, part(first, last));
    if (!status.ok()) return status;
  }
  return end > last ? file.write_at(last, part(last, end)) : Status();
}

Status DirectWriter::write_pages(uint64_t address, ConstBytes data) noexcept {
  const auto written = [&](uint64_t at, ConstBytes bytes) noexcept {
    const Status status = direct_.write_at(at, bytes);
    if (status.system_error() != EINVAL) return status;
    // This file system, or a device below it, needs what no user can know. The page cache takes anything.
    works_.store(false, std::memory_order_relaxed);
    return Status(Code::kUnsupported, "a direct write");
  };
  if (is_aligned(data.data())) return written(address, data);
  const auto frame_count = static_cast<uint32_t>(kBuffer / buffers_->frame_size());
  const auto buffer = buffers_->allocate(frame_count);
  if (!buffer.ok()) return Status(Code::kUnsupported, "no buffer for a direct write");
  uint8_t* const memory = buffers_->address_of(buffer.value());
  Status status;
  for (size_t done = 0; done < data.size() && status.ok();) {
    const size_t size = std::min(kBuffer, data.size() - done);
    // Not by a plain copy: the data may be JavaScript's, which may give it away at any time.
    status = os::copy_foreign(memory, data.data() + done, size);
    if (status.code() == Code::kUnsupported) works_.store(false, std::memory_order_relaxed);
    if (status.ok()) status = written(address + done, {memory, size});
    done += size;
  }
  (void)buffers_->free(buffer.value(), frame_count);
  return status;
}

Status DirectWriter::close() noexcept {
  if (!direct_.is_open()) return {};
  works_.store(false, std::memory_order_relaxed);
  return direct_.close();
}

}  // namespace freestone::pipeline
