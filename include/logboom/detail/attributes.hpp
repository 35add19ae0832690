// What few records carry beside their fields: a level known at the call only, an exception. docs/protocol.md, "Batch".
// Must not know rings or templates.
#pragma once

#include <logboom/detail/encode.hpp>
#include <logboom/export.hpp>
#include <logboom/level.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

namespace logboom::detail {

struct NoAttributes {
  static constexpr bool kAny = false;
  static constexpr std::size_t size() noexcept { return 0; }
  static constexpr std::size_t text_size() noexcept { return 0; }
  static std::byte* put(std::byte* at, std::size_t) noexcept { return at; }
};

inline std::byte* put_key(std::byte* at, std::string_view key) noexcept { return put(at, key, kNoLimit); }

struct LevelAttribute {
  static constexpr bool kAny = true;
  Level level;
  std::string_view name = level_name(level);

  std::size_t size() const noexcept { return 40 + name.size(); }
  static constexpr std::size_t text_size() noexcept { return 0; }
  std::byte* put(std::byte* at, std::size_t) const noexcept {
    at = put_map_header(at, name.empty() ? 1 : 2);
    at = detail::put(put_key(at, "level"), std::int64_t{level}, kNoLimit);
    return name.empty() ? at : detail::put(put_key(at, "level_name"), name, kNoLimit);
  }
};

struct ExceptionAttributes {
  static constexpr bool kAny = true;
  std::string_view type, text;

  std::size_t size() const noexcept { return 40 + type.size() + text.size(); }
  std::size_t text_size() const noexcept { return text.size(); }
  std::byte* put(std::byte* at, std::size_t limit) const noexcept {
    at = put_map_header(at, 2);
    at = detail::put(put_key(at, "exception_type"), type, kNoLimit);
    return detail::put(put_key(at, "exception"), text, limit);
  }
};

/// An exception as it is shown: what() and, a line each, the exceptions nested in it (16 at most).
struct ExceptionText {
  static constexpr std::size_t kMaxType = 1024;
  std::string type, text;
};
LOGBOOM_API ExceptionText describe(std::exception const& exception) noexcept;
LOGBOOM_API ExceptionText describe(std::exception_ptr const& exception) noexcept;

}  // namespace logboom::detail
