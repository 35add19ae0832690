// Whether a format spec fits a kind of argument, by the rules of fmt 9 (tests compare with fmt itself). Must not know templates.
#pragma once

#include <logboom/detail/argument_kind.hpp>

#include <cstddef>
#include <string_view>

namespace logboom::detail {

/// [[fill]align][sign]["#"]["0"][width]["." precision]["L"][type]
struct SpecParts {
  bool valid = true;
  bool align = false, zero = false, numeric_only = false;  // numeric_only: "#", "0" or "L"
  bool sign = false, precision = false, alternate = false;
  char type = 0;
};

constexpr std::size_t character_size(char lead) noexcept {
  unsigned const byte = static_cast<unsigned char>(lead);
  return byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}
constexpr bool is_align(char c) noexcept { return c == '<' || c == '>' || c == '^'; }

class SpecReader {
 public:
  explicit constexpr SpecReader(std::string_view spec) noexcept : spec_(spec) {}

  constexpr std::string_view rest() const noexcept { return spec_.substr(at_); }
  constexpr bool done() const noexcept { return at_ == spec_.size(); }

  constexpr bool take(char c) noexcept {
    if (done() || spec_[at_] != c) return false;
    ++at_;
    return true;
  }
  constexpr char take_any() noexcept { return spec_[at_++]; }

  constexpr bool align() noexcept {
    if (done()) return false;
    std::size_t const fill = character_size(spec_[at_]);
    if (spec_[at_] != '{' && at_ + fill < spec_.size() && is_align(spec_[at_ + fill])) {
      at_ += fill + 1;
      return true;
    }
    if (!is_align(spec_[at_])) return false;
    ++at_;
    return true;
  }

  // Digits, or `{…}`. False if there is neither; `valid` becomes false for a number beyond int.
  constexpr bool size(bool& valid) noexcept {
    if (take('{')) {
      while (!done() && spec_[at_] != '}') ++at_;
      valid = valid && take('}');
      return true;
    }
    std::size_t const begin = at_;
    long long value = 0;
    while (!done() && spec_[at_] >= '0' && spec_[at_] <= '9') {
      if (value <= 0x7fffffff) value = value * 10 + (spec_[at_] - '0');
      ++at_;
    }
    valid = valid && value <= 0x7fffffff;
    return at_ != begin;
  }

 private:
  std::string_view spec_;
  std::size_t at_ = 0;
};

constexpr SpecParts read_spec(std::string_view spec) noexcept {
  SpecParts parts;
  SpecReader reader(spec);
  parts.align = reader.align();
  parts.sign = reader.take('+') || reader.take('-') || reader.take(' ');
  parts.alternate = reader.take('#');
  parts.zero = reader.take('0');
  reader.size(parts.valid);
  if (reader.take('.')) {
    parts.precision = true;
    if (!reader.size(parts.valid)) parts.valid = false;
  }
  bool const localized = reader.take('L');
  parts.numeric_only = parts.alternate || parts.zero || localized;
  if (!reader.done()) parts.type = reader.take_any();
  if (!reader.done()) parts.valid = false;
  return parts;
}

constexpr bool one_of(char type, std::string_view types) noexcept {
  return type == 0 || types.find(type) != std::string_view::npos;
}

constexpr bool integer_spec_fits(SpecParts const& parts, bool is_signed) noexcept {
  if (parts.precision || (parts.sign && !is_signed)) return false;
  if (parts.type == 'c') return true;
  return one_of(parts.type, "dxXoOBb") && parts.type != 'O';
}

constexpr SpecParts without_type(SpecParts parts) noexcept {
  parts.type = 0;
  return parts;
}

constexpr bool character_spec_fits(SpecParts const& parts) noexcept {
  if (parts.precision) return false;
  if (one_of(parts.type, "c?")) return !parts.sign && !parts.alternate && (!parts.zero || parts.align);
  return one_of(parts.type, "dxXoBb");
}

/// [[fill]align][width]["." precision]["L"][%conversions and text]
constexpr bool chrono_spec_fits(std::string_view spec, std::string_view conversions) noexcept {
  SpecReader reader(spec);
  bool valid = true;
  reader.align();
  reader.size(valid);
  if (reader.take('.') && !reader.size(valid)) return false;
  reader.take('L');
  std::string_view const rest = reader.rest();
  if (!valid || rest.empty()) return valid;
  if (rest[0] != '%') return false;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] == '{' || rest[i] == '}') return false;
    if (rest[i] != '%') continue;
    if (++i < rest.size() && (rest[i] == 'E' || rest[i] == 'O')) ++i;
    if (i >= rest.size() || conversions.find(rest[i]) == std::string_view::npos) return false;
  }
  return true;
}

/// Kinds without a spec of their own kind (kOptional, kFormatted …) are the caller's matter: true.
constexpr bool spec_fits(Kind kind, std::string_view spec) noexcept {
  if (spec.empty()) return true;
  if (kind == Kind::kDuration) return chrono_spec_fits(spec, "njtHIMSpQqrRTX%");
  if (kind == Kind::kTimePoint) return chrono_spec_fits(spec, "naAbBcCdDeFgGhHIjmMnprRSTtuUVwWxXyYzZ%");
  SpecParts const parts = read_spec(spec);
  if (!parts.valid) return false;
  switch (kind) {
    case Kind::kBool: return integer_spec_fits(parts.type == 's' ? without_type(parts) : parts, false);
    case Kind::kCharacter: return character_spec_fits(parts);
    case Kind::kSigned: return integer_spec_fits(parts, true);
    case Kind::kUnsigned: return integer_spec_fits(parts, false);
    case Kind::kFloat:
    case Kind::kDouble: return one_of(parts.type, "aAeEfFgG");
    case Kind::kText:
    case Kind::kTextPointer:
    case Kind::kTextArray:
    case Kind::kUtf8:
    case Kind::kPath:
    case Kind::kErrorCode: return !parts.sign && !parts.numeric_only && one_of(parts.type, "s?");
    case Kind::kPointer:
      return !parts.sign && !parts.numeric_only && !parts.precision && one_of(parts.type, "p");
    default: return true;
  }
}

}  // namespace logboom::detail
