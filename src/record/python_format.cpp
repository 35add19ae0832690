// Format strings of Python's logging.Formatter, rendered: see python_format.hpp. Their grammar is in python_parse.cpp.
#include "record/python_format.hpp"

#include "record/formatter_style.hpp"
#include "record/python_parse.hpp"
#include "record/terminal_text.hpp"
#include "record/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace logboom::python {
namespace {

Object item_of(Object const& object, Index const& index, std::string_view name) {
  auto const missing = [&] { return Mismatch(fmt::format("no item [{}] in {}", index.text, name)); };
  if (auto const* const text = std::get_if<std::string_view>(&object); text != nullptr && index.number) {
    std::string_view const before = first_characters(*text, *index.number);
    std::string_view const rest = text->substr(before.size());
    if (rest.empty()) throw missing();
    return first_characters(rest, 1);
  }
  auto const* const value = std::get_if<Value const*>(&object);
  if (value == nullptr) throw missing();
  if (auto const* const bytes = std::get_if<Value::Bytes>(&(*value)->data())) {
    if (!index.number || *index.number >= bytes->size()) throw missing();
    return std::to_integer<std::int64_t>((*bytes)[*index.number]);
  }
  if (auto const* const array = std::get_if<Value::Array>(&(*value)->data())) {
    if (!index.number || *index.number >= array->size()) throw missing();
    return object_of((*array)[*index.number]);
  }
  if (auto const* const map = std::get_if<Value::Map>(&(*value)->data()); map != nullptr && !index.number) {
    auto const at =
        std::find_if(map->begin(), map->end(), [&](auto const& entry) { return entry.first == index.text; });
    if (at != map->end()) return object_of(at->second);
  }
  throw missing();
}

// '!r', '!s' and '!a': `made` holds the text.
Object converted(Object const& object, char conversion, std::string& made) {
  if (conversion == 0) return object;
  made.clear();
  if (conversion == 's') append_str(object, made);
  if (conversion == 'r') append_repr(object, made);
  if (conversion == 'a') append_ascii(object, made);
  return std::string_view(made);
}

class PythonStyle final : public Formatter::Style {
 public:
  PythonStyle(std::vector<Piece> pieces, FormatOptions options)
      : pieces_(std::move(pieces)),
        time_{std::move(options.datefmt), options.utc},
        defaults_(std::move(options.defaults)),
        escape_(options.escape_controls),
        shows_fields_(std::any_of(pieces_.begin(), pieces_.end(), shows_a_field)) {}

  void format(Record const& record, std::string& out) const override {
    std::size_t const start = out.size();
    Buffers buffers;
    for (Piece const& piece : pieces_) {
      out += piece.literal;
      if (piece.field) put_field(*piece.field, record, buffers, out);
    }
    put_block(shown_exception(record, buffers.made), start, out);
    put_block(record.stack, start, out);
    out += '\n';
  }
  bool shows_fields() const override { return shows_fields_; }

 private:
  static bool shows_a_field(Piece const& piece) {
    if (!piece.field) return false;
    if (piece.field->attribute.is_field()) return true;
    auto const* const nested = std::get_if<NestedSpec>(&piece.field->spec);
    return nested != nullptr && std::any_of(nested->begin(), nested->end(), [](auto const& part) {
             return part.second && part.second->is_field();
           });
  }

  struct Buffers {
    std::string made, converted, rendered;
  };

  void put_field(Field const& field, Record const& record, Buffers& buffers, std::string& out) const {
    if (!escape_) {
      render(field, record, buffers, out);
      return;
    }
    buffers.rendered.clear();
    render(field, record, buffers, buffers.rendered);
    append_harmless(buffers.rendered, out);
  }

  // A value that Python would fail for is said to be one, in its place.
  void render(Field const& field, Record const& record, Buffers& buffers, std::string& out) const {
    std::size_t const start = out.size();
    auto const fail = [&](std::string_view why) {
      out.resize(start);
      out += fmt::format("<{}: {}>", field.attribute.name(), why);
    };
    std::optional<Object> object = field.attribute.find(record, time_, defaults_, buffers.made);
    if (!object) return fail("no such field");
    try {
      for (Index const& index : field.path) object = item_of(*object, index, field.attribute.name());
      object = converted(*object, field.conversion, buffers.converted);
      std::visit([&](auto const& spec) { apply_spec(spec, *object, record, out); }, field.spec);
    } catch (Mismatch const& mismatch) {
      fail(mismatch.what());
    }
  }

  void apply_spec(PercentSpec const& spec, Object const& object, Record const&, std::string& out) const {
    apply(spec, object, out);
  }
  void apply_spec(BraceSpec const& spec, Object const& object, Record const&, std::string& out) const {
    apply(spec, object, out);
  }
  void apply_spec(NestedSpec const& nested, Object const& object, Record const& record, std::string& out) const {
    std::string text;
    std::string made;
    for (auto const& [literal, attribute] : nested) {
      text += literal;
      if (!attribute) continue;
      std::optional<Object> const part = attribute->find(record, time_, defaults_, made);
      if (!part) throw Mismatch(fmt::format("no field {}", attribute->name()));
      append_str(*part, text);
    }
    apply(parse_brace(text), object, out);
  }

  // What logging.Formatter.format puts below the message.
  void put_block(std::string_view text, std::size_t start, std::string& out) const {
    if (text.empty()) return;
    if (out.size() == start || out.back() != '\n') out += '\n';
    if (escape_) {
      append_harmless(text, out);
    } else {
      out += text;
    }
  }

  std::vector<Piece> pieces_;
  TimeFormat time_;
  Fields defaults_;
  bool escape_;
  bool shows_fields_;
};

}  // namespace

std::shared_ptr<Formatter::Style const> compile(std::string_view format, FormatOptions options) {
  std::vector<Piece> pieces = parse_format(format, options.style);
  return std::make_shared<PythonStyle>(std::move(pieces), std::move(options));
}

}  // namespace logboom::python
