// Frames of a byte stream: four bytes of length, big-endian, and as many bytes. However the stream is cut into packets.
// Must not know sockets or what is in a frame.
#pragma once

#include "record/wire.hpp"

#include <logboom/detail/record_layout.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace logboom::inputs {

/// Holds what has come of one frame and not more; nothing between frames.
class FrameStream {
 public:
  static constexpr std::size_t kHeader = 4;

  explicit FrameStream(std::size_t largest_frame) : largest_(largest_frame) {}

  /// Calls with(frame) for each frame that is whole now. @throws wire::FrameError for a frame above the bound; the stream is lost then
  template <typename With>
  void feed(std::span<std::byte const> bytes, With&& with) {
    while (!bytes.empty()) {
      if (held_.empty()) {
        std::size_t const whole = bytes.size() < kHeader ? 0 : kHeader + length(bytes.data());
        if (whole > 0 && whole <= bytes.size()) {
          with(bytes.subspan(kHeader, whole - kHeader));
          bytes = bytes.subspan(whole);
          continue;
        }
      }
      std::size_t const wanted = held_.size() < kHeader ? kHeader : kHeader + length(data());
      std::size_t const taken = std::min(bytes.size(), wanted - held_.size());
      held_.append(reinterpret_cast<char const*>(bytes.data()), taken);
      bytes = bytes.subspan(taken);
      if (held_.size() >= kHeader && held_.size() == kHeader + length(data())) {
        with(std::span(data(), held_.size()).subspan(kHeader));
        std::string().swap(held_);
      }
    }
  }

  /// Of a frame that is not whole.
  std::size_t held() const noexcept { return held_.capacity() > kInPlace ? held_.capacity() : 0; }
  bool amid_frame() const noexcept { return !held_.empty(); }

 private:
  static constexpr std::size_t kInPlace = 15;  // std::string's own

  std::byte const* data() const noexcept { return reinterpret_cast<std::byte const*>(held_.data()); }

  std::size_t length(std::byte const* header) const {
    std::size_t const size = detail::record_layout::load32(header);
    if (size > largest_)
      throw wire::FrameError(fmt::format("a frame of {} bytes, more than {}", size, largest_));
    return size;
  }

  std::size_t const largest_;
  std::string held_;
};

}  // namespace logboom::inputs
