// What a call in a pickle stands for: the value that Python's own classes would make, or an inert object. See pickle_values.hpp.
#include "inputs/pickle_names.hpp"
#include "inputs/pickle_number.hpp"
#include "inputs/pickle_values.hpp"
#include "inputs/python_time_text.hpp"
#include "record/python_number.hpp"
#include "record/utf8.hpp"
#include "record/wire.hpp"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace logboom::inputs::pickle {
namespace {

bool is_text(Node const& node) noexcept { return node.kind == Kind::kText || node.kind == Kind::kOldText; }

std::optional<double> number_of(Node const& node) noexcept {
  if (node.kind == Kind::kFloat) return node.number;
  if (node.kind == Kind::kInt) return static_cast<double>(node.integer);
  return std::nullopt;
}

std::string short_double(double value) { return python::format_double(value, {'r', 0, false, false}); }

}  // namespace

void Values::put_call(Node& node, std::size_t depth) {
  Call const call = graph_.call(node);
  Node const callable = graph_[call.callable];
  if (callable.kind == Kind::kGlobal) {
    auto const& global = graph_.global(callable);
    if (put_known(global.known, call, depth) || put_enum(global, call, depth)) return;
  }
  put_object(node, depth);
}

/// @return false: it cannot be the value that its class makes
bool Values::put_known(Known known, Call const& call, std::size_t /*depth*/) {
  switch (known) {
    case Known::kDateTime:
      return put_typed(zoned(iso_datetime(raw_bytes(arg(call, 0))), call, 1), "datetime");
    case Known::kDate: return put_typed(iso_date(raw_bytes(arg(call, 0))), "date");
    case Known::kTime: return put_typed(zoned(iso_time(raw_bytes(arg(call, 0))), call, 1), "time");
    case Known::kTimeDelta: return put_typed(timedelta_text(call), "timedelta");
    case Known::kComplex: return put_typed(complex_text(call), "complex");
    case Known::kUuid: return put_typed(uuid_text(call), "UUID");
    case Known::kPosixPath: return put_typed(path_text(call, false), "Path");
    case Known::kWindowsPath: return put_typed(path_text(call, true), "Path");
    case Known::kDecimal: {
      if (args(call) != 1 || !is_text(graph_[arg(call, 0)])) return false;
      note("Decimal");
      text(clean(graph_[arg(call, 0)]));
      return true;
    }
    default: return false;
  }
}

bool Values::put_typed(std::optional<std::string> made, std::string_view type) {
  if (!made) return false;
  note(type);
  text(clean(keep(std::move(*made))));
  return true;
}

bool Values::put_enum(Global const& global, Call const& call, std::size_t depth) {
  if (global.known == Known::kGetAttr) return put_named_member(call);
  if (global.known != Known::kNo || args(call) != 1) return false;
  if (call.state != kNothing || call.items != kNothing || call.entries != kNothing) return false;
  Node const& member = graph_[arg(call, 0)];
  bool const of_text = is_text(member);
  if (!of_text && member.kind != Kind::kInt) return false;
  if (!may_be_enum(global.module, global.name, of_text)) return false;
  note(keep("enum:" + class_name(call.callable)));
  put(arg(call, 0), depth);
  return true;
}

/// `getattr(Class, "NAME")`: some Pythons (3.11 to 3.11.3) pickle a member by its name, and its value is not there.
bool Values::put_named_member(Call const& call) {
  if (args(call) != 2 || call.state != kNothing) return false;
  Node const& owner = graph_[arg(call, 0)];
  Node const& name = graph_[arg(call, 1)];
  if (owner.kind != Kind::kGlobal || !is_text(name)) return false;
  auto const& global = graph_.global(owner);
  if (global.known != Known::kNo || !may_be_enum(global.module, global.name, false)) return false;
  note(keep("enum:" + class_name(arg(call, 0))));
  text(clean(name));
  return true;
}

/// {"__class__": "module.Class", "args": […], "state": …}, and what was added to it.
void Values::put_object(Node& node, std::size_t depth) {
  Call const call = graph_.call(node);
  auto const name = keep(class_name(call.callable));
  note(keep("object:" + std::string(name)));
  std::size_t const head = open(wire::Kind::kMap);
  std::size_t pairs = 3;
  auto const member = [&](std::string_view key, auto const& with) {
    text(key);
    std::size_t const outer = enter(key);
    with();
    leave(outer);
  };
  text("__class__");
  text(name);
  member("args", [&] {
    if (depth + 1 < wire::kMaxDepth) return put_members(graph_[call.args], depth + 1);
    text("…");
  });
  member("state", [&] { put(call.state == kNothing ? Graph::kNone : call.state, depth + 1); });
  if (call.items != kNothing) {
    member("items", [&] { put(call.items, depth + 1); });
    ++pairs;
  }
  if (call.entries != kNothing) {
    member("entries", [&] { put(call.entries, depth + 1); });
    ++pairs;
  }
  close(head, pairs);
}

std::string Values::class_name(Ref callable) {
  Node const& node = graph_[callable];
  if (node.kind != Kind::kGlobal) return "a call of what another one made";
  auto const& global = graph_.global(node);
  return std::string(module_today(clean(global.module))) + "." + std::string(clean(global.name));
}

std::optional<std::string> Values::zoned(std::optional<std::string> iso, Call const& call, std::size_t at) {
  if (!iso) return iso;
  Ref const zone = arg(call, at);
  if (zone == kNothing || zone == Graph::kNone) return iso;
  auto const text = zone_text(zone);
  if (!text) return std::nullopt;
  return *iso + *text;
}

/// "+01:00", or the name of the zone in brackets where the pickle does not hold its offset.
std::optional<std::string> Values::zone_text(Ref zone) {
  if (graph_[zone].kind != Kind::kCall) return std::nullopt;
  Call const call = graph_.call(graph_[zone]);
  Node const& callable = graph_[call.callable];
  if (callable.kind != Kind::kGlobal) return std::nullopt;
  auto const& global = graph_.global(callable);
  Ref const first = arg(call, 0);
  switch (global.known) {
    case Known::kUtc: return "+00:00";
    case Known::kTimeZone: {
      if (first == kNothing || graph_[first].kind != Kind::kCall) return std::nullopt;
      Call const delta = graph_.call(graph_[first]);
      Delta made;
      std::int64_t* const parts[] = {&made.days, &made.seconds, &made.microseconds};
      for (std::size_t i = 0; i < 3; ++i) {
        Ref const part = arg(delta, i);
        if (part == kNothing || graph_[part].kind != Kind::kInt) return std::nullopt;
        *parts[i] = graph_[part].integer;
      }
      return offset_text(made);
    }
    case Known::kPytz: {
      Ref const seconds = arg(call, 1);
      if (seconds == kNothing || graph_[seconds].kind != Kind::kInt) break;
      std::int64_t const offset = graph_[seconds].integer;
      if (offset <= -86'400 || offset >= 86'400) return std::nullopt;
      return offset_text({offset < 0 ? -1 : 0, offset < 0 ? offset + 86'400 : offset, 0});
    }
    default: break;
  }
  if (first != kNothing && is_text(graph_[first])) return fmt::format("[{}]", clean(graph_[first]));
  return fmt::format("[{}]", class_name(call.callable));
}

std::optional<std::string> Values::timedelta_text(Call const& call) {
  Delta made;
  std::int64_t* const parts[] = {&made.days, &made.seconds, &made.microseconds};
  if (args(call) > 3) return std::nullopt;
  for (std::size_t i = 0; i < args(call); ++i) {
    Node const& part = graph_[arg(call, i)];
    if (part.kind != Kind::kInt) return std::nullopt;
    *parts[i] = part.integer;
  }
  if (!made.sound()) return std::nullopt;
  return delta_text(made);
}

std::optional<std::string> Values::complex_text(Call const& call) {
  if (args(call) != 2) return std::nullopt;
  auto const real = number_of(graph_[arg(call, 0)]);
  auto const imaginary = number_of(graph_[arg(call, 1)]);
  if (!real || !imaginary) return std::nullopt;
  auto const second = short_double(*imaginary);
  if (*real == 0 && !std::signbit(*real)) return second + "j";
  return fmt::format("({}{}{}j)", short_double(*real), second.starts_with('-') ? "" : "+", second);
}

/// Its state is {"int": n}, and little else.
std::optional<std::string> Values::uuid_text(Call const& call) {
  constexpr std::uint32_t kMostNodes = 16;
  if (call.state == kNothing || graph_[call.state].kind != Kind::kDict) return std::nullopt;
  if (graph_[call.state].size > kMostNodes) return std::nullopt;
  Ref number = kNothing;
  Ref key = kNothing;
  graph_.each(graph_[call.state], [&](Ref ref) {
    if (key == kNothing) {
      key = ref;
      return true;
    }
    if (is_text(graph_[key]) && graph_[key].text() == "int") number = ref;
    key = kNothing;
    return number == kNothing;
  });
  if (number == kNothing) return std::nullopt;
  Node const& node = graph_[number];
  std::optional<Wide> wide;
  if (node.kind == Kind::kInt && node.integer >= 0) {
    wide = wide_of_decimal(fmt::format("{}", node.integer));
  } else if (node.kind == Kind::kUint) {
    wide = wide_of_decimal(fmt::format("{}", node.natural));
  } else if (node.kind == Kind::kDecimal) {
    wide = wide_of_decimal(node.text());
  } else if (node.kind == Kind::kBinary) {
    wide = wide_of_binary(node.text());
  }
  if (!wide) return std::nullopt;
  std::string text;
  for (std::size_t i = 0; i < wide->size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    fmt::format_to(std::back_inserter(text), "{:02x}", static_cast<unsigned>((*wide)[i]));
  }
  return text;
}

std::optional<std::string> Values::path_text(Call const& call, bool windows) {
  constexpr std::size_t kMaxParts = 256;
  char const separator = windows ? '\\' : '/';
  std::string path;
  if (args(call) > kMaxParts) return std::nullopt;
  bool texts = true;
  graph_.each(graph_[call.args], [&](Ref ref) {
    Node const& part = graph_[ref];
    texts = is_text(part);
    if (!texts || part.size == 0) return texts;
    auto const text = clean(part);
    bool const apart = !path.empty() && path.back() != separator && !(windows && path.back() == ':');
    if (apart && text.front() != separator) path += separator;
    path += text;
    texts = path.size() <= kMaxTextBytes;
    return texts;
  });
  if (!texts) return std::nullopt;
  return path.empty() ? "." : path;
}

std::string Values::bytes_text(Node const& node) const {
  std::string out;
  auto const put = [&](unsigned char byte) {
    if (byte == '\\') {
      out += "\\\\";
    } else if (byte >= 0x20 && byte < 0x7f) {
      out += static_cast<char>(byte);
    } else {
      constexpr char kHex[] = "0123456789abcdef";
      out += {'\\', 'x', kHex[byte >> 4U], kHex[byte & 15U]};
    }
  };
  auto const bytes = node.text();
  for (std::size_t at = 0; at < bytes.size();) {
    auto const c = node.kind == Kind::kLatin1 ? decode_utf8(bytes, at)
                                              : Utf8Char{static_cast<unsigned char>(bytes[at]), 1, true};
    put(static_cast<unsigned char>(c.code));
    at += c.size;
  }
  return out;
}

/// The bytes that a time is packed into; empty if it is none.
std::string Values::raw_bytes(Ref ref) const {
  constexpr std::size_t kLongest = 32;
  if (ref == kNothing) return {};
  Node const& node = graph_[ref];
  bool const text = node.kind == Kind::kText || node.kind == Kind::kLatin1;
  if (node.size > kLongest || (!text && node.kind != Kind::kBytes && node.kind != Kind::kOldText)) return {};
  if (!text) return std::string(node.text());
  std::string out;
  for (std::size_t at = 0; at < node.size;) {
    auto const c = decode_utf8(node.text(), at);
    if (!c.valid || c.code > 0xff) return {};
    out += static_cast<char>(static_cast<unsigned char>(c.code));
    at += c.size;
  }
  return out;
}

}  // namespace logboom::inputs::pickle
