// The fields of a thread's contexts: include/logboom/context.hpp.
#include <logboom/context.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <new>

namespace logboom {
namespace {

using detail::ContextBuffer;

constexpr std::string_view kLeftOut = "…";
constexpr std::size_t kLeftOutSize = 1 + kLeftOut.size() + 5;  // with a uint32
constexpr std::size_t kUsable = ContextBuffer::kBytes - kLeftOutSize;

struct Buffer {
  ContextBuffer shown;  // what log calls copy: the fields, and at the end how many were left out
  std::uint16_t size = 0, count = 0;  // of the fields alone
  std::uint32_t left_out = 0;
  std::array<std::uint16_t, ContextBuffer::kFields + 1> offsets{};
};

struct Holder {
  Buffer* buffer = nullptr;
  ~Holder();
};
constinit thread_local bool t_gone = false;
thread_local Holder t_holder;

Holder::~Holder() {
  detail::thread_state.context = nullptr;
  delete buffer;
  buffer = nullptr;
  t_gone = true;
}

Buffer* mine() noexcept {
  if (t_gone) return nullptr;
  if (t_holder.buffer == nullptr) t_holder.buffer = new (std::nothrow) Buffer;
  return t_holder.buffer;
}

void show(Buffer& buffer) noexcept {
  std::byte* const end = buffer.shown.bytes + buffer.size;
  std::byte* at = end;
  if (buffer.left_out > 0) {
    at = detail::put(at, kLeftOut, detail::kNoLimit);
    at = detail::put32(detail::put8(at, 0xce), buffer.left_out);
  }
  buffer.shown.size = static_cast<std::uint16_t>(at - buffer.shown.bytes);
  buffer.shown.count = static_cast<std::uint16_t>(buffer.count + (buffer.left_out > 0 ? 1 : 0));
  detail::thread_state.context = buffer.shown.count > 0 ? &buffer.shown : nullptr;
}

std::string_view name_at(Buffer const& buffer, std::size_t offset) noexcept {
  std::byte const* const at = buffer.shown.bytes + offset;
  bool const is_short = (*at & std::byte{0xe0}) == std::byte{0xa0};
  std::size_t const size =
      is_short ? std::to_integer<std::size_t>(*at & std::byte{0x1f}) : std::to_integer<std::size_t>(at[1]);
  return {reinterpret_cast<char const*>(at) + (is_short ? 1 : 2), size};
}

void erase(Buffer& buffer, std::size_t index) noexcept {
  std::uint16_t const begin = buffer.offsets[index];
  std::uint16_t const end = index + 1 < buffer.count ? buffer.offsets[index + 1] : buffer.size;
  std::memmove(buffer.shown.bytes + begin, buffer.shown.bytes + end,
               static_cast<std::size_t>(buffer.size - end));
  auto const gap = static_cast<std::uint16_t>(end - begin);
  for (std::size_t i = index; i + 1 < buffer.count; ++i)
    buffer.offsets[i] = static_cast<std::uint16_t>(buffer.offsets[i + 1] - gap);
  buffer.size = static_cast<std::uint16_t>(buffer.size - gap);
  --buffer.count;
}

}  // namespace

struct Context::Outer {
  Buffer buffer;
};

Context::Context(Begin) noexcept {
  Buffer* const buffer = mine();
  if (buffer == nullptr) return;
  size_ = buffer->size;
  count_ = buffer->count;
  left_out_ = buffer->left_out;
}

Context::~Context() {
  std::unique_ptr<Outer> const outer(outer_);
  Buffer* const buffer = mine();
  if (buffer == nullptr) return;
  if (outer != nullptr) *buffer = outer->buffer;
  buffer->size = size_;
  buffer->count = count_;
  buffer->left_out = left_out_;
  show(*buffer);
}

std::byte* Context::begin_field(std::string_view name, std::size_t bound) noexcept {
  Buffer* const buffer = mine();
  if (buffer == nullptr) return nullptr;
  for (std::size_t i = 0; i < buffer->count; ++i) {
    if (name_at(*buffer, buffer->offsets[i]) != name) continue;
    if (outer_ == nullptr) {
      outer_ = new (std::nothrow) Outer{*buffer};
      if (outer_ == nullptr) break;
    }
    erase(*buffer, i);
    break;
  }
  if (buffer->count == ContextBuffer::kFields - 1 || buffer->size + bound > kUsable) {
    ++buffer->left_out;
    return nullptr;
  }
  buffer->offsets[buffer->count] = buffer->size;
  return buffer->shown.bytes + buffer->size;
}

void Context::end_field(std::byte* end) noexcept {
  Buffer& buffer = *mine();
  buffer.size = static_cast<std::uint16_t>(end - buffer.shown.bytes);
  ++buffer.count;
}

void Context::end() noexcept {
  if (Buffer* const buffer = mine()) show(*buffer);
}

}  // namespace logboom
