// Reads a template placeholder by placeholder, when the program is compiled and, for call sites with texts formatted at the call, once when
// it runs. Must not know the arguments' types.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace logboom::detail {

inline constexpr std::size_t kMaxArguments = 63;

/// A placeholder, or the `{…}` within a spec that takes width or precision from an argument.
struct TemplateItem {
  std::size_t argument = 0;
  bool is_size = false;
  std::string_view spec;  ///< after the colon; views the template
};

/// Names and empty placeholders take the next argument at their first use, in the order of the template (a spec's own placeholders after the one they belong
/// to); numbers name their argument.
class TemplateParser {
 public:
  enum class Error { kNone, kUnclosed, kUnopened, kName, kMixed, kTooMany };

  explicit constexpr TemplateParser(std::string_view text) noexcept : text_(text) {}

  /// The next item; false at the end or at an error.
  constexpr bool next(TemplateItem& item) noexcept {
    if (inner_at_ < inner_end_) {
      if (next_size(item)) return true;
      if (error_ != Error::kNone) return false;
    }
    return next_placeholder(item);
  }

  constexpr Error error() const noexcept { return error_; }
  constexpr bool numbered() const noexcept { return numbered_; }

 private:
  constexpr bool fail(Error error) noexcept {
    error_ = error;
    at_ = text_.size();
    inner_at_ = inner_end_ = 0;
    return false;
  }

  constexpr bool next_placeholder(TemplateItem& item) noexcept {
    for (; at_ < text_.size(); ++at_) {
      char const c = text_[at_];
      if (c != '{' && c != '}') continue;
      if (at_ + 1 < text_.size() && text_[at_ + 1] == c) {
        ++at_;
        continue;
      }
      if (c == '}') return fail(Error::kUnopened);
      return read_placeholder(item);
    }
    return false;
  }

  // at_ is on the opening brace.
  constexpr bool read_placeholder(TemplateItem& item) noexcept {
    std::size_t const name_at = at_ + 1;
    std::size_t end = name_at;
    while (end < text_.size() && text_[end] != '}' && text_[end] != ':' && text_[end] != '{') ++end;
    if (end == text_.size() || text_[end] == '{') return fail(Error::kUnclosed);
    std::string_view const name = text_.substr(name_at, end - name_at);
    item.is_size = false;
    item.spec = {};
    if (text_[end] == ':') {
      std::size_t const spec_at = end + 1;
      int depth = 0;
      for (end = spec_at; end < text_.size() && (text_[end] != '}' || depth > 0); ++end) {
        if (text_[end] == '{') ++depth;
        if (text_[end] == '}') --depth;
      }
      if (end == text_.size()) return fail(Error::kUnclosed);
      item.spec = text_.substr(spec_at, end - spec_at);
      inner_at_ = spec_at;
      inner_end_ = end;
    }
    at_ = end + 1;
    return resolve(name, item.argument);
  }

  constexpr bool next_size(TemplateItem& item) noexcept {
    while (inner_at_ < inner_end_ && text_[inner_at_] != '{') ++inner_at_;
    if (inner_at_ == inner_end_) return false;
    std::size_t const name_at = ++inner_at_;
    while (inner_at_ < inner_end_ && text_[inner_at_] != '}') ++inner_at_;
    if (inner_at_ == inner_end_) return fail(Error::kUnclosed);
    item.is_size = true;
    item.spec = {};
    return resolve(text_.substr(name_at, inner_at_ - name_at), item.argument);
  }

  constexpr bool resolve(std::string_view name, std::size_t& argument) noexcept {
    bool const number = !name.empty() && name[0] >= '0' && name[0] <= '9';
    if (seen_any_ && number != numbered_) return fail(Error::kMixed);
    seen_any_ = true;
    numbered_ = number;
    if (number) return resolve_number(name, argument);
    if (!name.empty()) {
      if (!is_identifier(name)) return fail(Error::kName);
      for (std::size_t i = 0; i < next_argument_; ++i) {
        if (names_[i] == name) {
          argument = i;
          return true;
        }
      }
    }
    if (next_argument_ == kMaxArguments) return fail(Error::kTooMany);
    names_[next_argument_] = name;
    argument = next_argument_++;
    return true;
  }

  constexpr bool resolve_number(std::string_view digits, std::size_t& argument) noexcept {
    argument = 0;
    for (char const c : digits) {
      if (c < '0' || c > '9') return fail(Error::kName);
      argument = argument * 10 + static_cast<std::size_t>(c - '0');
      if (argument > kMaxArguments) argument = kMaxArguments;
    }
    return true;
  }

  static constexpr bool is_identifier(std::string_view name) noexcept {
    for (char const c : name) {
      bool const letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
      if (!letter && (c < '0' || c > '9')) return false;
    }
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t inner_at_ = 0, inner_end_ = 0;  // the part of the last spec that may hold placeholders of its own
  std::size_t next_argument_ = 0;
  std::array<std::string_view, kMaxArguments> names_{};
  bool seen_any_ = false, numbered_ = false;
  Error error_ = Error::kNone;
};

}  // namespace logboom::detail
