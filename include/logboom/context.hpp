// Fields that every record of this thread has for a while: logboom::Context ctx{logboom::field("request", id)};
// Must not know records or rings.
#pragma once

#include <logboom/detail/call_site.hpp>
#include <logboom/detail/encode.hpp>
#include <logboom/export.hpp>
#include <logboom/field.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace logboom {

/// Adds its fields to every record that this thread makes, with any logger, until it ends; nested ones add up. An inner field hides an outer one of the same name, and a field
/// of the log call both. The values are copied (encoded) at construction.
///
/// Bounds: the contexts of a thread hold 128 fields and 4 KiB, encoded; a text in them has at most 1 KiB. What is beyond is left out, and the field `…` says how many were.
/// To be destroyed on the thread that made it, inner ones first. Never throws; does nothing where the thread's storage is already gone (in destructors at its end).
class LOGBOOM_API Context {
 public:
  template <class... Values>
  explicit Context(Field<Values> const&... fields) noexcept : Context(Begin{}) {
    (add(detail::pass(fields)), ...);
    end();
  }
  ~Context();
  Context(Context const&) = delete;
  Context& operator=(Context const&) = delete;

  static constexpr std::size_t kMaxText = 1024;

 private:
  struct Begin {};
  explicit Context(Begin) noexcept;

  template <class V>
  void add(Field<V> const& field) noexcept {
    constexpr std::size_t kLongest = kMaxText + detail::kCutRoom;
    std::size_t bound = detail::room(field.name) + detail::room(field.value);
    if (std::size_t const text = detail::text_size(field.value); text > kLongest) bound -= text - kLongest;
    std::byte* const at = begin_field(field.name, bound);
    if (at == nullptr) return;
    end_field(detail::put(detail::put(at, field.name, detail::kNoLimit), field.value, kMaxText));
  }
  /// Where a field of at most `bound` bytes may be written; nullptr: no room, and counted.
  std::byte* begin_field(std::string_view name, std::size_t bound) noexcept;
  void end_field(std::byte* end) noexcept;
  void end() noexcept;

  struct Outer;  // what was before a field of it was hidden
  Outer* outer_ = nullptr;
  std::uint16_t size_ = 0, count_ = 0;  // what was before
  std::uint32_t left_out_ = 0;
};

}  // namespace logboom
