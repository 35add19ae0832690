// Values as Python shows them: str(), repr(), ascii() and the names of types. Knows nothing of records or format strings.
#pragma once

#include <logboom/record.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>

namespace logboom::python {

/// A Python object, borrowed: None, bool, int, float, str; bytes, list and dict as the Value that holds them.
using Object =
    std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string_view, Value const*>;

Object object_of(Value const& value) noexcept;

/// What Python would raise while it renders a value; what() is its text.
class Mismatch : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// "NoneType", "int", "str" …
std::string_view type_name(Object const& object) noexcept;

void append_str(Object const& object, std::string& out);
void append_repr(Object const& object, std::string& out);
/// repr() with all that is not ASCII escaped.
void append_ascii(Object const& object, std::string& out);

}  // namespace logboom::python
