// See pickle_values.hpp. What a call of a known name stands for: pickle_objects.cpp.
#include "inputs/pickle_values.hpp"

#include "inputs/pickle_names.hpp"
#include "inputs/pickle_number.hpp"
#include "record/python_number.hpp"
#include "record/utf8.hpp"
#include "record/wire.hpp"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace logboom::inputs::pickle {
namespace {

constexpr std::string_view kMore = "…";  // what a bound left out
constexpr std::string_view kCycle = "[...]";
constexpr std::size_t kShort = 1024;  // bytes of a text that is shown even when the bound is reached

std::string_view type_of(Flavour flavour) noexcept {
  switch (flavour) {
    case Flavour::kByteArray: return "bytearray";
    case Flavour::kTuple: return "tuple";
    case Flavour::kSet: return "set";
    case Flavour::kFrozenSet: return "frozenset";
    case Flavour::kDeque: return "deque";
    case Flavour::kOrderedDict: return "OrderedDict";
    case Flavour::kDefaultDict: return "defaultdict";
    case Flavour::kPlain: break;
  }
  return {};
}

// A lone surrogate as its escape; everything else as it is.
std::string escape_surrogates(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    auto const byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
    if (byte(0) == 0xed && text.size() - at >= 3 && byte(1) >= 0xa0 && byte(1) < 0xc0 &&
        (byte(2) & 0xc0U) == 0x80U) {
      unsigned const code = 0xd000U | (byte(1) & 0x3fU) << 6U | (byte(2) & 0x3fU);
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", code);
      at += 2;
    } else {
      out += text[at];
    }
  }
  return out;
}

std::string of_latin1(std::string_view bytes) {
  std::string out;
  for (char const c : bytes) append_utf8(static_cast<unsigned char>(c), out);
  return out;
}

}  // namespace

void Values::begin() {
  tokens_.clear();
  types_.clear();
  if (!texts_.empty()) texts_.clear();
  path_.clear();
  type_bytes_ = text_bytes_ = digits_ = 0;
}

std::size_t Values::value(Ref ref, std::string_view head, std::optional<std::string_view> key) {
  path_ = head;
  if (key) enter(*key);
  std::size_t const at = value(ref);
  path_.clear();
  return at;
}

std::size_t Values::value(Ref ref) {
  std::size_t const at = tokens_.size();
  put(ref, 0);
  return at;
}

std::optional<std::size_t> Values::types() {
  if (types_.empty()) return std::nullopt;
  std::size_t const head = open(wire::Kind::kMap);
  for (auto const& type : types_) {
    text(type.pointer);
    text(type.name);
  }
  close(head, types_.size());
  return head;
}

std::string_view Values::clean(std::string_view text) {
  if (wire::is_clean(text)) return text;
  return keep(wire::clean(escape_surrogates(text)));
}

std::string_view Values::clean(Node const& node) {
  if (node.kind == Kind::kOldText && !is_utf8(node.text())) return keep(wire::clean(of_latin1(node.text())));
  return clean(node.text());
}

void Values::put(Ref ref, std::size_t depth) {
  Node& node = graph_[ref];
  switch (node.kind) {
    case Kind::kNone: token(wire::Kind::kNil); return;
    case Kind::kBool: token(wire::Kind::kBool).integer = node.integer; return;
    case Kind::kInt: token(wire::Kind::kInt).integer = node.integer; return;
    case Kind::kUint: token(wire::Kind::kUint).natural = node.natural; return;
    case Kind::kDecimal:
    case Kind::kBinary: put_integer(node); return;
    case Kind::kFloat:
      if (std::isfinite(node.number)) {
        token(wire::Kind::kFloat64).number = node.number;
      } else {
        note("float");
        text(std::isnan(node.number) ? "nan" : node.number < 0 ? "-inf" : "inf");
      }
      return;
    case Kind::kText:
    case Kind::kOldText:
      // Made clean once, however often it is shared.
      if (!exhausted()) {
        auto const made = clean(node);
        if (made.data() != node.data) {
          node.kind = Kind::kText;
          node.data = made.data();
          node.size = static_cast<std::uint32_t>(made.size());
        }
      }
      text(node.text());
      return;
    case Kind::kBytes:
    case Kind::kLatin1:
      note(node.flavour == Flavour::kByteArray ? "bytearray" : "bytes");
      text(exhausted() ? kMore : keep(bytes_text(node)));
      return;
    case Kind::kGlobal: put_global(node); return;
    case Kind::kArray:
    case Kind::kDict:
    case Kind::kCall: break;
  }
  if (node.open) return text(kCycle);
  if (depth >= wire::kMaxDepth || exhausted()) return text(kMore);
  node.open = true;
  if (node.kind == Kind::kArray) {
    put_array(node, depth);
  } else if (node.kind == Kind::kDict) {
    put_dict(node, depth);
  } else {
    put_call(node, depth);
  }
  node.open = false;
}

void Values::put_array(Node& node, std::size_t depth) {
  note(type_of(node.flavour));
  put_members(node, depth);
}

void Values::put_members(Node& node, std::size_t depth) {
  std::size_t const head = open(wire::Kind::kArray);
  std::size_t count = 0;
  graph_.each(node, [&](Ref ref) {
    std::size_t const outer = enter(count++);
    bool const more = !exhausted();
    more ? put(ref, depth + 1) : text(kMore);
    leave(outer);
    return more;
  });
  close(head, count);
}

void Values::put_dict(Node& node, std::size_t depth) {
  bool texts = true;
  std::size_t at = 0;
  graph_.each(node, [&](Ref ref) {
    Kind const kind = graph_[ref].kind;
    if (at++ % 2 == 0) texts = kind == Kind::kText || kind == Kind::kOldText;
    return texts;
  });
  if (!texts) return put_pairs(node, depth);
  note(type_of(node.flavour));
  std::size_t const head = open(wire::Kind::kMap);
  std::size_t count = 0;
  Ref key = kNothing;
  graph_.each(node, [&](Ref ref) {
    if (key == kNothing) {
      key = ref;
      return true;
    }
    bool const more = !exhausted();
    auto const name = more ? clean(graph_[key]) : kMore;
    key = kNothing;
    text(name);
    std::size_t const outer = enter(name);
    more ? put(ref, depth + 1) : text(kMore);
    leave(outer);
    ++count;
    return more;
  });
  close(head, count);
}

/// A dictionary with other keys than texts.
void Values::put_pairs(Node& node, std::size_t depth) {
  note("dict");
  std::size_t const head = open(wire::Kind::kArray);
  std::size_t count = 0;
  Ref key = kNothing;
  graph_.each(node, [&](Ref ref) {
    if (key == kNothing) {
      key = ref;
      return true;
    }
    std::size_t const outer = enter(count++);
    bool const more = !exhausted() && depth + 1 < wire::kMaxDepth;
    if (!more) {
      text(kMore);
    } else {
      std::size_t const pair = open(wire::Kind::kArray);
      std::size_t const inner = enter(std::size_t{0});
      put(key, depth + 2);
      leave(inner);
      enter(std::size_t{1});
      put(ref, depth + 2);
      close(pair, 2);
    }
    leave(outer);
    key = kNothing;
    return more;
  });
  close(head, count);
}

/// Worked out once, however often it is shared: the node becomes what was found.
void Values::put_integer(Node& node) {
  if (node.kind == Kind::kBinary && digits_ + node.size * 3 <= kMaxAllDigits) {
    digits_ += node.size * 3;
    if (auto digits = decimal_digits(node.text(), kMaxDigits))
      become(node, Kind::kDecimal, std::move(*digits));
  }
  if (node.kind == Kind::kDecimal && node.size - (node.text().front() == '-' ? 1U : 0U) <= kMaxDigits) {
    note("int");
    return text(node.text());
  }
  if (node.kind == Kind::kBinary) {
    become(node, Kind::kText, fmt::format("<int of {} bits>", bit_length(node.text())));
  } else if (digits_ <= kMaxAllDigits) {
    digits_ += node.size;
    become(node, Kind::kText, fmt::format("<int of {} bits>", bit_length_of_decimal(node.text())));
  } else {
    return text(kMore);
  }
  text(node.text());
}

void Values::become(Node& node, Kind kind, std::string made) {
  auto const kept = keep(std::move(made));
  node.kind = kind;
  node.size = static_cast<std::uint32_t>(kept.size());
  node.data = kept.data();
}

void Values::put_global(Node const& node) {
  auto const& global = graph_.global(node);
  auto const name =
      keep(std::string(module_today(clean(global.module))) + "." + std::string(clean(global.name)));
  note(keep("object:" + std::string(name)));
  std::size_t const head = open(wire::Kind::kMap);
  text("__class__");
  text(name);
  text("args");
  token(wire::Kind::kNil);
  text("state");
  token(wire::Kind::kNil);
  close(head, 3);
}

wire::Token& Values::token(wire::Kind kind) {
  auto& made = tokens_.emplace_back();
  made.kind = kind;
  return made;
}

void Values::text(std::string_view clean) {
  text_bytes_ += clean.size();
  // What stands for the rest is short: tokens end soon after the bound.
  if (text_bytes_ > kMaxTextBytes && clean.size() > kShort) clean = kMore;
  auto& made = token(wire::Kind::kText);
  made.size = static_cast<std::uint32_t>(clean.size());
  made.data = clean.empty() ? "" : clean.data();
}

std::size_t Values::open(wire::Kind kind) {
  token(kind);
  return tokens_.size() - 1;
}

void Values::close(std::size_t head, std::size_t size) {
  tokens_[head].size = static_cast<std::uint32_t>(size);
  tokens_[head].skip = tokens_.size() - head;
}

void Values::note(std::string_view type) {
  if (type.empty() || path_.empty()) return;
  std::size_t const bytes = path_.size() + type.size();
  if (types_.size() >= kMaxTypes || type_bytes_ + bytes > kMaxTypeBytes) return;
  type_bytes_ += bytes;
  types_.push_back({keep(path_), type});
}

std::size_t Values::enter(std::string_view key) {
  std::size_t const size = path_.size();
  // A pointer that is too long to be kept need not be made.
  if (size == 0 || size + key.size() > kMaxTypeBytes) return size;
  path_ += '/';
  for (char const c : key) {
    if (c == '~') {
      path_ += "~0";
    } else if (c == '/') {
      path_ += "~1";
    } else {
      path_ += c;
    }
  }
  return size;
}

std::size_t Values::enter(std::size_t index) {
  std::size_t const size = path_.size();
  if (size > 0) fmt::format_to(std::back_inserter(path_), "/{}", index);
  return size;
}

}  // namespace logboom::inputs::pickle
