// Python object ↔ logboom::Value, with the Python types beside it that JSON does not say (attribute `types`, docs/python.md). Needs the GIL.
// Must not know records' members, sockets or stores.
#pragma once

#include <logboom/record.hpp>

#include <pybind11/pybind11.h>

#include <string>
#include <string_view>
#include <unordered_map>

namespace logboom::python {

/// The attribute `types` of a record, ready to be asked. Views the attribute: keep the record.
class Types {
 public:
  static constexpr std::size_t kMax = 256;  ///< what is beyond is not restored

  Types() = default;
  /// Of any shape: what is no text is left out. nullptr: no types.
  explicit Types(Value const* attribute);

  bool empty() const noexcept { return names_.empty(); }
  /// Name of the type of the value at a JSON pointer; "" when JSON says it.
  std::string_view at(std::string_view pointer) const;

 private:
  std::unordered_map<std::string_view, std::string_view> names_;
};

/// The value as Python had it. A text that does not parse as its type stays what it is. Never imports what a type names, never calls code of the classes named: an
/// enum is looked up among the classes of loaded modules, a dataclass stays a dict.
/// `pointer`: of the value, "/fields/when" ("" with no types).
/// @throws pybind11::error_already_set: no memory.
pybind11::object to_python(Value const& value, Types const& types, std::string pointer = {});
pybind11::object to_python(Value const& value);

/// A map of fields or attributes as a dict. `base`: "/fields".
pybind11::dict to_dict(Fields const& fields, Types const& types, std::string const& base);

/// `arguments` (an array or map of values; anything else counts as one) as a LogRecord's args: a tuple, or a dict.
pybind11::object to_arguments(Value const& arguments, Types const& types);

struct TypedValue {
  Value value;
  Fields types;  ///< pointer → name
};
/// Any object; what cannot be encoded becomes a text that says so. Within the bounds of a record. Raises what is no Exception (KeyboardInterrupt).
/// @throws pybind11::error_already_set
TypedValue from_python(pybind11::handle object, std::string_view pointer);

}  // namespace logboom::python
