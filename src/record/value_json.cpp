// Values as JSON, and as msgpack that says no more than JSON can: what the store keeps of a field and what viewers see of it are equal.
#include "record/value_text.hpp"

#include "record/extension.hpp"
#include "record/wire.hpp"

#include <bit>
#include <charconv>
#include <cmath>

#include <fmt/compile.h>
#include <msgpack.hpp>

namespace logboom::wire {
namespace {

constexpr std::string_view kTooDeep = "…";

class Sink {
 public:
  explicit Sink(TextBuffer& out) : out_(&out) {}
  void write(char const* data, std::size_t size) { append(*out_, {data, size}); }

 private:
  TextBuffer* out_;
};
using Packer = msgpack::packer<Sink>;

template <typename Pack>
void pack(TextBuffer& out, Pack const& with) {
  Sink sink(out);
  Packer packer(sink);
  with(packer);
}

std::string_view view(TextBuffer const& buffer) noexcept { return {buffer.data(), buffer.size()}; }

std::string_view not_finite(double value) noexcept {
  if (std::isnan(value)) return "nan";
  return value < 0 ? "-inf" : "inf";
}

// Always with a point or an exponent, so that it is read back as what it was.
template <typename T>
void append_number(TextBuffer& out, T value) {
  std::size_t const before = out.size();
  append_float(out, value);
  if (view(out).substr(before).find_first_of(".e") == std::string_view::npos) append(out, ".0");
}

// The double that the shortest text of the float says: 0.1f is 0.1 in every form.
double widened(float value) {
  TextBuffer text;
  append_number(text, value);
  double wide = 0;
  std::from_chars(text.data(), text.data() + text.size(), wide);
  return wide;
}

// What JSON has no type for and is shown as text.
void append_extension_text(TextBuffer& out, Token const& value) { append_value(out, value); }

struct Place {
  std::size_t depth = 0;
  bool in_key = false;
  Place below() const noexcept { return {depth + 1, in_key}; }
};

void append_json(TextBuffer& out, Token const& value, Place place);

// A key within a key is JSON in JSON in JSON: each level would double the backslashes of the one before.
std::string_view key_text(Token const& key, TextBuffer& scratch, bool in_key) {
  if (key.kind == Kind::kText || key.kind == Kind::kBytes) return key.text();
  if (in_key && (key.kind == Kind::kArray || key.kind == Kind::kMap)) return kTooDeep;
  std::size_t const before = scratch.size();
  append_json(scratch, key, {0, true});
  return view(scratch).substr(before);
}

void append_json_array(TextBuffer& out, Token const& array, Place place) {
  out.push_back('[');
  Token const* const end = after(&array);
  for (Token const* at = &array + 1; at != end; at = after(at)) {
    if (at != &array + 1) out.push_back(',');
    append_json(out, *at, place);
  }
  out.push_back(']');
}

void append_json_map(TextBuffer& out, Token const& map, Place place) {
  out.push_back('{');
  Token const* const end = after(&map);
  for (Token const* key = &map + 1; key != end;) {
    if (key != &map + 1) out.push_back(',');
    TextBuffer scratch;
    append_json_string(out, key_text(*key, scratch, place.in_key));
    out.push_back(':');
    Token const* const value = after(key);
    append_json(out, *value, place);
    key = after(value);
  }
  out.push_back('}');
}

void append_json_extension(TextBuffer& out, Token const& value) {
  if (auto const duration = duration_of(value)) {
    fmt::format_int const digits(*duration);
    append(out, {digits.data(), digits.size()});
    return;
  }
  TextBuffer text;
  append_extension_text(text, value);
  append_json_string(out, view(text));
}

void append_json_number(TextBuffer& out, Token const& value) {
  if (!std::isfinite(value.number))
    append_json_string(out, not_finite(value.number));
  else if (value.kind == Kind::kFloat32)
    append_number(out, static_cast<float>(value.number));
  else
    append_number(out, value.number);
}

void append_json(TextBuffer& out, Token const& value, Place place) {
  switch (value.kind) {
    case Kind::kNil: append(out, "null"); break;
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kUint:
      value.kind == Kind::kBool ? append(out, value.integer != 0 ? "true" : "false") : append_value(out, value);
      break;
    case Kind::kFloat32:
    case Kind::kFloat64: append_json_number(out, value); break;
    case Kind::kText:
    case Kind::kBytes: append_json_string(out, value.text()); break;
    case Kind::kExtension: append_json_extension(out, value); break;
    case Kind::kArray:
    case Kind::kMap:
      if (place.depth == kMaxDepth)
        append_json_string(out, kTooDeep);
      else if (value.kind == Kind::kArray)
        append_json_array(out, value, place.below());
      else
        append_json_map(out, value, place.below());
      break;
  }
}

void append_msgpack(TextBuffer& out, Token const& value, std::size_t depth);

void append_msgpack_container(TextBuffer& out, Token const& container, std::size_t depth) {
  if (depth == kMaxDepth) return append_msgpack_text(out, kTooDeep);
  bool const is_map = container.kind == Kind::kMap;
  if (is_map)
    append_msgpack_map(out, container.size);
  else
    pack(out, [&](Packer& packer) { packer.pack_array(container.size); });
  Token const* const end = after(&container);
  for (Token const* at = &container + 1; at != end; at = after(at)) {
    if (is_map) {
      TextBuffer scratch;
      append_msgpack_text(out, key_text(*at, scratch));
      at = after(at);
    }
    append_msgpack(out, *at, depth + 1);
  }
}

void append_msgpack_extension(TextBuffer& out, Token const& value) {
  if (auto const duration = duration_of(value)) return append_msgpack_integer(out, *duration);
  TextBuffer text;
  append_extension_text(text, value);
  append_msgpack_text(out, view(text));
}

void append_msgpack_number(TextBuffer& out, Token const& value) {
  if (!std::isfinite(value.number)) return append_msgpack_text(out, not_finite(value.number));
  double const number = value.kind == Kind::kFloat32 ? widened(static_cast<float>(value.number)) : value.number;
  // Not msgpack-c's pack_double: that makes an integer of 1.0.
  std::byte bytes[9] = {std::byte{0xcb}};
  detail::record_layout::store64(bytes + 1, std::bit_cast<std::uint64_t>(number));
  append(out, {reinterpret_cast<char const*>(bytes), sizeof bytes});
}

void append_msgpack(TextBuffer& out, Token const& value, std::size_t depth) {
  switch (value.kind) {
    case Kind::kNil: pack(out, [](Packer& packer) { packer.pack_nil(); }); break;
    case Kind::kBool:
      pack(out, [&](Packer& packer) { value.integer != 0 ? packer.pack_true() : packer.pack_false(); });
      break;
    case Kind::kInt: append_msgpack_integer(out, value.integer); break;
    case Kind::kUint: pack(out, [&](Packer& packer) { packer.pack(value.natural); }); break;
    case Kind::kFloat32:
    case Kind::kFloat64: append_msgpack_number(out, value); break;
    case Kind::kText:
    case Kind::kBytes: append_msgpack_text(out, value.text()); break;
    case Kind::kExtension: append_msgpack_extension(out, value); break;
    case Kind::kArray:
    case Kind::kMap: append_msgpack_container(out, value, depth); break;
  }
}

}  // namespace

void append_json(TextBuffer& out, Token const& value) { append_json(out, value, Place()); }

void append_msgpack(TextBuffer& out, Token const& value) { append_msgpack(out, value, 0); }

void append_msgpack_text(TextBuffer& out, std::string_view text) {
  TextBuffer cleaned;
  if (!is_clean(text)) {
    append_clean(cleaned, text);
    text = view(cleaned);
  }
  pack(out, [&](Packer& packer) {
    packer.pack_str(static_cast<std::uint32_t>(text.size()));
    packer.pack_str_body(text.data(), static_cast<std::uint32_t>(text.size()));
  });
}

void append_msgpack_integer(TextBuffer& out, std::int64_t value) {
  pack(out, [&](Packer& packer) { packer.pack(value); });
}

void append_msgpack_map(TextBuffer& out, std::size_t pairs) {
  pack(out, [&](Packer& packer) { packer.pack_map(static_cast<std::uint32_t>(pairs)); });
}

std::string_view key_text(Token const& key, TextBuffer& scratch) { return key_text(key, scratch, false); }

}  // namespace logboom::wire
