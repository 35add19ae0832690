// The grammar of Python's three styles of format strings: see python_parse.hpp.
#include "record/python_parse.hpp"

#include "record/terminal_text.hpp"
#include "record/utf8.hpp"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace logboom::python {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_word(char c) { return is_letter(c) || is_digit(c) || static_cast<unsigned char>(c) >= 0x80; }

bool is_name(char c) { return is_word(c) || c == '.' || c == '-'; }

// Reads one format string from left to right and knows how to complain about it.
class Parser {
 public:
  explicit Parser(std::string_view format) : format_(format) {}

  std::vector<Piece> percent();
  std::vector<Piece> brace();
  std::vector<Piece> dollar();

 private:
  [[noreturn]] void refuse(std::size_t at, std::string_view why) const {
    std::string shown;
    append_harmless_line(first_characters(format_, 80), shown);
    std::string reason;
    append_harmless_line(why, reason);
    throw std::invalid_argument(fmt::format("format \"{}{}\": {} (at character {})", shown,
                                            count_characters(format_) > 80 ? "…" : "", reason,
                                            count_characters(format_.substr(0, at)) + 1));
  }

  std::vector<Piece> finished() {
    if (!named_) refuse(0, "it names no field; write for example \"%(asctime)s %(message)s\"");
    if (!literal_.empty()) pieces_.push_back({std::move(literal_), std::nullopt});
    return std::move(pieces_);
  }

  void add(Field field, std::size_t at) {
    check_sample(field, at);
    pieces_.push_back({std::move(literal_), std::move(field)});
    literal_.clear();
  }

  void check_sample(Field const& field, std::size_t at) const;
  std::size_t key_end(std::size_t at) const;
  void brace_field(std::size_t open);
  std::size_t field_end(std::size_t at) const;
  std::size_t spec_end(std::size_t open, std::size_t at) const;
  Field named_field(std::string_view name, std::size_t at) const;
  Index index(std::string_view text, std::size_t at) const;
  void set_spec(Field& field, std::string_view spec, std::size_t at) const;
  NestedSpec nested_spec(std::string_view spec, std::size_t at) const;

  std::string_view format_;
  std::vector<Piece> pieces_;
  std::string literal_;
  bool named_ = false;
};

// An attribute that every record has, of the same type, shows now what every record would fail for.
void Parser::check_sample(Field const& field, std::size_t at) const {
  std::optional<Object> const sample = field.attribute.sample();
  if (!sample || !field.path.empty()) return;
  try {
    Object const object = field.conversion == 0 ? *sample : Object(std::string_view("text"));
    std::string ignored;
    if (auto const* const percent_spec = std::get_if<PercentSpec>(&field.spec)) {
      // one character is what a text needs to be for %c, and a record's may be
      if (percent_spec->conversion != 'c') apply(*percent_spec, object, ignored);
    } else if (auto const* const brace_spec = std::get_if<BraceSpec>(&field.spec)) {
      apply(*brace_spec, object, ignored);
    }
  } catch (Mismatch const& mismatch) {
    refuse(at, fmt::format("{} can never be shown so: {}", field.attribute.name(), mismatch.what()));
  }
}

// The ')' of a key that may hold parentheses.
std::size_t Parser::key_end(std::size_t at) const {
  int depth = 1;
  for (std::size_t end = at; end < format_.size(); ++end) {
    if (format_[end] == '(') ++depth;
    if (format_[end] == ')' && --depth == 0) return end;
  }
  refuse(at - 2, "incomplete format key: ')' is missing");
}

std::vector<Piece> Parser::percent() {
  for (std::size_t at = 0; at < format_.size();) {
    if (format_[at] != '%') {
      literal_ += format_[at++];
      continue;
    }
    std::size_t const start = at++;
    std::string key;
    bool const keyed = at < format_.size() && format_[at] == '(';
    if (keyed) {
      std::size_t const end = key_end(at + 1);
      key = format_.substr(at + 1, end - at - 1);
      at = end + 1;
    }
    PercentSpec spec;
    try {
      at += parse_percent(format_.substr(at), spec);
    } catch (Mismatch const& mismatch) {
      refuse(start, fmt::format("{}; a lone percent sign is written %%", mismatch.what()));
    }
    // Python's validation looks for one field that is written plainly; names with dots and dashes are ours
    named_ = named_ || (spec.plain && !key.empty() && std::all_of(key.begin(), key.end(), is_name));
    if (spec.conversion == '%') {
      literal_ += '%';
    } else if (!keyed) {
      refuse(start, fmt::format("no name before '{}': a field is written %(name){}, a percent sign %%",
                                spec.conversion, spec.conversion));
    } else {
      add({Attribute(std::move(key)), {}, 0, spec}, start);
    }
  }
  return finished();
}

std::vector<Piece> Parser::brace() {
  for (std::size_t at = 0; at < format_.size();) {
    char const c = format_[at];
    bool const doubled = at + 1 < format_.size() && format_[at + 1] == c;
    if ((c == '{' || c == '}') && doubled) {
      literal_ += c;
      at += 2;
    } else if (c == '}') {
      refuse(at, "Single '}' encountered in format string; a lone brace is doubled");
    } else if (c == '{') {
      std::size_t const end = spec_end(at, field_end(at + 1));
      brace_field(at);
      named_ = true;
      at = end;
    } else {
      literal_ += c;
      ++at;
    }
  }
  return finished();
}

// Where the name and its [indexes] end: at ':', '!' or '}'.
std::size_t Parser::field_end(std::size_t at) const {
  for (; at < format_.size(); ++at) {
    switch (format_[at]) {
      case '{': refuse(at, "unexpected '{' in field name");
      case '}':
      case ':':
      case '!': return at;
      case '[': at = std::min(format_.find(']', at), format_.size() - 1); break;
      default: break;
    }
  }
  refuse(format_.size(), "expected '}' before end of string");
}

// Behind the '}' that closes the field opened at `open`, of which the name ends at `at`.
std::size_t Parser::spec_end(std::size_t open, std::size_t at) const {
  int depth = 1;
  for (; at < format_.size(); ++at) {
    if (format_[at] == '{') ++depth;
    if (format_[at] == '}' && --depth == 0) return at + 1;
  }
  refuse(open, "expected '}' before end of string");
}

void Parser::brace_field(std::size_t open) {
  std::size_t at = field_end(open + 1);
  Field field = named_field(format_.substr(open + 1, at - open - 1), open);
  if (format_[at] == '!') {
    if (at + 1 >= format_.size() || std::string_view("rsa").find(format_[at + 1]) == std::string_view::npos) {
      refuse(at, "invalid conversion: after '!' stands r, s or a");
    }
    field.conversion = format_[at + 1];
    at += 2;
    if (at >= format_.size() || (format_[at] != ':' && format_[at] != '}')) {
      refuse(at, "expected ':' after conversion specifier");
    }
  }
  if (format_[at] == ':') {
    ++at;
    set_spec(field, format_.substr(at, spec_end(open, at) - 1 - at), at);
  }
  add(std::move(field), open);
}

// A name may hold dots: such are the names of some fields, and attributes of values mean nothing here.
Field Parser::named_field(std::string_view name, std::size_t at) const {
  std::size_t end = 0;
  while (end < name.size() && (is_word(name[end]) || (name[end] == '.' && end > 0))) ++end;
  if (end == 0 || name[end - 1] == '.') refuse(at, fmt::format("invalid field name/expression: '{}'", name));
  if (std::all_of(name.begin(), name.begin() + static_cast<std::ptrdiff_t>(end), is_digit)) {
    refuse(at, "a field is named, not numbered: a record has no positional values");
  }
  Field field{Attribute(std::string(name.substr(0, end))), {}, 0, {}};
  while (end < name.size()) {
    std::size_t const close = name.find(']', end);
    if (name[end] != '[' || close == std::string_view::npos || close == end + 1) {
      refuse(at, fmt::format("invalid field name/expression: '{}'", name));
    }
    field.path.push_back(index(name.substr(end + 1, close - end - 1), at));
    end = close + 1;
  }
  return field;
}

Index Parser::index(std::string_view text, std::size_t at) const {
  Index index{std::string(text), std::nullopt};
  if (!std::all_of(text.begin(), text.end(), is_digit)) return index;
  std::size_t number = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc{}) {
    refuse(at, "Too many decimal digits in format string");
  }
  index.number = number;
  return index;
}

void Parser::set_spec(Field& field, std::string_view spec, std::size_t at) const {
  // logging.StrFormatStyle.fmt_spec
  static re2::RE2 const kSpec(
      R"((?i)(.?[<>=^])?[+ -]?#?0?(\d+|{[\pL\pN_]+})?[,_]?(\.(\d+|{[\pL\pN_]+}))?[bcdefgnosx%]?)");
  if (!re2::RE2::FullMatch(re2::StringPiece(spec.data(), spec.size()), kSpec)) {
    refuse(at, fmt::format("bad specifier: '{}'", spec));
  }
  if (spec.find('{') != std::string_view::npos) {
    field.spec = nested_spec(spec, at);
    return;
  }
  try {
    BraceSpec const parsed = parse_brace(spec);
    if (parsed.type != 0 && std::string_view("bcdeEfFgGnosxX%").find(parsed.type) == std::string_view::npos) {
      throw Mismatch(fmt::format("Unknown format code '{}'", spec.substr(spec.size() - 1)));
    }
    field.spec = parsed;
  } catch (Mismatch const& mismatch) {
    refuse(at, fmt::format("bad specifier '{}': {}", spec, mismatch.what()));
  }
}

// Of a specification that has passed set_spec's expression: its braces are paired and hold a word.
NestedSpec Parser::nested_spec(std::string_view spec, std::size_t at) const {
  NestedSpec parts;
  while (!spec.empty()) {
    std::size_t const open = std::min(spec.find('{'), spec.size());
    std::string literal(spec.substr(0, open));
    if (open == spec.size()) {
      parts.emplace_back(std::move(literal), std::nullopt);
      break;
    }
    std::size_t const close = spec.find('}', open);
    std::string_view const name = spec.substr(open + 1, close - open - 1);
    if (is_digit(name.front()))
      refuse(at, "a field is named, not numbered: a record has no positional values");
    parts.emplace_back(std::move(literal), Attribute(std::string(name)));
    spec.remove_prefix(close + 1);
  }
  return parts;
}

std::vector<Piece> Parser::dollar() {
  for (std::size_t at = 0; at < format_.size();) {
    if (format_[at] != '$') {
      literal_ += format_[at++];
      continue;
    }
    if (format_.substr(at, 2) == "$$") {
      literal_ += '$';
      at += 2;
      continue;
    }
    bool const braced = format_.substr(at, 2) == "${";
    std::size_t const begin = at + (braced ? 2 : 1);
    std::size_t end = begin;
    while (end < format_.size() && (is_letter(format_[end]) || (end > begin && is_digit(format_[end]))))
      ++end;
    if (end == begin || (braced && (end == format_.size() || format_[end] != '}'))) {
      refuse(at, "invalid format: bare '$' not allowed; a lone dollar sign is written $$");
    }
    add({Attribute(std::string(format_.substr(begin, end - begin))), {}, 0, BraceSpec{}}, at);
    named_ = true;
    at = end + (braced ? 1 : 0);
  }
  return finished();
}

}  // namespace

char guess_style(std::string_view format) noexcept {
  std::size_t const key = format.find("%(");
  if (key != std::string_view::npos && format.find(')', key) != std::string_view::npos) return '%';
  for (std::size_t at = 0; (at = format.find('$', at)) != std::string_view::npos; ++at) {
    std::string_view const rest = format.substr(at + 1);
    if (!rest.empty() && is_letter(rest[0])) return '$';
    if (rest.size() > 1 && rest[0] == '{' && is_letter(rest[1])) return '$';
  }
  for (std::size_t at = 0; (at = format.find('{', at)) != std::string_view::npos; ++at) {
    if (at + 1 < format.size() && is_word(format[at + 1])) return '{';
  }
  return 0;
}

std::vector<Piece> parse_format(std::string_view format, char style) {
  if (format.size() > kMaxFormat) {
    throw std::invalid_argument(
        fmt::format("format: {} bytes; at most {} are taken", format.size(), kMaxFormat));
  }
  if (style == 0) style = guess_style(format);
  Parser parser(format);
  switch (style) {
    case '{': return parser.brace();
    case '$': return parser.dollar();
    case 0:
    case '%': return parser.percent();
    default: throw std::invalid_argument(fmt::format("format style '{}': it is one of % {{ $", style));
  }
}

}  // namespace logboom::python
