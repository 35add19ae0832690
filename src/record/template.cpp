// See template.hpp.
#include "record/template.hpp"

#include <algorithm>
#include <optional>

namespace logboom::wire {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool starts_name(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool continues_name(char c) noexcept { return starts_name(c) || is_digit(c) || c == '.'; }

}  // namespace

/// One pass over the text. A placeholder is read as a whole or not at all.
class Template::Parser {
 public:
  Parser(std::string_view text, Template& into) : text_(text), into_(into) {}

  void run() {
    std::string literal;
    while (at_ < text_.size()) {
      char const c = text_[at_];
      if ((c == '{' || c == '}') && text_.substr(at_ + 1, 1) == text_.substr(at_, 1)) {
        literal += c;
        at_ += 2;
      } else if (c != '{' || !placeholder(literal)) {
        literal += c;
        ++at_;
      }
    }
    into_.tail_ = std::move(literal);
  }

 private:
  /// Takes `literal` as the text before it.
  bool placeholder(std::string& literal) {
    if (into_.placeholders_.size() == kMaxArguments) return false;
    std::size_t const start = at_++;
    std::size_t const known_before = into_.keys_.size();
    Placeholder found;
    auto const argument = identifier();
    bool const whole = argument && (accept('}') || (accept(':') && spec(found)));
    if (!whole) {
      at_ = start;
      into_.keys_.resize(known_before);
      return false;
    }
    found.argument = *argument;
    found.before = std::exchange(literal, {});
    into_.placeholders_.push_back(std::move(found));
    return true;
  }

  /// What stands before the colon: nothing, an index or a name.
  std::optional<Index> identifier() {
    if (at_ == text_.size()) return std::nullopt;
    if (is_digit(text_[at_])) return index();
    std::size_t const start = at_;
    if (starts_name(text_[at_]))
      at_ = static_cast<std::size_t>(
          std::find_if_not(text_.begin() + static_cast<std::ptrdiff_t>(at_), text_.end(), continues_name) -
          text_.begin());
    return named(text_.substr(start, at_ - start));
  }

  std::optional<Index> index() {
    std::size_t value = 0;
    for (; at_ < text_.size() && is_digit(text_[at_]); ++at_) {
      value = value * 10 + static_cast<std::size_t>(text_[at_] - '0');
      if (value >= kMaxArguments) return std::nullopt;
    }
    if (value >= into_.keys_.size()) into_.keys_.resize(value + 1);
    return static_cast<Index>(value);
  }

  std::optional<Index> named(std::string_view name) {
    if (name.size() > kMaxName) return std::nullopt;
    auto& keys = into_.keys_;
    auto const known = name.empty() ? keys.end() : std::ranges::find(keys, name, &FieldKey::name);
    if (known != keys.end()) return static_cast<Index>(known - keys.begin());
    if (keys.size() == kMaxArguments) return std::nullopt;
    keys.emplace_back(name);
    return static_cast<Index>(keys.size() - 1);
  }

  /// From after the colon to after the closing brace.
  bool spec(Placeholder& found) {
    std::string text;
    for (; at_ < text_.size(); ++at_) {
      char const c = text_[at_];
      if (c == '}') {
        ++at_;
        if (found.nested.empty())
          found.spec = Spec(text);
        else
          found.nested_tail = std::move(text);
        return true;
      }
      if (c != '{') {
        text += c;
        continue;
      }
      ++at_;
      auto const argument = identifier();
      if (!argument || at_ == text_.size() || text_[at_] != '}') return false;
      found.nested.push_back({std::exchange(text, {}), *argument});
    }
    return false;
  }

  bool accept(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Template& into_;
};

FieldKey::FieldKey(std::string_view text) : name(text) {
  if (name.empty()) return;
  TextBuffer form;
  append_json_string(form, name);
  form.push_back(':');
  json.assign(form.data(), form.size());
  form.clear();
  append_msgpack_text(form, name);
  msgpack.assign(form.data(), form.size());
}

Template::Template(std::string_view text) {
  Parser(text, *this).run();
  std::vector<bool> shown(keys_.size());
  for (auto const& placeholder : placeholders_) {
    shown[placeholder.argument] = true;
    for (auto const& nested : placeholder.nested) shown[nested.argument] = true;
  }
  shows_all_ = std::find(shown.begin(), shown.end(), false) == shown.end();
}

Template::Outcome Template::render(std::span<Token const* const> arguments, TextBuffer& out) const {
  Outcome outcome;
  for (auto const& placeholder : placeholders_) {
    append(out, placeholder.before);
    if (placeholder.argument >= arguments.size()) {
      append(out, "{?}");
      ++outcome.unsuitable;
    } else if (placeholder.spec.format.empty() && placeholder.nested.empty()) {
      append_value(out, *arguments[placeholder.argument]);
    } else if (!render(placeholder, arguments, out)) {
      append_value(out, *arguments[placeholder.argument]);
      ++outcome.unsuitable;
    }
    if (out.size() > kMaxRendered) {
      outcome.complete = false;
      return outcome;
    }
  }
  append(out, tail_);
  return outcome;
}

bool Template::render(Placeholder const& placeholder, std::span<Token const* const> arguments,
                      TextBuffer& out) const {
  Token const& value = *arguments[placeholder.argument];
  if (placeholder.nested.empty()) return append_value(out, value, placeholder.spec);
  std::string text;
  for (auto const& nested : placeholder.nested) {
    if (nested.argument >= arguments.size()) return false;
    Token const& number = *arguments[nested.argument];
    if (number.kind != Kind::kInt || number.integer < 0 || number.integer > Spec::kMaxNumber) return false;
    text += nested.before;
    text += std::to_string(number.integer);
  }
  return append_value(out, value, Spec(text + placeholder.nested_tail));
}

std::size_t Template::bytes() const noexcept {
  std::size_t total = sizeof(Template) + tail_.capacity();
  for (auto const& placeholder : placeholders_) {
    total += sizeof(Placeholder) + placeholder.before.capacity() + placeholder.spec.format.capacity() +
             placeholder.nested.capacity() * sizeof(Nested);
  }
  for (auto const& key : keys_)
    total += sizeof(FieldKey) + key.name.capacity() + key.json.capacity() + key.msgpack.capacity();
  return total;
}

}  // namespace logboom::wire
