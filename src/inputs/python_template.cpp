// See python_template.hpp.
#include "inputs/python_template.hpp"

#include "record/clean_text.hpp"
#include "record/python_spec.hpp"
#include "record/record_codec.hpp"
#include "record/template.hpp"
#include "record/value_text.hpp"

#include <logboom/record.hpp>

#include <cstddef>

namespace logboom::inputs {
namespace {

constexpr std::size_t kMaxRendered = wire::Template::kMaxRendered;
// Keys looked at and values and bytes shown: a template that shows little of much, over and over, is not worked off.
constexpr std::size_t kMaxWork = 4U << 20U;

std::string_view view(wire::TextBuffer const& buffer) { return {buffer.data(), buffer.size()}; }

/// Borrows from the token, or from `scratch`.
python::Object object_of(wire::Token const& token, Value& scratch) {
  switch (token.kind) {
    case wire::Kind::kBool: return token.integer != 0;
    case wire::Kind::kInt: return token.integer;
    case wire::Kind::kUint: return token.natural;
    case wire::Kind::kFloat64: return token.number;
    case wire::Kind::kText: return token.text();
    case wire::Kind::kArray:
    case wire::Kind::kMap: {
      wire::TextBuffer packed;
      wire::append_msgpack(packed, token);
      scratch = decode_value(view(packed));
      return python::object_of(scratch);
    }
    default: return nullptr;
  }
}

class Renderer {
 public:
  Renderer(std::string_view text, wire::Token const& arguments) : text_(text), arguments_(arguments) {}

  std::string render() {
    while (!text_.empty() && out_.size() <= kMaxRendered) {
      std::size_t const percent = text_.find('%');
      out_ += text_.substr(0, percent);
      if (percent == std::string_view::npos) return finished();
      text_.remove_prefix(percent + 1);
      conversion();
    }
    return finished();
  }

 private:
  std::string finished() {
    if (arguments_.kind == wire::Kind::kArray && used_ < arguments_.size)
      throw python::Mismatch("not all arguments converted");
    out_.resize(wire::cut_at_character(out_, kMaxRendered).size());
    return std::move(out_);
  }

  void conversion() {
    std::optional<std::string_view> key;
    if (text_.starts_with('(')) {
      std::size_t const close = text_.find(')');
      if (close == std::string_view::npos) throw python::Mismatch("incomplete format key");
      key = text_.substr(1, close - 1);
      text_.remove_prefix(close + 1);
    }
    python::PercentSpec spec;
    text_.remove_prefix(python::parse_percent(text_, spec));
    Value scratch;
    if (work_ > kMaxWork) throw python::Mismatch("too much of it");
    python::apply(spec, spec.conversion == '%' ? python::Object(nullptr) : object_of(argument(key), scratch),
                  out_);
  }

  wire::Token const& argument(std::optional<std::string_view> const& key) {
    if (key) return named(*key);
    if (arguments_.kind != wire::Kind::kArray) return spent(arguments_);
    if (used_ == arguments_.size) throw python::Mismatch("not enough arguments");
    next_ = used_++ == 0 ? &arguments_ + 1 : wire::after(next_);
    return spent(*next_);
  }

  wire::Token const& spent(wire::Token const& value) {
    for (wire::Token const* at = &value; at != wire::after(&value); ++at)
      work_ += 1 + (at->kind == wire::Kind::kText ? at->size : 0);
    return value;
  }

  wire::Token const& named(std::string_view key) {
    if (arguments_.kind != wire::Kind::kMap) throw python::Mismatch("format requires a mapping");
    wire::Token const* const end = wire::after(&arguments_);
    for (wire::Token const* at = &arguments_ + 1; at != end;) {
      wire::Token const* const value = wire::after(at);
      ++work_;
      if (at->kind == wire::Kind::kText && at->text() == key) return spent(*value);
      at = wire::after(value);
    }
    throw python::Mismatch("no such key");
  }

  std::string_view text_;
  wire::Token const& arguments_;
  wire::Token const* next_ = nullptr;
  std::size_t used_ = 0;
  std::size_t work_ = 0;
  std::string out_;
};

}  // namespace

std::string render_percent(std::string_view text, wire::Token const& arguments) {
  try {
    return Renderer(text, arguments).render();
  } catch (python::Mismatch const&) {
    wire::TextBuffer shown;
    wire::append_value(shown, arguments);
    return std::string(text) + " " + std::string(wire::cut_at_character(view(shown), kMaxRendered));
  }
}

}  // namespace logboom::inputs
