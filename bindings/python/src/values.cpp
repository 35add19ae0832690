// Python object ↔ logboom::Value: see values.hpp.
#include "values.hpp"

#include "bindings.hpp"
#include "encoder.hpp"
#include "record/record_codec.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

namespace py = pybind11;

namespace logboom::python {
namespace {

py::str text(std::string_view utf8) {
  PyObject* const made =
      PyUnicode_DecodeUTF8(utf8.data(), static_cast<Py_ssize_t>(utf8.size()), "backslashreplace");
  if (made == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::str>(made);
}

// Held for ever: looked up once, never destroyed after the interpreter's end.
py::handle attribute(char const* module, char const* name) {
  return py::object(py::module_::import(module).attr(name)).release();
}

void append_segment(std::string_view name, std::string& pointer) {
  pointer += '/';
  for (char const c : name) {
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else {
      pointer += c;
    }
  }
}

std::optional<std::string> unescaped(std::string_view escaped) {
  auto const digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  std::string bytes;
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    if (static_cast<unsigned char>(escaped[i]) >= 0x7f) return std::nullopt;  // of another making, or cut
    if (escaped[i] != '\\') {
      bytes += escaped[i];
    } else if (i + 1 < escaped.size() && escaped[i + 1] == '\\') {
      bytes += '\\';
      ++i;
    } else if (i + 3 < escaped.size() && escaped[i + 1] == 'x' && digit(escaped[i + 2]) >= 0 &&
               digit(escaped[i + 3]) >= 0) {
      bytes += static_cast<char>(digit(escaped[i + 2]) * 16 + digit(escaped[i + 3]));
      i += 3;
    } else {
      return std::nullopt;
    }
  }
  return bytes;
}

// "-1 day, 23:59:59.500000", "2 days, 0:00:01", "0:01:00"
py::object timedelta(std::string_view written) {
  std::int64_t days = 0;
  std::string const all(written);
  char const* at = all.c_str();
  if (auto const comma = all.find(','); comma != std::string::npos) {
    days = std::strtoll(at, nullptr, 10);
    at += comma + 1;
  }
  int hours = 0, minutes = 0, end = 0;
  double seconds = 0;
  if (std::sscanf(at, " %d:%d:%lf%n", &hours, &minutes, &seconds, &end) != 3 || at[end] != '\0') return {};
  static py::handle const kind = attribute("datetime", "timedelta");
  auto const microseconds = std::llround(seconds * 1e6);
  return kind(days, hours * 3600 + minutes * 60, microseconds);
}

// Looked up in what is loaded, never imported and never called: names come from anywhere.
py::object enum_member(std::string_view name, py::object const& value) {
  static py::handle const base = attribute("enum", "Enum");
  auto const modules = py::reinterpret_borrow<py::dict>(PyImport_GetModuleDict());
  // A class may be within a class, a module within a package: the longest name of a loaded module counts.
  for (std::size_t dot = name.rfind('.'); dot != std::string_view::npos && dot != 0;
       dot = name.rfind('.', dot - 1)) {
    py::str const module = text(name.substr(0, dot));
    if (!modules.contains(module)) continue;
    py::object found = modules[module];
    for (std::string_view rest = name.substr(dot + 1); !rest.empty();) {
      std::size_t const end = std::min(rest.find('.'), rest.size());
      if (!PyModule_Check(found.ptr()) && !PyType_Check(found.ptr())) return {};
      py::object const names = found.attr("__dict__");
      py::str const part = text(rest.substr(0, end));
      if (!names.contains(part)) return {};
      found = names[part];
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    if (PyType_Check(found.ptr()) && PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(found.ptr()),
                                                      reinterpret_cast<PyTypeObject*>(base.ptr())) != 0) {
      for (py::handle const member : found.attr("_member_map_").attr("values")()) {
        py::object const held = member.attr("_value_");
        if (held.equal(value) ||
            (PyTuple_Check(held.ptr()) && PyList_Check(value.ptr()) && held.equal(py::tuple(value))))
          return py::reinterpret_borrow<py::object>(member);
      }
    }
    return {};
  }
  return {};
}

py::object from_text(std::string_view type, std::string_view written, py::object const& plain) {
  if (type == "int") {
    bool const is = !written.empty() && written.size() <= 4301 &&
                    std::all_of(written.begin() + (written[0] == '-' ? 1 : 0), written.end(),
                                [](char c) { return c >= '0' && c <= '9'; });
    return is ? py::reinterpret_steal<py::object>(PyLong_FromString(std::string(written).c_str(), nullptr, 10))
              : py::object();
  }
  if (type == "float") {
    static py::handle const kind = attribute("builtins", "float");
    return written == "nan" || written == "inf" || written == "-inf" ? kind(plain) : py::object();
  }
  if (type == "bytes" || type == "bytearray") {
    auto const bytes = unescaped(written);
    if (!bytes) return {};
    return type == "bytes" ? py::object(py::bytes(*bytes)) : py::object(py::bytearray(*bytes));
  }
  if (type == "datetime" || type == "date" || type == "time") {
    return py::module_::import("datetime").attr(std::string(type).c_str()).attr("fromisoformat")(plain);
  }
  if (type == "timedelta") return timedelta(written);
  if (type == "Decimal") return py::module_::import("decimal").attr("Decimal")(plain);
  if (type == "UUID") return py::module_::import("uuid").attr("UUID")(plain);
  if (type == "complex") return py::module_::import("builtins").attr("complex")(plain);
  if (type == "Path") return py::module_::import("pathlib").attr("Path")(plain);
  return {};
}

py::object from_array(std::string_view type, py::object const& plain) {
  if (type == "tuple") return py::tuple(plain);
  if (type == "set") return py::set(plain);
  if (type == "frozenset") return py::reinterpret_steal<py::object>(PyFrozenSet_New(plain.ptr()));
  if (type == "deque") return py::module_::import("collections").attr("deque")(plain);
  if (type == "dict") return py::module_::import("builtins").attr("dict")(plain);
  return {};
}

// The value as its type has it; null when it does not parse.
py::object restored(std::string_view type, Value const& value, py::object const& plain) {
  try {
    if (type.starts_with("enum:")) return enum_member(type.substr(5), plain);
    py::object made;
    if (auto const* const written = std::get_if<std::string>(&value.data())) {
      made = from_text(type, *written, plain);
    } else if (std::holds_alternative<Value::Array>(value.data())) {
      made = from_array(type, plain);
    } else if (std::holds_alternative<Value::Map>(value.data())) {
      auto const collections = py::module_::import("collections");
      if (type == "OrderedDict") made = collections.attr("OrderedDict")(plain);
      if (type == "defaultdict") made = collections.attr("defaultdict")(py::none(), plain);
    }
    if (!made) PyErr_Clear();
    return made;
  } catch (py::error_already_set& e) {
    if (!e.matches(PyExc_Exception)) throw;
    return {};
  }
}

struct ToPython {
  Types const& types;
  std::string pointer;

  py::object operator()(Value const& value) {
    py::object plain = std::visit(*this, value.data());
    if (types.empty()) return plain;
    std::string_view const type = types.at(pointer);
    if (type.empty()) return plain;
    py::object made = restored(type, value, plain);
    return made ? made : plain;
  }

  py::object operator()(std::nullptr_t) { return py::none(); }
  py::object operator()(bool value) { return py::bool_(value); }
  py::object operator()(std::int64_t value) { return py::int_(value); }
  py::object operator()(std::uint64_t value) { return py::int_(value); }
  py::object operator()(double value) { return py::float_(value); }
  py::object operator()(std::string const& value) { return text(value); }
  py::object operator()(Value::Bytes const& value) {
    return py::bytes(reinterpret_cast<char const*>(value.data()), value.size());
  }
  py::object operator()(Value::Array const& array) {
    py::list list(array.size());
    for (std::size_t i = 0; i < array.size(); ++i) list[i] = within(std::to_string(i), array[i]);
    return list;
  }
  py::object operator()(Value::Map const& map) { return dict(map); }

  py::dict dict(Fields const& map) {
    py::dict dict;
    for (auto const& [key, value] : map) dict[text(key)] = within(key, value);
    return dict;
  }

 private:
  py::object within(std::string_view segment, Value const& value) {
    if (types.empty()) return (*this)(value);
    std::size_t const size = pointer.size();
    append_segment(segment, pointer);
    py::object made = (*this)(value);
    pointer.resize(size);
    return made;
  }
};

}  // namespace

Types::Types(Value const* attribute) {
  if (attribute == nullptr) return;
  auto const* const map = std::get_if<Value::Map>(&attribute->data());
  if (map == nullptr) return;
  for (auto const& [pointer, name] : *map) {
    if (names_.size() >= kMax) return;
    if (auto const* const type = std::get_if<std::string>(&name.data())) names_.emplace(pointer, *type);
  }
}

std::string_view Types::at(std::string_view pointer) const {
  auto const found = names_.find(pointer);
  return found != names_.end() ? found->second : std::string_view{};
}

py::object to_python(Value const& value, Types const& types, std::string pointer) {
  return ToPython{types, std::move(pointer)}(value);
}

py::object to_python(Value const& value) { return to_python(value, Types{}); }

py::dict to_dict(Fields const& fields, Types const& types, std::string const& base) {
  return ToPython{types, base}.dict(fields);
}

py::object to_arguments(Value const& arguments, Types const& types) {
  py::object made = to_python(arguments, types, "/arguments");
  if (PyList_Check(made.ptr())) return py::tuple(made);
  if (PyDict_Check(made.ptr()) || PyTuple_Check(made.ptr())) return made;
  return py::make_tuple(made);
}

TypedValue from_python(py::handle object, std::string_view pointer) {
  constexpr std::size_t kRoom = std::size_t{64} << 10U;
  std::vector<std::byte> buffer(kRoom);
  TypedValue made;
  for (std::size_t limit = kRoom / 2; limit >= 32; limit /= 4) {
    Encoder encoder(buffer.data(), buffer.data() + buffer.size(), limit);
    encoder.value(object.ptr(), Step{nullptr, pointer, nullptr, -1});
    if (PyObject* const raised = encoder.take_raised()) {
      PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(raised)), raised);
      Py_DECREF(raised);
      throw py::error_already_set();
    }
    if (encoder.full()) continue;
    made.value = decode_value({reinterpret_cast<char const*>(buffer.data()), encoder.size()});
    for (auto& [at, name] : encoder.types()) made.types.emplace_back(at, Value(std::move(name)));
    return made;
  }
  made.value = Value(std::string("…"));
  return made;
}

void bind_values(py::module_& module) {
  // For the tests: there and back.
  module.def("round_trip", [](py::object const& object) {
    TypedValue const made = from_python(object, "/fields/value");
    Value const types(made.types);
    return py::make_tuple(to_python(made.value, Types(&types), "/fields/value"), to_python(made.value),
                          to_python(types));
  });
}

}  // namespace logboom::python
