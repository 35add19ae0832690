// Values as Python shows them: see python_value.hpp.
#include "record/python_value.hpp"

#include "record/python_number.hpp"
#include "record/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace logboom::python {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

constexpr Range kUnprintable[] = {
#include "record/unicode_unprintable.inc"
};

bool is_printable(char32_t code) {
  if (code < 0x7f) return code >= 0x20;
  auto const* const at = std::lower_bound(std::begin(kUnprintable), std::end(kUnprintable), code,
                                          [](Range const& range, char32_t c) { return range.last < c; });
  return at == std::end(kUnprintable) || code < at->first;
}

void append_escape(Utf8Char c, std::string& out) {
  auto const at = std::back_inserter(out);
  unsigned const code = c.code;
  if (code == '\n') {
    out += "\\n";
  } else if (code == '\r') {
    out += "\\r";
  } else if (code == '\t') {
    out += "\\t";
  } else if (code < 0x100) {
    fmt::format_to(at, "\\x{:02x}", code);
  } else if (code < 0x10000) {
    fmt::format_to(at, "\\u{:04x}", code);
  } else {
    fmt::format_to(at, "\\U{:08x}", code);
  }
}

char quote_for(std::string_view text) {
  bool const single = text.find('\'') != std::string_view::npos;
  return single && text.find('"') == std::string_view::npos ? '"' : '\'';
}

void append_quoted(std::string_view text, bool ascii, std::string& out) {
  char const quote = quote_for(text);
  out += quote;
  for (std::size_t at = 0; at < text.size();) {
    Utf8Char const c = decode_utf8(text, at);
    if (c.code == static_cast<unsigned char>(quote) || c.code == '\\') {
      out += '\\';
      out += text[at];
    } else if (c.valid && is_printable(c.code) && (!ascii || c.code < 0x80)) {
      out.append(text, at, c.size);
    } else {
      append_escape(c, out);
    }
    at += c.size;
  }
  out += quote;
}

void append_bytes(Value::Bytes const& bytes, std::string& out) {
  std::string_view const text(reinterpret_cast<char const*>(bytes.data()), bytes.size());
  char const quote = quote_for(text);
  out += 'b';
  out += quote;
  for (char const c : text) {
    if (c == quote || c == '\\') {
      out += '\\';
      out += c;
    } else if (c >= 0x20 && c < 0x7f) {
      out += c;
    } else {
      append_escape({static_cast<unsigned char>(c), 1, true}, out);
    }
  }
  out += quote;
}

void append(Object const& object, bool ascii, std::string& out);

struct Repr {
  bool ascii;
  std::string& out;

  void operator()(std::nullptr_t) const { out += "None"; }
  void operator()(bool value) const { out += value ? "True" : "False"; }
  void operator()(std::int64_t value) const { append_digits(fmt::format_int(value)); }
  void operator()(std::uint64_t value) const { append_digits(fmt::format_int(value)); }
  void operator()(double value) const { out += repr_double(value); }
  void operator()(std::string_view value) const { append_quoted(value, ascii, out); }
  void operator()(Value const* value) const {
    if (auto const* const bytes = std::get_if<Value::Bytes>(&value->data())) {
      append_bytes(*bytes, out);
    } else if (auto const* const array = std::get_if<Value::Array>(&value->data())) {
      append_list(*array);
    } else if (auto const* const map = std::get_if<Value::Map>(&value->data())) {
      append_dict(*map);
    }
  }

 private:
  void append_digits(fmt::format_int const& digits) const { out.append(digits.data(), digits.size()); }
  void append_list(Value::Array const& array) const {
    out += '[';
    for (std::size_t i = 0; i < array.size(); ++i) {
      if (i > 0) out += ", ";
      append(object_of(array[i]), ascii, out);
    }
    out += ']';
  }
  void append_dict(Value::Map const& map) const {
    out += '{';
    for (std::size_t i = 0; i < map.size(); ++i) {
      if (i > 0) out += ", ";
      append_quoted(map[i].first, ascii, out);
      out += ": ";
      append(object_of(map[i].second), ascii, out);
    }
    out += '}';
  }
};

void append(Object const& object, bool ascii, std::string& out) { std::visit(Repr{ascii, out}, object); }

}  // namespace

Object object_of(Value const& value) noexcept {
  struct Borrow {
    Value const& whole;
    Object operator()(std::nullptr_t) const { return nullptr; }
    Object operator()(bool truth) const { return truth; }
    Object operator()(std::int64_t number) const { return number; }
    Object operator()(std::uint64_t number) const { return number; }
    Object operator()(double number) const { return number; }
    Object operator()(std::string const& text) const { return std::string_view(text); }
    Object operator()(Value::Bytes const&) const { return &whole; }
    Object operator()(Value::Array const&) const { return &whole; }
    Object operator()(Value::Map const&) const { return &whole; }
  };
  return std::visit(Borrow{value}, value.data());
}

std::string_view type_name(Object const& object) noexcept {
  struct Name {
    std::string_view operator()(std::nullptr_t) const { return "NoneType"; }
    std::string_view operator()(bool) const { return "bool"; }
    std::string_view operator()(std::int64_t) const { return "int"; }
    std::string_view operator()(std::uint64_t) const { return "int"; }
    std::string_view operator()(double) const { return "float"; }
    std::string_view operator()(std::string_view) const { return "str"; }
    std::string_view operator()(Value const* value) const {
      if (std::holds_alternative<Value::Bytes>(value->data())) return "bytes";
      return std::holds_alternative<Value::Array>(value->data()) ? "list" : "dict";
    }
  };
  return std::visit(Name{}, object);
}

void append_str(Object const& object, std::string& out) {
  if (auto const* const text = std::get_if<std::string_view>(&object)) {
    out += *text;
  } else {
    append(object, false, out);
  }
}

void append_repr(Object const& object, std::string& out) { append(object, false, out); }
void append_ascii(Object const& object, std::string& out) { append(object, true, out); }

}  // namespace logboom::python
