// A logging.LogRecord as the bytes of a logboom record: see log_record.hpp.
#include "log_record.hpp"

#include "encoder.hpp"
#include "ref.hpp"

#include <logboom/detail/encode.hpp>
#include <logboom/detail/record_layout.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cmath>
#include <cstring>
#include <ctime>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace logboom::python {
namespace {

// What a LogRecord has of itself; everything else in its __dict__ is a field.
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

constexpr std::size_t kMaxExtras = 254;  // and one that counts what is left out: 255 fields with the context's
constexpr std::size_t kMaxContext = 128;
constexpr std::size_t kMaxContextBytes = std::size_t{16} << 10U;

// How much of everything goes into a record; the next step when it was too much for the whole.
struct Limits {
  std::size_t text;
  std::size_t nodes;
  std::size_t reserve;  // bytes that fields leave to the attributes
};
constexpr Limits kLimits[] = {
    {60'000, 16'384, 4096}, {8192, 4096, 8192}, {2048, 1024, 8192}, {512, 256, 16'384}, {96, 64, 24'576}};

struct Logging {
  std::array<PyObject*, kSlots> names{};
  PyObject* slots = nullptr;             // dict: name → slot
  PyObject* get_message = nullptr;       // LogRecord.getMessage
  PyObject* get_message_name = nullptr;  // "getMessage"
  PyObject* format_exception = nullptr;  // of logging's own formatter
  PyObject* context_variable = nullptr;
  double start = 0;                                   // when logging was loaded, s
  std::int64_t start_ns = 0;                          // the same where Python has it exactly, else 0
  std::array<std::pair<PyObject*, int>, 32> order{};  // the keys of the last record at their places
};
Logging g_logging;

struct Context {
  std::string encoded;  // pairs of a map
  std::size_t count = 0;
  struct Type {
    PyObject* name;  // of the field
    std::string pointer, type;
  };
  std::vector<Type> types;
};
constexpr char const* kContextCapsule = "logboom.context";

// The parts of a record, held while it is encoded: code that runs meanwhile may change it.
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

int slot_of(PyObject* key, std::size_t place) {
  auto* const expected = place < g_logging.order.size() ? &g_logging.order[place] : nullptr;
  if (expected != nullptr && expected->first == key) return expected->second;
  PyObject* const found = PyDict_GetItemWithError(g_logging.slots, key);  // borrowed
  if (found == nullptr) {
    PyErr_Clear();
    return -1;
  }
  int const slot = static_cast<int>(PyLong_AsLong(found));
  // By address: our own name objects are there for ever, which another's need not be.
  if (expected != nullptr && g_logging.names[static_cast<std::size_t>(slot)] == key) *expected = {key, slot};
  return slot;
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

// The exception that is set, normalised; new reference.
PyObject* take_error() {
  PyObject *type = nullptr, *error = nullptr, *trace = nullptr;
  PyErr_Fetch(&type, &error, &trace);
  PyErr_NormalizeException(&type, &error, &trace);
  if (error != nullptr && trace != nullptr) PyException_SetTraceback(error, trace);
  Py_XDECREF(type);
  Py_XDECREF(trace);
  PyErr_Clear();
  return error;
}

// An error of code that ran for the record: kept as what has to be raised, or as what is to be complained of.
void keep_error(EncodedRecord& made) {
  PyObject* const error = take_error();
  if (error == nullptr) return;
  PyObject*& place = PyErr_GivenExceptionMatches(error, PyExc_Exception) != 0 ? made.complaint : made.raised;
  if (place == nullptr) {
    place = error;
  } else {
    Py_DECREF(error);
  }
}

bool has_arguments(Parts const& parts) {
  PyObject* const args = parts.slots[kArgs];
  if (args == nullptr || args == Py_None) return false;
  if (PyTuple_Check(args)) return PyTuple_GET_SIZE(args) > 0;
  int const truth = PyObject_IsTrue(args);
  if (truth < 0) PyErr_Clear();
  return truth != 0;
}

// str(msg), and the args put in: as LogRecord.getMessage, or whatever stands in its place. A new reference to a str, never null unless there is no memory.
PyObject* message_of(PyObject* record, Parts const& parts, PyObject* text, bool arguments, EncodedRecord& made) {
  Ref const method(PyObject_GetAttr(reinterpret_cast<PyObject*>(Py_TYPE(record)), g_logging.get_message_name));
  PyErr_Clear();
  PyObject* message = nullptr;
  if (method.get() != g_logging.get_message && method) {
    message = PyObject_CallMethodNoArgs(record, g_logging.get_message_name);
    if (message != nullptr && !PyUnicode_Check(message)) Py_SETREF(message, PyObject_Str(message));
  } else if (arguments) {
    message = PyNumber_Remainder(text, parts.slots[kArgs]);
  } else {
    Py_INCREF(text);
    return text;
  }
  if (message != nullptr && PyUnicode_Check(message)) return message;
  Py_XDECREF(message);
  // Shown as far as it is known: the template, whose arguments are kept beside it.
  keep_error(made);
  Py_INCREF(text);
  return text;
}

// str(msg): a new reference.
PyObject* text_of(PyObject* msg, EncodedRecord& made) {
  if (msg == nullptr) return PyUnicode_FromString("");
  if (PyUnicode_CheckExact(msg)) {
    Py_INCREF(msg);
    return msg;
  }
  if (PyObject* const text = PyObject_Str(msg)) return text;
  keep_error(made);
  std::string const instead = fmt::format("<{} that cannot be shown>", class_name(Py_TYPE(msg)));
  return PyUnicode_DecodeUTF8(instead.data(), static_cast<Py_ssize_t>(instead.size()), "replace");
}

// The class and the trace of exc_info, which may be of any shape. New references, or null.
struct ExceptionText {
  std::string type;
  PyObject* text = nullptr;
  ExceptionText() = default;
  ~ExceptionText() { Py_XDECREF(text); }
  ExceptionText(ExceptionText const&) = delete;
  ExceptionText& operator=(ExceptionText const&) = delete;
};

void describe(PyObject* info, PyObject* given, PyObject* formatter, EncodedRecord& made, ExceptionText& out) {
  if (given != nullptr && PyUnicode_GET_LENGTH(given) > 0) {
    Py_INCREF(given);
    out.text = given;
  }
  if (info == nullptr || info == Py_None) return;
  Ref const triple(PyExceptionInstance_Check(info)
                       ? Py_BuildValue("(OON)", reinterpret_cast<PyObject*>(Py_TYPE(info)), info,
                                       [info] {
                                         PyObject* const trace = PyException_GetTraceback(info);
                                         if (trace != nullptr) return trace;
                                         Py_INCREF(Py_None);
                                         return Py_None;
                                       }())
                       : (Py_INCREF(info), info));
  if (!triple || !PyTuple_Check(triple.get()) || PyTuple_GET_SIZE(triple.get()) != 3) {
    PyErr_Clear();
    return;
  }
  PyObject* const type = PyTuple_GET_ITEM(triple.get(), 0);
  if (!PyType_Check(type)) return;
  out.type = class_name(reinterpret_cast<PyTypeObject*>(type));
  if (constexpr std::string_view kOwn = "builtins."; out.type.starts_with(kOwn))
    out.type.erase(0, kOwn.size());
  if (out.text != nullptr) return;
  Ref text(formatter != Py_None ? PyObject_CallMethod(formatter, "formatException", "(O)", triple.get())
                                : PyObject_CallOneArg(g_logging.format_exception, triple.get()));
  if (text && PyUnicode_Check(text.get())) {
    out.text = text.release();
    return;
  }
  keep_error(made);
  Ref const shown(PyObject_Str(PyTuple_GET_ITEM(triple.get(), 1)));
  PyErr_Clear();
  out.text = shown ? PyUnicode_FromFormat("%s: %U", out.type.c_str(), shown.get())
                   : PyUnicode_FromFormat("%s (its text and trace cannot be shown)", out.type.c_str());
  PyErr_Clear();
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

// A whole number that is not negative and fits, or nothing.
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
  if (g_logging.start_ns != 0) {
    auto const relative = parts.real(kRelativeCreated);
    if (relative && std::abs(*relative) < 1e12) {
      std::int64_t const exact = g_logging.start_ns + std::llround(*relative * 1e6);
      if (static_cast<double>(exact) / 1e9 == *created) return exact;
    }
  }
  // Whole seconds apart: the product of both would be rounded before it is.
  double const seconds = std::floor(*created);
  return static_cast<std::int64_t>(seconds) * 1'000'000'000 + std::llrint((*created - seconds) * 1e6) * 1000;
}

// What of a path's end is the module's name, as LogRecord sees it.
std::string_view file_name(std::string_view path) {
  std::size_t const slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string_view module_name(std::string_view file) {
  std::size_t const dot = file.rfind('.');
  // As os.path.splitext: leading dots belong to the name.
  return dot == std::string_view::npos || file.find_first_not_of('.') > dot ? file : file.substr(0, dot);
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

// The value of the context variable; a new reference, or null.
PyObject* context_value() {
  if (g_logging.context_variable == nullptr) return nullptr;
  PyObject* value = nullptr;
  if (PyContextVar_Get(g_logging.context_variable, nullptr, &value) < 0) PyErr_Clear();
  return value;
}

// As long as `value` is held.
Context const* context_in(PyObject* value) {
  if (value == nullptr || !PyTuple_Check(value) || PyTuple_GET_SIZE(value) == 0) return nullptr;
  PyObject* const capsule = PyTuple_GET_ITEM(value, 0);
  if (PyCapsule_IsValid(capsule, kContextCapsule) == 0) return nullptr;
  return static_cast<Context const*>(PyCapsule_GetPointer(capsule, kContextCapsule));
}

/// One attempt, within limits.
class Writer {
 public:
  Writer(Scratch& scratch, Limits const& limits, Parts const& parts, Bus const& bus)
      : encoder_(scratch.bytes + detail::record_layout::kHeaderSize, scratch.bytes + Scratch::kSize,
                 limits.text, limits.nodes),
        limit_(Scratch::kSize - detail::record_layout::kHeaderSize - limits.reserve),
        parts_(parts),
        bus_(bus) {}

  Encoder& encoder() noexcept { return encoder_; }

  void message(PyObject* message) {
    encoder_.array_header(1);
    encoder_.text(message);
  }

  // Of fields that do not fit the number is told. @return how many were left out
  std::size_t fields(Context const* context) {
    std::size_t const most = 254 - (context != nullptr ? context->count : 0);
    if (parts_.count == 0 && context == nullptr) {
      encoder_.nil();
      return 0;
    }
    std::byte* const header = encoder_.map_header();
    std::size_t count = 0, left_out = parts_.left_out;
    Step const base{nullptr, "/fields"};
    auto const fits = [&](std::byte* before) {
      if (!encoder_.full() && encoder_.size() <= limit_) return true;
      encoder_.rewind(before);
      ++left_out;
      return false;
    };
    for (std::size_t i = 0; i < parts_.count; ++i) {
      if (count == most) {
        left_out += parts_.count - i;
        break;
      }
      std::byte* const before = encoder_.here();
      std::size_t const types = encoder_.types().size();
      field(parts_.extras[i], base);
      if (fits(before)) {
        ++count;
      } else {
        encoder_.types().resize(types);
      }
    }
    if (context != nullptr) {
      std::byte* const before = encoder_.here();
      encoder_.raw(reinterpret_cast<std::byte const*>(context->encoded.data()), context->encoded.size());
      if (fits(before)) {
        count += context->count;
        add_types(*context);
      }
    }
    if (left_out > 0) {
      encoder_.text(std::string_view("…"));
      encoder_.integer(std::uint64_t{left_out});
      ++count;
    }
    encoder_.set_count(header, count);
    return left_out;
  }

  void attributes(PyObject* text, bool arguments, ExceptionText const& exception, bool bare, Level level,
                  std::uint32_t line) {
    std::byte* const header = encoder_.map_header();
    if (bare) {
      key("level");
      encoder_.integer(std::int64_t{level});
      if (PyObject* const path = parts_.text(kPath)) value("file", path);
      if (PyObject* const function = parts_.text(kFunction)) value("function", function);
      if (line != 0) {
        key("line");
        encoder_.integer(std::uint64_t{line});
      }
    }
    if (PyObject* const name = parts_.text(kLevelName); name != nullptr && !is(name, level_name(level)))
      value("level_name", name);
    time();
    if (arguments) {
      value("template", text);
      key("arguments");
      argument_list();
    }
    if (!exception.type.empty()) {
      key("exception_type");
      encoder_.text(std::string_view(exception.type));
    }
    if (exception.text != nullptr) value("exception", exception.text);
    if (PyObject* const stack = parts_.text(kStack)) value("stack", stack);
    if (PyObject* const task = parts_.text(kTask)) value("task", task);
    if (PyObject* const name = parts_.text(kProcessName); name != nullptr && !is(name, "MainProcess"))
      value("process_name", name);
    derived();
    origin();
    given();
    types();
    encoder_.set_count(header, count_);
  }

  /// The thread is said by an attribute, since the ring's is another. Before attributes().
  void say_thread() noexcept { say_thread_ = true; }

 private:
  static bool is(PyObject* str, std::string_view ascii) {
    return PyUnicode_IS_COMPACT_ASCII(str) &&
           static_cast<std::size_t>(PyUnicode_GET_LENGTH(str)) == ascii.size() &&
           std::memcmp(PyUnicode_1BYTE_DATA(str), ascii.data(), ascii.size()) == 0;
  }

  void key(std::string_view name) {
    encoder_.text(name);
    ++count_;
  }
  void value(std::string_view name, PyObject* str) {
    key(name);
    encoder_.text(str);
  }

  void field(std::pair<PyObject*, PyObject*> const& field, Step const& base) {
    if (PyUnicode_Check(field.first)) {
      encoder_.text(field.first);
      encoder_.value(field.second, Step{&base, {}, field.first, -1});
      return;
    }
    Ref const shown(PyObject_Repr(field.first));
    PyErr_Clear();
    PyObject* const name = shown && PyUnicode_Check(shown.get()) ? shown.get() : g_logging.names[kName];
    encoder_.text(name);
    encoder_.value(field.second, Step{&base, {}, name, -1});
  }

  void add_types(Context const& context) {
    for (Context::Type const& type : context.types) {
      bool const hidden = std::any_of(
          parts_.extras.begin(), parts_.extras.begin() + static_cast<std::ptrdiff_t>(parts_.count),
          [&](auto const& extra) {
            return extra.first == type.name ||
                   (PyUnicode_Check(extra.first) && PyUnicode_Compare(extra.first, type.name) == 0);
          });
      if (!hidden && encoder_.types().size() < Encoder::kMaxTypes)
        encoder_.types().emplace_back(type.pointer, type.type);
    }
  }

  // The arguments are a tuple, or the mapping that stood in its place: their own type needs no name.
  void argument_list() {
    PyObject* const args = parts_.slots[kArgs];
    encoder_.arguments(args, Step{nullptr, "/arguments"});
  }

  void time() {
    time_ = time_of(parts_);
    if (!time_) return;
    key("time");
    encoder_.integer(*time_);
  }

  // What follows from path and time, unless it does not.
  void derived() {
    if (auto const relative = parts_.real(kRelativeCreated); relative && std::isfinite(*relative)) {
      std::int64_t const started = bus_.started();
      constexpr double kTolerance = 0.002;  // ms
      if (started == 0 || !time_ ||
          std::abs(static_cast<double>(*time_ - started) / 1e6 - *relative) > kTolerance) {
        key("relative_created");
        encoder_.real(*relative);
      }
    }
    if (auto const ms = parts_.real(kMilliseconds); ms && time_ && std::isfinite(*ms)) {
      auto const within = static_cast<double>(((*time_ % 1'000'000'000) + 1'000'000'000) % 1'000'000'000) / 1e6;
      // Python ≥ 3.12 cuts, earlier ones do not: both say the same. 999.99 may have become the next second.
      double const difference = std::abs(within - *ms);
      if (difference >= 1.001 && difference <= 998.999) {
        key("msecs");
        encoder_.real(*ms);
      }
    }
    PyObject* const path = parts_.text(kPath);
    PyObject* const file = parts_.text(kFileName);
    PyObject* const module = parts_.text(kModule);
    if (path == nullptr || file == nullptr || module == nullptr) return;
    std::string_view const derived_file = file_name(utf8(path));
    if (utf8(file) != derived_file) value("filename", file);
    if (utf8(module) != module_name(derived_file)) value("module", module);
  }

  void origin() {
    if (auto const process = natural(parts_.number(kProcess)); process && *process != process_id()) {
      key("pid");
      encoder_.integer(*process);
    }
    if (!say_thread_) return;
    if (auto const thread = natural(parts_.number(kThread))) {
      key("tid");
      encoder_.integer(*thread);
    }
    if (PyObject* const name = parts_.text(kThreadName)) value("thread", name);
  }

  void given() {
    PyObject* const attributes = parts_.slots[kAttributes];
    if (attributes == nullptr || !PyDict_Check(attributes)) return;
    PyObject *name = nullptr, *given = nullptr;
    Py_ssize_t position = 0;
    while (PyDict_Next(attributes, &position, &name, &given) != 0) {
      if (!PyUnicode_Check(name)) continue;
      if (PyUnicode_Check(given)) {
        value(utf8(name), given);
      } else if (auto const number = natural(PyLong_Check(given) ? given : nullptr)) {
        key(utf8(name));
        encoder_.integer(*number);
      }
    }
  }

  void types() {
    TypeNames const& types = encoder_.types();
    if (types.empty()) return;
    key("types");
    std::byte* const header = encoder_.map_header();
    constexpr std::size_t kMaxBytes = 8192;
    std::size_t count = 0, bytes = 0;
    for (auto const& [pointer, type] : types) {
      bytes += pointer.size() + type.size();
      if (bytes > kMaxBytes) break;
      encoder_.text(std::string_view(pointer));
      encoder_.text(std::string_view(type));
      ++count;
    }
    encoder_.set_count(header, count);
  }

  Encoder encoder_;
  std::size_t limit_;
  Parts const& parts_;
  Bus const& bus_;
  std::optional<std::int64_t> time_;
  std::size_t count_ = 0;  // attributes
  bool say_thread_ = false;
};

// Records of this thread that have the ring's own number and name need not say them.
struct ThreadIdentity {
  std::uint64_t number = 0;
  unsigned changes = 0;
  std::string name;
};
thread_local ThreadIdentity t_identity;

// Each change takes another ring, and a thread may pass on the records of many.
constexpr unsigned kMaxChanges = 16;

/// `own`: this is what the calling thread is called now, and not what another was.
bool is_rings_thread(std::uint64_t ident, PyObject* name, bool own) {
  std::string_view const text = utf8(name).substr(0, 255);
  if (t_identity.number == ident && t_identity.name == text) return true;
  if (!own || t_identity.changes >= kMaxChanges) return false;
  ++t_identity.changes;
  t_identity.number = ident;
  t_identity.name = text;
  set_thread_identity(ident, text);
  return true;
}

bool is_rings_thread(Parts const& parts) {
  PyObject* const number = parts.number(kThread);
  PyObject* const name = parts.text(kThreadName);
  if (number == nullptr || name == nullptr) return number == nullptr && name == nullptr;
  auto const thread = natural(number);
  if (!thread) return false;
  auto const process = natural(parts.number(kProcess));
  auto const ident = static_cast<std::uint64_t>(*thread);
  return is_rings_thread(ident, name,
                         ident == PyThread_get_thread_ident() && (!process || *process == process_id()));
}

// The name of a logger is a str, unless somebody made the record by hand. A new reference; null: no memory.
PyObject* logger_name(PyObject* name) {
  if (name == nullptr || name == Py_None) return PyUnicode_FromString("");
  if (!PyUnicode_Check(name)) return PyObject_Str(name);
  Py_INCREF(name);
  return name;
}

/// What is known of a record before it is written.
struct Draft {
  Parts const& parts;
  PyObject* text;     // str(msg)
  PyObject* message;  // with the arguments put in
  bool arguments;
  ExceptionText const& exception;
  Level level;
  std::uint32_t line;
  bool rings_thread;
};

bool write(Draft const& draft, Bus& bus, Scratch& scratch, EncodedRecord& made) {
  Parts const& parts = draft.parts;
  PyObject* const path = parts.text(kPath);
  PyObject* const function = parts.text(kFunction);
  made.site =
      path != nullptr && function != nullptr ? find_site(path, draft.line, function, draft.level) : nullptr;
  bool const bare = made.site == nullptr;
  if (bare) made.site = &bare_site();
  Ref const context_held(context_value());
  Context const* const context = context_in(context_held.get());

  for (Limits const& limits : kLimits) {
    Writer writer(scratch, limits, parts, bus);
    if (!draft.rings_thread) writer.say_thread();
    writer.message(draft.message);
    std::size_t const left_out = writer.fields(context);
    writer.attributes(draft.text, draft.arguments, draft.exception, bare, draft.level, draft.line);
    if (PyObject* const raised = writer.encoder().take_raised()) {
      if (made.raised == nullptr) {
        made.raised = raised;
      } else {
        Py_DECREF(raised);
      }
    }
    bool const last = &limits == &kLimits[std::size(kLimits) - 1];
    if (writer.encoder().full() || (left_out > parts.left_out && !last)) continue;
    made.size = detail::record_layout::kHeaderSize + writer.encoder().size();
    return true;
  }
  return false;
}

bool encode(PyObject* record, PyObject* formatter, Bus& bus, Scratch& scratch, EncodedRecord& made) {
  Parts parts;
  take_apart(record, parts);
  // It comes from the bus: sent back it would go around for ever.
  if (parts.slots[kOrigin] != nullptr) return false;
  bool const arguments = has_arguments(parts);
  Ref const text(text_of(parts.slots[kMsg], made));
  Ref const message(text ? message_of(record, parts, text.get(), arguments, made) : nullptr);
  Ref const name(logger_name(parts.slots[kName]));
  if (!message || !name) return false;
  ExceptionText exception;
  if (parts.slots[kExceptionInfo] != Py_None || parts.slots[kExceptionText] != Py_None) {
    describe(parts.slots[kExceptionInfo], parts.text(kExceptionText), formatter, made, exception);
  }
  made.logger = bus.logger(name.get());
  if (made.logger == nullptr) return false;
  Draft const draft{parts,     text.get(),      message.get(),  arguments,
                    exception, level_of(parts), line_of(parts), is_rings_thread(parts)};
  return write(draft, bus, scratch, made);
}

void set(Parts& parts, Slot slot, PyObject* object) {
  Py_XINCREF(object);
  parts.slots[slot] = object;
}

bool encode(LogCall const& call, Bus& bus, Scratch& scratch, EncodedRecord& made) {
  Parts parts;
  set(parts, kArgs, call.args);
  set(parts, kLevelName, call.level_name);
  set(parts, kPath, call.path);
  set(parts, kFunction, call.function);
  set(parts, kThreadName, call.thread_name);
  set(parts, kProcessName, call.process_name);
  if (bus.started() == 0) {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    double const relative =
        (static_cast<double>(now.tv_sec) - g_logging.start) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
    parts.slots[kRelativeCreated] = PyFloat_FromDouble(relative);
  }
  take_extra(call.extra, parts);
  bool const arguments = has_arguments(parts);
  Ref const text(text_of(call.msg, made));
  if (!text) return false;
  Ref message(arguments ? PyNumber_Remainder(text.get(), call.args) : (Py_INCREF(text.get()), text.get()));
  if (!message) keep_error(made);
  made.logger = bus.logger(call.name);
  if (made.logger == nullptr) return false;
  ExceptionText const none;
  Draft const draft{parts,
                    text.get(),
                    message ? message.get() : text.get(),
                    arguments,
                    none,
                    call.level,
                    call.line,
                    is_rings_thread(call.thread, call.thread_name, true)};
  return write(draft, bus, scratch, made);
}

void destroy_context(PyObject* capsule) {
  auto* const context = static_cast<Context*>(PyCapsule_GetPointer(capsule, kContextCapsule));
  for (Context::Type const& type : context->types) Py_DECREF(type.name);
  delete context;
}

// Under the GIL. A child of fork() finds it whole.
Scratch* g_scratches = nullptr;

}  // namespace

Scratch* take_scratch() noexcept {
  Scratch* const scratch = g_scratches;
  if (scratch == nullptr) return static_cast<Scratch*>(new (std::nothrow) Scratch);
  g_scratches = scratch->next;
  return scratch;
}

void give_scratch(Scratch* scratch) noexcept {
  scratch->next = g_scratches;
  g_scratches = scratch;
}

bool prepare_log_records() {
  Ref const module(PyImport_ImportModule("logging"));
  Ref const record_class(module ? PyObject_GetAttrString(module.get(), "LogRecord") : nullptr);
  Ref const formatter(module ? PyObject_CallMethod(module.get(), "Formatter", nullptr) : nullptr);
  Ref const start(module ? PyObject_GetAttrString(module.get(), "_startTime") : nullptr);
  if (!record_class || !formatter) return false;
  g_logging.get_message_name = PyUnicode_InternFromString("getMessage");
  g_logging.get_message = PyObject_GetAttr(record_class.get(), g_logging.get_message_name);
  g_logging.format_exception = PyObject_GetAttrString(formatter.get(), "formatException");
  g_logging.slots = PyDict_New();
  if (g_logging.get_message == nullptr || g_logging.format_exception == nullptr || g_logging.slots == nullptr)
    return false;
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    g_logging.names[slot] = PyUnicode_InternFromString(kSlotNames[slot]);
    Ref const number(PyLong_FromSize_t(slot));
    if (g_logging.names[slot] == nullptr || !number ||
        PyDict_SetItem(g_logging.slots, g_logging.names[slot], number.get()) < 0)
      return false;
  }
  // Private to module logging: without it the time of each record is told, no more.
  if (start && PyLong_Check(start.get())) g_logging.start_ns = PyLong_AsLongLong(start.get());
  if (start)
    g_logging.start = g_logging.start_ns != 0 ? static_cast<double>(g_logging.start_ns) / 1e9
                                              : PyFloat_AsDouble(start.get());
  PyErr_Clear();
  return true;
}

void set_context_variable(PyObject* variable) {
  Py_XINCREF(variable);
  Py_XSETREF(g_logging.context_variable, variable);
}

bool is_log_record_attribute(PyObject* key) {
  bool const is = PyDict_GetItemWithError(g_logging.slots, key) != nullptr;
  PyErr_Clear();
  return is;
}

bool encode_log_call(LogCall const& call, Bus& bus, Scratch& scratch, EncodedRecord& made) {
  try {
    bool const encoded = encode(call, bus, scratch, made);
    PyErr_Clear();
    return encoded;
  } catch (std::exception const&) {
    PyErr_Clear();
    return false;
  }
}

bool encode_log_record(PyObject* record, PyObject* formatter, Bus& bus, Scratch& scratch, EncodedRecord& made) {
  try {
    bool const encoded = encode(record, formatter, bus, scratch, made);
    PyErr_Clear();
    return encoded;
  } catch (std::exception const&) {
    PyErr_Clear();
    return false;
  }
}

PyObject* encode_context(PyObject* fields) {
  auto context = std::make_unique<Context>();
  std::unique_ptr<Scratch> const scratch(new Scratch);
  std::size_t left_out = 0;
  PyObject *key = nullptr, *value = nullptr;
  Py_ssize_t position = 0;
  Step const base{nullptr, "/fields"};
  while (PyDict_Next(fields, &position, &key, &value) != 0) {
    if (!PyUnicode_Check(key) || context->count == kMaxContext - 1) {
      ++left_out;
      continue;
    }
    Ref const held_key((Py_INCREF(key), key)), held_value((Py_INCREF(value), value));
    Encoder encoder(scratch->bytes, scratch->bytes + Scratch::kSize, 1024, 256);
    encoder.text(key);
    encoder.value(value, Step{&base, {}, key, -1});
    if (PyObject* const raised = encoder.take_raised()) {
      PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(raised)), raised);
      Py_DECREF(raised);
      for (Context::Type const& type : context->types) Py_DECREF(type.name);
      return nullptr;
    }
    if (encoder.full() || context->encoded.size() + encoder.size() > kMaxContextBytes) {
      ++left_out;
      continue;
    }
    context->encoded.append(reinterpret_cast<char const*>(scratch->bytes), encoder.size());
    ++context->count;
    for (auto& [pointer, type] : encoder.types()) {
      Py_INCREF(key);
      context->types.push_back({key, std::move(pointer), std::move(type)});
    }
  }
  if (left_out > 0) {
    Encoder encoder(scratch->bytes, scratch->bytes + Scratch::kSize, 1024);
    encoder.text(std::string_view("…"));
    encoder.integer(std::uint64_t{left_out});
    context->encoded.append(reinterpret_cast<char const*>(scratch->bytes), encoder.size());
    ++context->count;
  }
  PyObject* const capsule = PyCapsule_New(context.get(), kContextCapsule, destroy_context);
  if (capsule != nullptr) static_cast<void>(context.release());  // the capsule's now
  return capsule;
}

}  // namespace logboom::python
