// The elements of foreign arrays, each asked for by its name and kind: what is wrong with a frame is said in these words.
// Must not know what the frame is.
#pragma once

#include "record/clean_text.hpp"
#include "record/token_tape.hpp"
#include "record/wire.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace logboom::wire {

inline constexpr std::uint64_t kMaxNumber =
    static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

[[noreturn]] inline void bad(std::string_view what, std::string_view expected) {
  throw FrameError(fmt::format("{} is not {}", what, expected));
}

/// The elements of an array, one after the other; those after the last one asked for are of a later version.
class Elements {
 public:
  Elements(Token const& array, std::size_t at_least, std::string_view what)
      : at_(&array + 1), left_(array.size), what_(what) {
    if (array.kind != Kind::kArray) bad(what, "an array");
    if (array.size < at_least)
      throw FrameError(fmt::format("{} has {} elements, not {}", what, array.size, at_least));
  }

  Token const& next() noexcept {
    Token const& element = *at_;
    at_ = after(at_);
    --left_;
    return element;
  }
  std::uint64_t next_natural(std::string_view name, std::uint64_t largest = kMaxNumber) {
    Token const& element = next();
    bool const natural = element.kind == Kind::kInt && element.integer >= 0;
    if (!natural || static_cast<std::uint64_t>(element.integer) > largest)
      bad(path(name), fmt::format("an integer from 0 to {}", largest));
    return static_cast<std::uint64_t>(element.integer);
  }
  std::int64_t next_integer(std::string_view name) {
    Token const& element = next();
    if (element.kind != Kind::kInt) bad(path(name), "an integer of 64 bits");
    return element.integer;
  }
  Token const& next_text(std::string_view name) {
    Token const& element = next();
    if (element.kind != Kind::kText && element.kind != Kind::kBytes) bad(path(name), "a text");
    return element;
  }
  std::size_t left() const noexcept { return left_; }

 private:
  std::string path(std::string_view name) const { return fmt::format("{}: {}", what_, name); }

  Token const* at_;
  std::size_t left_;
  std::string_view what_;
};

inline bool read_id(Token const& token, PublisherId& id) noexcept {
  if (token.kind != Kind::kBytes || token.size != id.size()) return false;
  std::memcpy(id.data(), token.data, id.size());
  return true;
}

inline void check_map_or_nil(Token const& token, std::string_view what) {
  if (token.kind != Kind::kMap && !token.is_nil()) bad(what, "a map or nil");
}

/// [id, host, pid, process, started]
inline Publisher read_publisher(Token const& token) {
  Elements elements(token, 5, "publisher");
  Publisher publisher;
  if (!read_id(elements.next(), publisher.id)) bad("publisher: id", "a bin of 16 bytes");
  if (publisher.id == PublisherId{}) bad("publisher: id", "random: it is zero");
  publisher.host = clean(elements.next_text("host").text());
  publisher.pid = elements.next_natural("pid");
  publisher.process = clean(elements.next_text("process").text());
  publisher.started = elements.next_integer("started");
  return publisher;
}

}  // namespace logboom::wire
