// msgpack-c's parser tells a ValueBuilder what it finds. Must not know what the values mean.
#pragma once

#include "record/value_builder.hpp"

#include <fmt/format.h>
#include <msgpack.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace logboom {

Value integer_value(std::uint64_t number);  // an int64 if it fits
Value float_value(float number);  // the double that a reader of the float's shortest text would take
Value bytes_value(std::string_view bytes);
/// The forms of msgpack's timestamp, 32, 64 or 96 bits, as ISO 8601; other sizes as bytes.
Value time_stamp_value(std::string_view body);
Value big_endian_value(std::string_view eight_bytes);

// msgpack-c's visitor: its names and its bools are given.
class MsgpackEvents : public msgpack::null_visitor {
 public:
  explicit MsgpackEvents(ValueBuilder& builder) : builder_(builder) {}

  bool visit_nil() { return add({}); }
  bool visit_boolean(bool value) { return add(Value(value)); }
  bool visit_positive_integer(std::uint64_t value) { return add(integer_value(value)); }
  bool visit_negative_integer(std::int64_t value) { return add(Value(value)); }
  bool visit_float32(float value) { return add(float_value(value)); }
  bool visit_float64(double value) { return add(Value(value)); }
  bool visit_str(char const* text, std::uint32_t size) {
    builder_.add_text({text, size});
    return true;
  }
  bool visit_bin(char const* bytes, std::uint32_t size) { return add(bytes_value({bytes, size})); }
  bool visit_ext(char const* typed, std::uint32_t size) {
    std::string_view const body(typed + 1, size - 1);
    switch (static_cast<signed char>(*typed)) {
      case -1: return add(time_stamp_value(body));
      case 1:
        if (body.size() == 8) return add(big_endian_value(body));
        break;
      case 2: builder_.add_text(body); return true;
      default: break;
    }
    return add(bytes_value(body));
  }

  bool start_array(std::uint32_t) {
    builder_.begin_array();
    return true;
  }
  bool end_array() { return end(); }
  bool start_map(std::uint32_t entries) {
    builder_.begin_map(entries);
    return true;
  }
  bool start_map_key() {
    builder_.begin_key();
    return true;
  }
  bool end_map_key() {
    builder_.end_key();
    return true;
  }
  bool end_map() { return end(); }

  void parse_error(std::size_t at, std::size_t) const {
    builder_.refuse(fmt::format("not msgpack at byte {}", at));
  }
  void insufficient_bytes(std::size_t, std::size_t) const {
    builder_.refuse("it ends in the middle of a value");
  }

 private:
  bool add(Value value) {
    builder_.add(std::move(value));
    return true;
  }
  bool end() {
    builder_.end();
    return true;
  }

  ValueBuilder& builder_;
};

}  // namespace logboom
