// Values as JSON: see json.hpp.
#include "record/json.hpp"

#include "record/terminal_text.hpp"
#include "record/utf8.hpp"
#include "record/wire.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <iterator>
#include <string_view>

namespace logboom {
namespace {

constexpr std::size_t kMaxDepth = wire::kMaxDepth + 4;

void write_escaped(Utf8Char c, std::string& out) {
  auto const at = std::back_inserter(out);
  if (!c.valid) {
    fmt::format_to(at, "\\\\x{:02x}", static_cast<unsigned>(c.code));
    return;
  }
  switch (c.code) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: fmt::format_to(at, "\\u{:04x}", static_cast<unsigned>(c.code));
  }
}

void write_value(Value const& value, std::size_t depth, std::string& out);

void write_map(Fields const& fields, std::size_t depth, std::string& out) {
  out += '{';
  bool first = true;
  for (auto const& [key, value] : fields) {
    if (!first) out += ',';
    first = false;
    write_json_string(key, out);
    out += ':';
    write_value(value, depth + 1, out);
  }
  out += '}';
}

void write_array(Value::Array const& array, std::size_t depth, std::string& out) {
  out += '[';
  bool first = true;
  for (auto const& value : array) {
    if (!first) out += ',';
    first = false;
    write_value(value, depth + 1, out);
  }
  out += ']';
}

struct ValueWriter {
  std::size_t depth;
  std::string& out;

  void operator()(std::nullptr_t) const { out += "null"; }
  void operator()(bool value) const { out += value ? "true" : "false"; }
  void operator()(std::int64_t value) const { append_integer(value); }
  void operator()(std::uint64_t value) const { append_integer(value); }
  void operator()(double value) const { write_json_double(value, out); }
  void operator()(std::string const& value) const { write_json_string(value, out); }
  void operator()(Value::Bytes const& value) const {
    write_json_string({reinterpret_cast<char const*>(value.data()), value.size()}, out);
  }
  void operator()(Value::Array const& value) const { write_array(value, depth, out); }
  void operator()(Value::Map const& value) const { write_map(value, depth, out); }

 private:
  template <typename Integer>
  void append_integer(Integer value) const {
    fmt::format_int const digits(value);
    out.append(digits.data(), digits.size());
  }
};

void write_value(Value const& value, std::size_t depth, std::string& out) {
  if (depth > kMaxDepth) {
    out += "\"…\"";
    return;
  }
  std::visit(ValueWriter{depth, out}, value.data());
}

}  // namespace

void write_json_string(std::string_view text, std::string& out) {
  out += '"';
  std::size_t kept = 0;
  for (std::size_t at = 0; at < text.size();) {
    unsigned char const byte = static_cast<unsigned char>(text[at]);
    if (byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\') {
      ++at;
      continue;
    }
    Utf8Char const c = decode_utf8(text, at);
    if (byte >= 0x80 && c.valid && !steers_terminal(c.code)) {
      at += c.size;
      continue;
    }
    out.append(text, kept, at - kept);
    write_escaped(c, out);
    at += c.size;
    kept = at;
  }
  out.append(text, kept);
  out += '"';
}

void write_json_double(double value, std::string& out) {
  if (!std::isfinite(value)) {
    out += std::isnan(value) ? "\"nan\"" : value > 0 ? "\"inf\"" : "\"-inf\"";
    return;
  }
  char buffer[32];
  auto const end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  std::string_view const text(buffer, static_cast<std::size_t>(end - buffer));
  out += text;
  if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
}

void write_json(Value const& value, std::string& out) { write_value(value, 0, out); }
void write_json(Fields const& fields, std::string& out) { write_map(fields, 0, out); }

}  // namespace logboom
