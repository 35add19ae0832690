// Format strings as an operator may type them, over a record as a stranger may send it. The first line is the format, the second the date format; the rest is the record's text.
#include "record/formatter.hpp"

#include <cstdint>
#include <stdexcept>
#include <string_view>

namespace {

std::string_view next_line(std::string_view& text) {
  std::size_t const end = text.find('\n');
  std::string_view const line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

logboom::Record record_of(std::string_view text) {
  using logboom::Value;
  logboom::Record record;
  record.message = text;
  record.logger = text.substr(0, 10);
  record.level = text.empty() ? 20 : text[0];
  record.time = text.size() > 1 ? text[1] * 70'000'000'000'000'003LL : 0;
  record.process_started = -record.time;
  record.file = text;
  record.exception = text;
  record.fields = {{"n", Value(static_cast<std::int64_t>(text.size()))},
                   {"r", Value(1.0 / static_cast<double>(text.size()))},
                   {"t", Value(std::string(text))},
                   {"l", Value(Value::Array{Value(std::string(text)), Value(true), Value()})},
                   {"m", Value(Value::Map{{"k", Value(0.5)}})}};
  return record;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<char const*>(data), size);
  std::string_view const format = next_line(rest);
  logboom::FormatOptions options;
  options.datefmt = next_line(rest);
  logboom::Record const record = record_of(rest);
  for (char const style : {'\0', '%', '{', '$'}) {
    options.style = style;
    options.escape_controls = style != '%';
    try {
      std::string out;
      logboom::Formatter::make(format, options).format(record, out);
      if (out.empty()) __builtin_trap();
    } catch (std::invalid_argument const&) {
    }
  }
  return 0;
}
