#include "record/value_events.hpp"

#include "record/time_text.hpp"

#include <charconv>
#include <limits>

namespace logboom {
namespace {

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t number = 0;
  for (char const c : bytes) number = (number << 8U) | static_cast<unsigned char>(c);
  return number;
}

}  // namespace

Value integer_value(std::uint64_t number) {
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  return number <= kMax ? Value(static_cast<std::int64_t>(number)) : Value(number);
}

Value float_value(float number) {
  char buffer[32];
  auto const end = std::to_chars(buffer, buffer + sizeof buffer, number).ptr;
  double wide = number;
  (void)std::from_chars(buffer, end, wide);
  return Value(wide);
}

Value bytes_value(std::string_view bytes) {
  auto const* const first = reinterpret_cast<std::byte const*>(bytes.data());
  return Value(Value::Bytes(first, first + bytes.size()));
}

Value time_stamp_value(std::string_view body) {
  std::int64_t seconds = 0;
  std::uint64_t nanoseconds = 0;
  if (body.size() == 4) {
    seconds = static_cast<std::int64_t>(big_endian(body));
  } else if (body.size() == 8) {
    std::uint64_t const both = big_endian(body);
    nanoseconds = both >> 34U;
    seconds = static_cast<std::int64_t>(both & ((1ULL << 34U) - 1));
  } else if (body.size() == 12) {
    nanoseconds = big_endian(body.substr(0, 4));
    seconds = static_cast<std::int64_t>(big_endian(body.substr(4)));
  } else {
    return bytes_value(body);
  }
  constexpr std::int64_t kMaxSeconds = std::numeric_limits<std::int64_t>::max() / 1'000'000'000 - 1;
  if (nanoseconds > 999'999'999 || seconds > kMaxSeconds || seconds < -kMaxSeconds) return bytes_value(body);
  std::string text;
  write_iso_time(seconds * 1'000'000'000 + static_cast<std::int64_t>(nanoseconds), true, text);
  return Value(std::move(text));
}

Value big_endian_value(std::string_view eight_bytes) {
  return Value(static_cast<std::int64_t>(big_endian(eight_bytes)));
}

}  // namespace logboom
