// The grammar of Python's three styles of format strings. Must not know how pieces are rendered.
#pragma once

#include "record/python_attribute.hpp"
#include "record/python_spec.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace logboom::python {

inline constexpr std::size_t kMaxFormat = 16U << 10U;  // bytes of a format string

/// `[0]` or `[name]` behind a field of the `{` style.
struct Index {
  std::string text;
  std::optional<std::size_t> number;
};

/// A specification that takes its width or precision from fields: `{message:{width}}`.
using NestedSpec = std::vector<std::pair<std::string, std::optional<Attribute>>>;

struct Field {
  Attribute attribute;
  std::vector<Index> path;
  char conversion = 0;  // r, s or a
  std::variant<BraceSpec, PercentSpec, NestedSpec> spec;
};

/// A text, and the field behind it.
struct Piece {
  std::string literal;
  std::optional<Field> field;
};

/// '%', '{' or '$' by what the text holds; 0 if it names no field in any style.
char guess_style(std::string_view format) noexcept;

/// `style` is '%', '{', '$' or 0: by content. @throws std::invalid_argument, see Formatter::make
std::vector<Piece> parse_format(std::string_view format, char style);

}  // namespace logboom::python
