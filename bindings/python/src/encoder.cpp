// Python objects as msgpack: see encoder.hpp.
#include "encoder.hpp"

#include "classes.hpp"
#include "record/utf8.hpp"
#include "ref.hpp"

#include <logboom/detail/encode.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace logboom::python {
namespace {

constexpr std::string_view kElsewhere = "…";
constexpr std::size_t kMaxIntegerBits = 14'284;  // 4,300 decimal digits

std::string_view ascii(PyObject* str) noexcept {
  return {reinterpret_cast<char const*>(PyUnicode_1BYTE_DATA(str)),
          static_cast<std::size_t>(PyUnicode_GET_LENGTH(str))};
}

// The text with lone surrogates as `\udc80`; empty and an exception set if there is no memory.
std::string escaped_utf8(PyObject* str) {
  Ref const encoded(PyUnicode_AsEncodedString(str, "utf-8", "backslashreplace"));
  if (!encoded) return {};
  return {PyBytes_AS_STRING(encoded.get()), static_cast<std::size_t>(PyBytes_GET_SIZE(encoded.get()))};
}

std::string plain_text(PyObject* str) {
  Py_ssize_t size = 0;
  char const* const utf8 = PyUnicode_AsUTF8AndSize(str, &size);
  if (utf8 != nullptr) return {utf8, static_cast<std::size_t>(size)};
  PyErr_Clear();
  std::string text = escaped_utf8(str);
  PyErr_Clear();
  return text;
}

// One segment of a JSON pointer.
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

void append_pointer(Step const& step, std::string& pointer) {
  if (step.outer != nullptr) append_pointer(*step.outer, pointer);
  if (step.key != nullptr) {
    append_segment(plain_text(step.key), pointer);
  } else if (step.index >= 0) {
    pointer += fmt::format("/{}", step.index);
  } else {
    pointer += step.name;
  }
}

std::string attribute_text(PyTypeObject* type, char const* name) {
  Ref const text(PyObject_GetAttrString(reinterpret_cast<PyObject*>(type), name));
  if (!text || !PyUnicode_Check(text.get())) {
    PyErr_Clear();
    return {};
  }
  return plain_text(text.get());
}

// Not a ClassVar or InitVar, which are listed with the fields.
bool is_instance_field(PyObject* field) {
  Ref const kind(PyObject_GetAttrString(field, "_field_type"));
  Ref const name(kind ? PyObject_GetAttrString(kind.get(), "name") : nullptr);
  PyErr_Clear();
  return !name || !PyUnicode_Check(name.get()) || PyUnicode_CompareWithASCIIString(name.get(), "_FIELD") == 0;
}

// Keys are held while their values are encoded: that may run code which changes the dictionary.
struct Entry {
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  Entry() = default;
  ~Entry() { drop(); }
  Entry(Entry const&) = delete;
  Entry& operator=(Entry const&) = delete;
  bool next(PyObject* dict, Py_ssize_t& position) {
    drop();
    if (PyDict_Next(dict, &position, &key, &value) == 0) {
      key = value = nullptr;
      return false;
    }
    Py_INCREF(key);
    Py_INCREF(value);
    return true;
  }
  void drop() {
    Py_CLEAR(key);
    Py_CLEAR(value);
  }
};

}  // namespace

std::string class_name(PyTypeObject* type) {
  std::string const module = attribute_text(type, "__module__");
  std::string name = attribute_text(type, "__qualname__");
  if (name.empty()) name = type->tp_name;
  return module.empty() ? name : module + "." + name;
}

void Encoder::nil() {
  if (room(1)) at_ = detail::put8(at_, 0xc0);
}

void Encoder::integer(std::int64_t number) {
  if (room(9)) at_ = detail::put(at_, number, detail::kNoLimit);
}

void Encoder::integer(std::uint64_t number) {
  if (room(9)) at_ = detail::put(at_, number, detail::kNoLimit);
}

void Encoder::real(double number) {
  if (room(9)) at_ = detail::put(at_, number, detail::kNoLimit);
}

void Encoder::text(std::string_view utf8) {
  if (room(3 + std::min(utf8.size(), text_limit_ + detail::kCutRoom)))
    at_ = detail::put(at_, utf8, text_limit_);
}

void Encoder::text(PyObject* str) {
  if (PyUnicode_IS_COMPACT_ASCII(str)) return text(ascii(str));
  if (static_cast<std::size_t>(PyUnicode_GET_LENGTH(str)) > text_limit_) return long_text(str);
  Py_ssize_t size = 0;
  if (char const* const utf8 = PyUnicode_AsUTF8AndSize(str, &size)) {
    return text(std::string_view(utf8, static_cast<std::size_t>(size)));
  }
  PyErr_Clear();
  text(escaped_utf8(str));
  PyErr_Clear();
}

// Of a long text that is not ASCII no more than the beginning is ever encoded.
void Encoder::long_text(PyObject* str) {
  Py_ssize_t const length = PyUnicode_GET_LENGTH(str);
  Ref const beginning(PyUnicode_Substring(str, 0, static_cast<Py_ssize_t>(text_limit_)));
  std::string kept = beginning ? escaped_utf8(beginning.get()) : std::string();
  PyErr_Clear();
  kept.resize(whole_prefix(kept, text_limit_ - std::min(text_limit_, detail::kCutRoom)));
  auto const characters = std::count_if(kept.begin(), kept.end(), [](char c) { return (c & 0xc0) != 0x80; });
  kept += fmt::format("…[cut {} characters]", length - static_cast<Py_ssize_t>(characters));
  text(std::string_view(kept));
}

void Encoder::array_header(std::size_t count) {
  if (room(3)) at_ = detail::put_array_header(at_, count);
}

std::byte* Encoder::map_header(std::size_t count) {
  std::byte* const header = at_;
  if (room(3)) at_ = detail::put16(detail::put8(at_, 0xde), count);
  return header;
}

void Encoder::set_count(std::byte* header, std::size_t count) noexcept {
  if (!full_) detail::put16(header + 1, count);
}

void Encoder::raw(std::byte const* bytes, std::size_t size) {
  if (!room(size)) return;
  std::memcpy(at_, bytes, size);
  at_ += size;
}

void Encoder::type(Step const& step, std::string_view name, bool typed) {
  if (!typed || types_.size() >= kMaxTypes || full_) return;
  std::string pointer;
  append_pointer(step, pointer);
  if (pointer.size() <= 4096) types_.emplace_back(std::move(pointer), name);
}

void Encoder::value(PyObject* object, Step const& step) {
  nodes_ = 0;
  value(object, step, 0, true);
}

void Encoder::arguments(PyObject* object, Step const& step) {
  nodes_ = 0;
  value(object, step, 0, !PyTuple_CheckExact(object));
}

void Encoder::value(PyObject* object, Step const& step, int depth, bool typed) {
  if (full_) return;
  PyTypeObject* const type = Py_TYPE(object);
  if (++nodes_ > max_nodes_) return text(kElsewhere);
  if (type == &PyUnicode_Type) return text(object);
  if (type == &PyLong_Type) return integer(object, step, typed);
  if (object == Py_None) return nil();
  if (object == Py_True || object == Py_False) {
    if (room(1)) at_ = detail::put(at_, object == Py_True, detail::kNoLimit);
    return;
  }
  if (type == &PyFloat_Type) return floating(PyFloat_AS_DOUBLE(object), step, typed);
  other(object, step, depth, typed);
}

void Encoder::integer(PyObject* number, Step const& step, bool typed) {
  int overflow = 0;
  long long const narrow = PyLong_AsLongLongAndOverflow(number, &overflow);
  if (overflow == 0) return integer(std::int64_t{narrow});
  if (overflow > 0) {
    unsigned long long const wide = PyLong_AsUnsignedLongLong(number);
    if (PyErr_Occurred() == nullptr) return integer(std::uint64_t{wide});
    PyErr_Clear();
  }
  // Not the methods of a subclass.
  Ref const bits(PyObject_CallMethod(reinterpret_cast<PyObject*>(&PyLong_Type), "bit_length", "(O)", number));
  std::size_t const size = bits ? PyLong_AsSize_t(bits.get()) : 0;
  Ref const digits(size <= kMaxIntegerBits ? PyLong_Type.tp_repr(number) : nullptr);
  PyErr_Clear();
  if (!digits) return text(fmt::format("<int of {} bits>", size));
  this->type(step, "int", typed);
  text(digits.get());
}

void Encoder::floating(double number, Step const& step, bool typed) {
  if (std::isfinite(number)) return real(number);
  type(step, "float", typed);
  text(std::isnan(number) ? "nan" : number > 0 ? "inf" : "-inf");
}

void Encoder::bytes(char const* data, std::size_t size) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string escaped;
  for (std::size_t i = 0; i < size && escaped.size() <= text_limit_ + detail::kCutRoom; ++i) {
    auto const byte = static_cast<unsigned char>(data[i]);
    if (byte == '\\') {
      escaped += "\\\\";
    } else if (byte >= 0x20 && byte < 0x7f) {
      escaped += static_cast<char>(byte);
    } else {
      escaped += {'\\', 'x', kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
  }
  text(std::string_view(escaped));
}

void Encoder::other(PyObject* object, Step const& step, int depth, bool typed) {
  Kind const kind = kind_of(Py_TYPE(object));
  auto const text_by = [&](std::string_view name, char const* method) {
    type(step, name, typed);
    Ref const made(PyObject_CallMethod(object, method, nullptr));
    text_of(made.get(), object, method);
  };
  auto const array_of = [&](std::string_view name, auto encode) {
    if (depth >= kMaxDepth) return text(kElsewhere);
    if (!name.empty()) type(step, name, typed);
    (this->*encode)(object, step, depth + 1);
  };
  switch (kind) {
    case Kind::kText: return text(object);
    case Kind::kInteger: return integer(object, step, typed);
    case Kind::kFloat: return floating(PyFloat_AS_DOUBLE(object), step, typed);
    case Kind::kBytes:
      type(step, "bytes", typed);
      return bytes(PyBytes_AS_STRING(object), static_cast<std::size_t>(PyBytes_GET_SIZE(object)));
    case Kind::kByteArray:
      type(step, "bytearray", typed);
      return bytes(PyByteArray_AS_STRING(object), static_cast<std::size_t>(PyByteArray_GET_SIZE(object)));
    case Kind::kList: return array_of("", &Encoder::sequence);
    case Kind::kTuple: return array_of("tuple", &Encoder::sequence);
    case Kind::kDict: return dict(object, step, depth, "", typed);
    case Kind::kOrderedDict: return dict(object, step, depth, "OrderedDict", typed);
    case Kind::kDefaultDict: return dict(object, step, depth, "defaultdict", typed);
    case Kind::kSet: return array_of("set", &Encoder::iterable);
    case Kind::kFrozenSet: return array_of("frozenset", &Encoder::iterable);
    case Kind::kDeque: return array_of("deque", &Encoder::iterable);
    case Kind::kDatetime: return text_by("datetime", "isoformat");
    case Kind::kDate: return text_by("date", "isoformat");
    case Kind::kTime: return text_by("time", "isoformat");
    case Kind::kTimedelta: return text_by("timedelta", "__str__");
    case Kind::kDecimal: return text_by("Decimal", "__str__");
    case Kind::kUuid: return text_by("UUID", "__str__");
    case Kind::kComplex: return text_by("complex", "__str__");
    case Kind::kPath: return text_by("Path", "__str__");
    case Kind::kEnum: {
      Ref const member(PyObject_GetAttrString(object, "_value_"));
      if (!member || depth >= kMaxDepth) return failed(object, "_value_");
      type(step, "enum:" + class_name(Py_TYPE(object)), typed);
      return value(member.get(), step, depth + 1, false);
    }
    case Kind::kDataclass: return array_of("dataclass:" + class_name(Py_TYPE(object)), &Encoder::dataclass);
    case Kind::kOther: break;
  }
  type(step, "object:" + class_name(Py_TYPE(object)), typed);
  Ref const made(PyObject_Repr(object));
  text_of(made.get(), object, "__repr__");
}

void Encoder::text_of(PyObject* made, PyObject* object, char const* method) {
  if (made != nullptr && PyUnicode_Check(made)) return text(made);
  failed(object, method);
}

// The exception that is set becomes the text; what is no Exception (KeyboardInterrupt, SystemExit) is kept for the caller.
void Encoder::failed(PyObject* object, char const* method) {
  PyObject *type = nullptr, *error = nullptr, *trace = nullptr;
  PyErr_Fetch(&type, &error, &trace);
  PyErr_NormalizeException(&type, &error, &trace);
  std::string const raised = type != nullptr && PyType_Check(type)
                                 ? std::string(" raised ") + reinterpret_cast<PyTypeObject*>(type)->tp_name
                                 : std::string(" is of no use");
  if (error != nullptr && trace != nullptr) PyException_SetTraceback(error, trace);
  if (error != nullptr && PyErr_GivenExceptionMatches(error, PyExc_Exception) == 0 && raised_ == nullptr) {
    raised_ = std::exchange(error, nullptr);
  }
  Py_XDECREF(type);
  Py_XDECREF(error);
  Py_XDECREF(trace);
  text(fmt::format("<{}: {}{}>", class_name(Py_TYPE(object)), method, raised));
  PyErr_Clear();
}

void Encoder::sequence(PyObject* object, Step const& step, int depth) {
  // Looked at anew each time: code of an element may change the list.
  auto const size = [object] {
    return PyList_Check(object) ? PyList_GET_SIZE(object) : PyTuple_GET_SIZE(object);
  };
  auto const whole = static_cast<std::size_t>(size());
  std::size_t const count = std::min(whole, max_nodes_ - std::min(max_nodes_, nodes_));
  array_header(count + (count < whole ? 1 : 0));
  for (std::size_t i = 0; i < count && !full_; ++i) {
    auto const index = static_cast<Py_ssize_t>(i);
    if (index >= size()) {
      nil();
      continue;
    }
    PyObject* const element =
        PyList_Check(object) ? PyList_GET_ITEM(object, index) : PyTuple_GET_ITEM(object, index);
    Py_INCREF(element);
    Ref const held(element);
    value(element, Step{&step, {}, nullptr, index}, depth, true);
  }
  if (count < whole) text(kElsewhere);
}

void Encoder::iterable(PyObject* object, Step const& step, int depth) {
  std::byte* const header = map_header();
  if (full_) return;
  *header = std::byte{0xdc};  // an array, whose count is written likewise
  std::size_t count = 0;
  if (Ref const iterator(PyObject_GetIter(object)); iterator) {
    while (!full_ && nodes_ < max_nodes_) {
      Ref const element(PyIter_Next(iterator.get()));
      if (!element) break;  // the end, or changed by an element's code
      value(element.get(), Step{&step, {}, nullptr, static_cast<Py_ssize_t>(count)}, depth, true);
      ++count;
    }
  }
  PyErr_Clear();
  if (nodes_ >= max_nodes_) {
    text(kElsewhere);
    ++count;
  }
  set_count(header, count);
}

void Encoder::dict(PyObject* object, Step const& step, int depth, std::string_view name, bool typed) {
  if (depth >= kMaxDepth) return text(kElsewhere);
  PyObject *key = nullptr, *held = nullptr;
  Py_ssize_t position = 0;
  for (std::size_t i = 0; i <= max_nodes_ && PyDict_Next(object, &position, &key, &held) != 0; ++i) {
    if (PyUnicode_Check(key)) continue;
    type(step, "dict", typed);
    return pairs(object, step, depth + 1);
  }
  if (!name.empty()) type(step, name, typed);
  std::byte* const header = map_header();
  std::size_t count = 0;
  Entry entry;
  position = 0;
  while (!full_ && nodes_ < max_nodes_ && entry.next(object, position)) {
    if (!PyUnicode_Check(entry.key)) continue;  // come in the meantime
    text(entry.key);
    value(entry.value, Step{&step, {}, entry.key, -1}, depth + 1, true);
    ++nodes_;
    ++count;
  }
  if (nodes_ >= max_nodes_) {
    text(kElsewhere);
    nil();
    ++count;
  }
  set_count(header, count);
}

void Encoder::pairs(PyObject* object, Step const& step, int depth) {
  std::byte* const header = map_header();
  if (full_) return;
  *header = std::byte{0xdc};
  std::size_t count = 0;
  Entry entry;
  Py_ssize_t position = 0;
  while (!full_ && nodes_ < max_nodes_ && entry.next(object, position)) {
    Step const pair{&step, {}, nullptr, static_cast<Py_ssize_t>(count)};
    array_header(2);
    value(entry.key, Step{&pair, {}, nullptr, 0}, depth + 1, true);
    value(entry.value, Step{&pair, {}, nullptr, 1}, depth + 1, true);
    ++count;
  }
  if (nodes_ >= max_nodes_) {
    text(kElsewhere);
    ++count;
  }
  set_count(header, count);
}

void Encoder::dataclass(PyObject* object, Step const& step, int depth) {
  Ref const fields(
      PyObject_GetAttrString(reinterpret_cast<PyObject*>(Py_TYPE(object)), "__dataclass_fields__"));
  if (!fields || !PyDict_Check(fields.get())) return failed(object, "__dataclass_fields__");
  std::byte* const header = map_header();
  std::size_t count = 0;
  Entry entry;
  Py_ssize_t position = 0;
  while (!full_ && nodes_ < max_nodes_ && entry.next(fields.get(), position)) {
    if (!PyUnicode_Check(entry.key) || !is_instance_field(entry.value)) continue;
    text(entry.key);
    if (Ref const held(PyObject_GetAttr(object, entry.key)); held) {
      value(held.get(), Step{&step, {}, entry.key, -1}, depth, true);
    } else {
      failed(object, "__getattribute__");
    }
    ++nodes_;
    ++count;
  }
  set_count(header, count);
}

}  // namespace logboom::python
