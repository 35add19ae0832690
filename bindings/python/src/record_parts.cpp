// Taking a LogRecord's __dict__ apart; its numbers.
#include "record_parts.hpp"

#include "ref.hpp"

#include <algorithm>
#include <climits>
#include <cmath>

namespace logboom::python {
namespace {

constexpr std::array<char const*, kSlots> kSlotNames{"name",          "msg",
                                                     "args",          "levelname",
                                                     "levelno",       "pathname",
                                                     "filename",      "module",
                                                     "exc_info",      "exc_text",
                                                     "stack_info",    "lineno",
                                                     "funcName",      "created",
                                                     "msecs",         "relativeCreated",
                                                     "thread",        "threadName",
                                                     "processName",   "process",
                                                     "taskName",      "message",
                                                     "asctime",       "logboom_origin",
                                                     "logboom_extra", "logboom_attributes"};

struct Known {
  std::array<PyObject*, kSlots> names{};
  PyObject* slots = nullptr;                          // dict: name → slot
  double start = 0;                                   // when logging was loaded, s
  std::int64_t start_ns = 0;                          // the same where Python has it exactly, else 0
  std::array<std::pair<PyObject*, int>, 32> order{};  // the keys of the last record at their places
};
Known g_known;

int slot_of(PyObject* key, std::size_t place) {
  auto* const expected = place < g_known.order.size() ? &g_known.order[place] : nullptr;
  if (expected != nullptr && expected->first == key) return expected->second;
  PyObject* const found = PyDict_GetItemWithError(g_known.slots, key);  // borrowed
  if (found == nullptr) {
    PyErr_Clear();
    return -1;
  }
  int const slot = static_cast<int>(PyLong_AsLong(found));
  // By address: our own name objects are there for ever, which another's need not be.
  if (expected != nullptr && g_known.names[static_cast<std::size_t>(slot)] == key) *expected = {key, slot};
  return slot;
}

}  // namespace

bool prepare_record_parts() {
  Ref const module(PyImport_ImportModule("logging"));
  if (!module) return false;
  g_known.slots = PyDict_New();
  if (g_known.slots == nullptr) return false;
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    g_known.names[slot] = PyUnicode_InternFromString(kSlotNames[slot]);
    Ref const number(PyLong_FromSize_t(slot));
    if (g_known.names[slot] == nullptr || !number ||
        PyDict_SetItem(g_known.slots, g_known.names[slot], number.get()) < 0)
      return false;
  }
  // Private to module logging: without it the time of each record is told, no more.
  Ref const start(PyObject_GetAttrString(module.get(), "_startTime"));
  if (start && PyLong_Check(start.get())) g_known.start_ns = PyLong_AsLongLong(start.get());
  if (start)
    g_known.start =
        g_known.start_ns != 0 ? static_cast<double>(g_known.start_ns) / 1e9 : PyFloat_AsDouble(start.get());
  PyErr_Clear();
  return true;
}

PyObject* slot_name(Slot slot) noexcept { return g_known.names[slot]; }

double logging_start() noexcept { return g_known.start; }

bool is_log_record_attribute(PyObject* key) {
  bool const is = PyDict_GetItemWithError(g_known.slots, key) != nullptr;
  PyErr_Clear();
  return is;
}

void take_extra(PyObject* extra, Parts& parts) {
  if (extra == nullptr || !PyDict_Check(extra)) return;
  PyObject *key = nullptr, *value = nullptr;
  Py_ssize_t position = 0;
  while (PyDict_Next(extra, &position, &key, &value) != 0) {
    if (parts.count == kMaxExtras) {
      ++parts.left_out;
      continue;
    }
    Py_INCREF(key);
    Py_INCREF(value);
    parts.extras[parts.count++] = {key, value};
  }
}

void take_apart(PyObject* record, Parts& parts) {
  Ref const dict(PyObject_GenericGetDict(record, nullptr));
  if (!dict || !PyDict_Check(dict.get())) {
    PyErr_Clear();
    return;
  }
  PyObject *key = nullptr, *value = nullptr;
  Py_ssize_t position = 0;
  for (std::size_t place = 0; PyDict_Next(dict.get(), &position, &key, &value) != 0; ++place) {
    int const slot = slot_of(key, place);
    if (slot >= 0) {
      Py_INCREF(value);
      Py_XSETREF(parts.slots[static_cast<std::size_t>(slot)], value);
    } else if (parts.count < kMaxExtras) {
      Py_INCREF(key);
      Py_INCREF(value);
      parts.extras[parts.count++] = {key, value};
    } else {
      ++parts.left_out;
    }
  }
  take_extra(parts.slots[kExtra], parts);
}

bool has_arguments(Parts const& parts) {
  PyObject* const args = parts.slots[kArgs];
  if (args == nullptr || args == Py_None) return false;
  if (PyTuple_Check(args)) return PyTuple_GET_SIZE(args) > 0;
  int const truth = PyObject_IsTrue(args);
  if (truth < 0) PyErr_Clear();
  return truth != 0;
}

Level level_of(Parts const& parts) {
  PyObject* const number = parts.number(kLevel);
  if (number == nullptr) return level::kInfo;
  int overflow = 0;
  long const level = PyLong_AsLongAndOverflow(number, &overflow);
  if (overflow != 0) return overflow > 0 ? INT_MAX : INT_MIN;
  return static_cast<Level>(std::clamp<long>(level, INT_MIN, INT_MAX));
}

std::uint32_t line_of(Parts const& parts) {
  PyObject* const number = parts.number(kLine);
  if (number == nullptr) return 0;
  int overflow = 0;
  long const line = PyLong_AsLongAndOverflow(number, &overflow);
  return overflow == 0 && line > 0 && line <= long{UINT32_MAX} ? static_cast<std::uint32_t>(line) : 0;
}

std::optional<std::int64_t> natural(PyObject* number) {
  if (number == nullptr) return std::nullopt;
  int overflow = 0;
  long long const value = PyLong_AsLongLongAndOverflow(number, &overflow);
  if (overflow != 0 || value < 0) return std::nullopt;
  return value;
}

// Nanoseconds. Python ≥ 3.13 has them: `relativeCreated` says them, since it counts from a time that is known exactly. A float has no more than microseconds.
std::optional<std::int64_t> time_of(Parts const& parts) {
  auto const created = parts.real(kCreated);
  if (!created || !(std::abs(*created) < 9e9)) return std::nullopt;
  if (g_known.start_ns != 0) {
    auto const relative = parts.real(kRelativeCreated);
    if (relative && std::abs(*relative) < 1e12) {
      std::int64_t const exact = g_known.start_ns + std::llround(*relative * 1e6);
      if (static_cast<double>(exact) / 1e9 == *created) return exact;
    }
  }
  // Whole seconds apart: the product of both would be rounded before it is.
  double const seconds = std::floor(*created);
  return static_cast<std::int64_t>(seconds) * 1'000'000'000 + std::llrint((*created - seconds) * 1e6) * 1000;
}

std::string_view utf8(PyObject* str) {
  Py_ssize_t size = 0;
  char const* const text = PyUnicode_AsUTF8AndSize(str, &size);
  if (text == nullptr) {
    PyErr_Clear();
    return "\xff";  // equal to nothing that is derived
  }
  return {text, static_cast<std::size_t>(size)};
}

}  // namespace logboom::python
