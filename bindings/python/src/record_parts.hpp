// A logging.LogRecord taken apart: what it has of itself, and what else is in it. Needs the GIL. Must not know msgpack.
#pragma once

#include <logboom/level.hpp>

#include <Python.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace logboom::python {

/// What a LogRecord has of itself; everything else in its __dict__ is a field.
enum Slot : std::uint8_t {
  kName,
  kMsg,
  kArgs,
  kLevelName,
  kLevel,
  kPath,
  kFileName,
  kModule,
  kExceptionInfo,
  kExceptionText,
  kStack,
  kLine,
  kFunction,
  kCreated,
  kMilliseconds,
  kRelativeCreated,
  kThread,
  kThreadName,
  kProcessName,
  kProcess,
  kTask,
  kMessage,  // left there by formatters, as is the next
  kTime,
  kOrigin,      // of a record that came from the bus: _records.py
  kExtra,       // fields whose names may be those above: logbook.py, as is the next
  kAttributes,  // str → str or int, as they are
  kSlots,
};
inline constexpr std::size_t kMaxExtras =
    254;  // and one that counts what is left out: 255 fields with the context's

/// The parts of a record, held while it is encoded: code that runs meanwhile may change it.
struct Parts {
  std::array<PyObject*, kSlots> slots{};
  std::array<std::pair<PyObject*, PyObject*>, kMaxExtras> extras;  // not initialised: `count` are there
  std::size_t count = 0, left_out = 0;

  Parts() {}  // NOLINT: see extras
  ~Parts() {
    for (PyObject* const object : slots) Py_XDECREF(object);
    for (std::size_t i = 0; i < count; ++i) {
      Py_DECREF(extras[i].first);
      Py_DECREF(extras[i].second);
    }
  }
  Parts(Parts const&) = delete;
  Parts& operator=(Parts const&) = delete;

  PyObject* text(Slot slot) const noexcept {
    PyObject* const object = slots[slot];
    return object != nullptr && PyUnicode_Check(object) ? object : nullptr;
  }
  PyObject* number(Slot slot) const noexcept {
    PyObject* const object = slots[slot];
    return object != nullptr && PyLong_Check(object) ? object : nullptr;
  }
  std::optional<double> real(Slot slot) const noexcept {
    PyObject* const object = slots[slot];
    if (object == nullptr || !PyFloat_Check(object)) return std::nullopt;
    return PyFloat_AS_DOUBLE(object);
  }
};

/// Learns the names, once. @return false and an exception set.
bool prepare_record_parts();
/// The attribute's name, a str.
PyObject* slot_name(Slot slot) noexcept;
/// When module logging was loaded, seconds since the epoch.
double logging_start() noexcept;

void take_apart(PyObject* record, Parts& parts);
/// The items of a dict as fields; of anything else nothing.
void take_extra(PyObject* extra, Parts& parts);
/// Whether `extra` may not have such a key, since a LogRecord has it.
bool is_log_record_attribute(PyObject* key);

/// Whether there are args to be put into the message.
bool has_arguments(Parts const& parts);
Level level_of(Parts const& parts);
std::uint32_t line_of(Parts const& parts);
/// Nanoseconds since the epoch.
std::optional<std::int64_t> time_of(Parts const& parts);
/// A whole number that is not negative and fits, or nothing.
std::optional<std::int64_t> natural(PyObject* number);
/// Of a str, for as long as that lives. One that has none is equal to nothing that is derived.
std::string_view utf8(PyObject* str);

}  // namespace logboom::python
