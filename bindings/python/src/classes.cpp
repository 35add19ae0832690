// Kinds of classes: see classes.hpp.
#include "classes.hpp"

#include <unordered_map>

namespace logboom::python {
namespace {

constexpr std::size_t kMaxRemembered = 1024;

struct Known {
  char const* module;
  char const* name;
  Kind kind;
};
// An enum may be an int or a str as well, a datetime is a date: the first that fits counts.
constexpr Known kKnown[] = {
    {"enum", "Enum", Kind::kEnum},
    {"datetime", "datetime", Kind::kDatetime},
    {"datetime", "date", Kind::kDate},
    {"datetime", "time", Kind::kTime},
    {"datetime", "timedelta", Kind::kTimedelta},
    {"decimal", "Decimal", Kind::kDecimal},
    {"uuid", "UUID", Kind::kUuid},
    {"pathlib", "PurePath", Kind::kPath},
    {"collections", "OrderedDict", Kind::kOrderedDict},
    {"collections", "defaultdict", Kind::kDefaultDict},
    {"collections", "deque", Kind::kDeque},
};

// An object of a class whose module was never imported cannot be.
bool derives_from(PyTypeObject* type, char const* module, char const* name) {
  PyObject* const modules = PyImport_GetModuleDict();  // borrowed
  PyObject* const found = PyDict_GetItemString(modules, module);
  if (found == nullptr) return false;
  PyObject* const base = PyObject_GetAttrString(found, name);
  if (base == nullptr) {
    PyErr_Clear();
    return false;
  }
  bool const derives = PyType_Check(base) && PyType_IsSubtype(type, reinterpret_cast<PyTypeObject*>(base)) != 0;
  Py_DECREF(base);
  return derives;
}

bool is_dataclass(PyTypeObject* type) {
  PyObject* const fields = PyObject_GetAttrString(reinterpret_cast<PyObject*>(type), "__dataclass_fields__");
  if (fields == nullptr) {
    PyErr_Clear();
    return false;
  }
  bool const is = PyDict_Check(fields);
  Py_DECREF(fields);
  return is;
}

Kind look(PyTypeObject* type) {
  for (Known const& known : kKnown) {
    if (derives_from(type, known.module, known.name)) return known.kind;
  }
  auto const is = [type](PyTypeObject& base) { return PyType_IsSubtype(type, &base) != 0; };
  if (is(PyUnicode_Type)) return Kind::kText;
  if (is(PyLong_Type)) return Kind::kInteger;
  if (is(PyFloat_Type)) return Kind::kFloat;
  if (is(PyBytes_Type)) return Kind::kBytes;
  if (is(PyByteArray_Type)) return Kind::kByteArray;
  if (is_dataclass(type)) return Kind::kDataclass;
  if (is(PyList_Type)) return Kind::kList;
  if (is(PyTuple_Type)) return Kind::kTuple;
  if (is(PyDict_Type)) return Kind::kDict;
  if (is(PySet_Type)) return Kind::kSet;
  if (is(PyFrozenSet_Type)) return Kind::kFrozenSet;
  if (is(PyComplex_Type)) return Kind::kComplex;
  return Kind::kOther;
}

}  // namespace

Kind kind_of(PyTypeObject* type) {
  // Under the GIL, hence no lock. A remembered class is held, so that its address stays its own.
  static auto& remembered = *new std::unordered_map<PyTypeObject*, Kind>();
  if (auto const known = remembered.find(type); known != remembered.end()) return known->second;
  Kind const kind = look(type);
  if (remembered.size() < kMaxRemembered) {
    Py_INCREF(type);
    remembered.emplace(type, kind);
  }
  return kind;
}

}  // namespace logboom::python
