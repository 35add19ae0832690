// logging.Logger._log without a LogRecord: see fast_log.hpp.
#include "fast_log.hpp"

#include "handler.hpp"
#include "log_record.hpp"
#include "record_parts.hpp"
#include "ref.hpp"

#include <frameobject.h>  // Python < 3.11: not by Python.h

#include <algorithm>
#include <array>
#include <climits>
#include <string_view>
#include <utility>

namespace logboom::python {
namespace {

// What has to be as the standard library has it, and the names by which it is looked at.
struct Stock {
  PyObject* original = nullptr;   // Logger._log
  PyObject* module = nullptr;     // dict of logging
  PyObject* threading = nullptr;  // dict of threading
  PyObject* time = nullptr;       // dict of time
  PyObject* record_class = nullptr;
  PyObject* get_message = nullptr;
  PyObject* get_ident = nullptr;
  PyObject* now = nullptr;  // time.time
  PyObject* null_handler = nullptr;
  PyObject* mapping = nullptr;         // collections.abc.Mapping
  PyObject* source = nullptr;          // file name of module logging, as its code has it
  std::array<PyObject*, 5> methods{};  // of Logger, by kMethods
};
Stock g;

constexpr char const* kMethods[] = {"findCaller", "makeRecord", "handle", "filter", "callHandlers"};

enum Name {
  kDisabled,
  kFilters,
  kHandlers,
  kLevel,
  kLoggerName,
  kParent,
  kPropagate,
  kGetMessage,
  kFactory,
  kSource,
  kLogThreads,
  kLogProcesses,
  kLogMultiprocessing,
  kLevelNames,
  kCurrentThread,
  kGetIdent,
  kName,
  kTime,
  kMultiprocessing,
  kCurrentProcess,
  kExceptionInfo,
  kExtra,
  kStackInfo,
  kStackLevel,
  kNames,
};
// What LogRecord asks for the time.
constexpr auto const* kClock = PY_VERSION_HEX >= 0x030d0000 ? "time_ns" : "time";
constexpr std::array<char const*, kNames> kNameTexts{
    "disabled",           "filters",         "handlers",          "level",     "name",       "parent",
    "propagate",          "getMessage",      "_logRecordFactory", "_srcfile",  "logThreads", "logProcesses",
    "logMultiprocessing", "_levelToName",    "current_thread",    "get_ident", "name",       kClock,
    "multiprocessing",    "current_process", "exc_info",          "extra",     "stack_info", "stacklevel"};
std::array<PyObject*, kNames> g_names{};
std::array<PyObject*, 5> g_method_names{};

PyObject* item(PyObject* dict, Name name) {  // borrowed
  PyObject* const found = PyDict_GetItemWithError(dict, g_names[name]);
  if (found == nullptr) PyErr_Clear();
  return found;
}

PyObject* get(PyObject* object, Name name) {  // new, or null without an exception
  PyObject* const found = PyObject_GetAttr(object, g_names[name]);
  if (found == nullptr) PyErr_Clear();
  return found;
}

bool holds(PyObject* dict, Name name, PyObject* wanted) { return item(dict, name) == wanted; }

/// The parameters of _log(level, msg, args, exc_info=None, extra=None, stack_info=False, stacklevel=1). Borrowed.
struct Parameters {
  Level level = 0;
  PyObject* level_object = nullptr;
  PyObject* msg = nullptr;
  PyObject* args = nullptr;
  PyObject* extra = nullptr;
};

bool is_false(PyObject* object) { return object == Py_None || object == Py_False; }

bool is_one(PyObject* object) { return PyLong_CheckExact(object) && PyLong_AsLong(object) == 1; }

bool one_more(Name name, PyObject* value, Parameters& out) {
  switch (name) {
    case kExceptionInfo:
    case kStackInfo: return is_false(value);
    case kStackLevel: return is_one(value);
    case kExtra:
      if (value == Py_None) return true;
      if (!PyDict_CheckExact(value)) return false;
      out.extra = value;
      return true;
    default: return false;
  }
}

bool read(PyObject* const* args, Py_ssize_t count, PyObject* names, Parameters& out) {
  if (count < 3 || count > 7) return false;
  out.level_object = args[0];
  out.msg = args[1];
  out.args = args[2];
  constexpr Name kFurther[] = {kExceptionInfo, kExtra, kStackInfo, kStackLevel};
  for (Py_ssize_t i = 3; i < count; ++i) {
    if (!one_more(kFurther[i - 3], args[i], out)) return false;
  }
  Py_ssize_t const named = names != nullptr ? PyTuple_GET_SIZE(names) : 0;
  for (Py_ssize_t i = 0; i < named; ++i) {
    PyObject* const name = PyTuple_GET_ITEM(names, i);
    // Names of arguments are interned.
    auto const* const found =
        std::find_if(std::begin(kFurther), std::end(kFurther), [name](Name n) { return g_names[n] == name; });
    if (found == std::end(kFurther) || !one_more(*found, args[count + i], out)) return false;
  }
  if (!PyLong_CheckExact(out.level_object) || !PyTuple_CheckExact(out.args)) return false;
  int overflow = 0;
  long const level = PyLong_AsLongAndOverflow(out.level_object, &overflow);
  if (overflow != 0 || level < INT_MIN || level > INT_MAX) return false;
  out.level = static_cast<Level>(level);
  return true;
}

bool module_is_stock() {
  if (!holds(g.module, kFactory, g.record_class) || !holds(g.threading, kGetIdent, g.get_ident) ||
      !holds(g.time, kTime, g.now))
    return false;
  for (Name const flag : {kLogThreads, kLogProcesses, kLogMultiprocessing}) {
    if (!holds(g.module, flag, Py_True)) return false;
  }
  PyObject* const source = item(g.module, kSource);
  if (source == nullptr || source == Py_None) return false;
  Ref const get_message(get(g.record_class, kGetMessage));
  return get_message.get() == g.get_message;
}

bool logger_is_stock(PyObject* logger) {
  auto* const type = reinterpret_cast<PyObject*>(Py_TYPE(logger));
  for (std::size_t i = 0; i < g.methods.size(); ++i) {
    Ref const found(PyObject_GetAttr(type, g_method_names[i]));
    if (found.get() != g.methods[i]) {
      PyErr_Clear();
      return false;
    }
  }
  Ref const filters(get(logger, kFilters));
  return filters && PyList_CheckExact(filters.get()) && PyList_GET_SIZE(filters.get()) == 0;
}

struct Target {
  PyObject* handler = nullptr;  // new reference; null: nobody wants the record
  Bus* bus = nullptr;
  Target() = default;
  ~Target() { Py_XDECREF(handler); }
  Target(Target const&) = delete;
  Target& operator=(Target const&) = delete;
};

bool add_handlers(PyObject* handlers, Level level, Target& target, bool& any) {
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(handlers); ++i) {
    PyObject* const handler = PyList_GET_ITEM(handlers, i);
    Py_INCREF(handler);
    Ref held(handler);
    any = true;
    if (reinterpret_cast<PyObject*>(Py_TYPE(handler)) == g.null_handler) continue;
    Bus* const bus = plain_bus(handler);
    Ref const least(bus != nullptr ? get(handler, kLevel) : nullptr);
    if (!least || !PyLong_CheckExact(least.get())) return false;
    int overflow = 0;
    if (level < PyLong_AsLongAndOverflow(least.get(), &overflow) || overflow != 0) continue;
    if (target.handler != nullptr) return false;
    target.handler = held.release();
    target.bus = bus;
  }
  return true;
}

// The handlers that Logger.callHandlers would call. @return false: not one of ours alone.
bool find_target(PyObject* logger, Level level, Target& target) {
  bool any = false;
  Py_INCREF(logger);
  Ref current(logger);
  for (int depth = 0; depth < 100; ++depth) {
    {
      Ref const handlers(get(current.get(), kHandlers));
      if (!handlers || !PyList_CheckExact(handlers.get()) || !add_handlers(handlers.get(), level, target, any))
        return false;
    }
    Ref const propagates(get(current.get(), kPropagate));
    if (!propagates) return false;
    if (PyObject_IsTrue(propagates.get()) != 1) return any;
    Ref parent(get(current.get(), kParent));
    if (!parent) return false;
    if (parent.get() == Py_None) return any;  // none at all: the last resort's business
    current.swap(parent);
  }
  return false;
}

bool is_source(PyObject* file) { return file == g.source || PyUnicode_Compare(file, g.source) == 0; }

/// Who called the logger: the first frame outside module logging. @return false: not to be told for sure.
bool find_caller(Ref& code, std::uint32_t& line) {
  PyFrameObject* frame = PyEval_GetFrame();  // borrowed
  Py_XINCREF(frame);
  for (int depth = 0; frame != nullptr && depth < 16; ++depth) {
    Ref current(reinterpret_cast<PyObject*>(PyFrame_GetCode(frame)));
    PyObject* const file = reinterpret_cast<PyCodeObject*>(current.get())->co_filename;
    if (!is_source(file)) {
      line = static_cast<std::uint32_t>(std::max(0, PyFrame_GetLineNumber(frame)));
      Py_DECREF(frame);
      PyErr_Clear();
      code.swap(current);
      // "<frozen importlib._bootstrap>": whether it is looked through depends on the version.
      return PyUnicode_GET_LENGTH(file) < 2 || PyUnicode_READ_CHAR(file, 0) != '<' ||
             PyUnicode_READ_CHAR(file, 1) != 'f';
    }
    PyFrameObject* const back = PyFrame_GetBack(frame);
    Py_DECREF(frame);
    frame = back;
  }
  Py_XDECREF(frame);
  PyErr_Clear();
  return false;
}

// LogRecord takes a mapping that is the only argument, and not empty, in place of the arguments. Borrowed; null: not to be told.
PyObject* as_record_has_them(PyObject* args) {
  if (PyTuple_GET_SIZE(args) != 1) return args;
  PyObject* const only = PyTuple_GET_ITEM(args, 0);
  if (PyUnicode_CheckExact(only) || PyLong_CheckExact(only) || PyFloat_CheckExact(only) || only == Py_None)
    return args;
  int const is_mapping = PyDict_CheckExact(only) ? 1 : PyObject_IsInstance(only, g.mapping);
  int const is_full = is_mapping == 1 ? PyObject_IsTrue(only) : 0;
  if (is_mapping < 0 || is_full < 0) {
    PyErr_Clear();
    return nullptr;
  }
  return is_full == 1 ? only : args;
}

bool fields_are_allowed(PyObject* extra) {
  PyObject *key = nullptr, *value = nullptr;
  for (Py_ssize_t position = 0; PyDict_Next(extra, &position, &key, &value) != 0;) {
    if (is_log_record_attribute(key)) return false;
  }
  return true;
}

// Null: the main process, or none that multiprocessing knows of. New reference.
PyObject* process_name() {
  PyObject* const module = PyDict_GetItemWithError(PyImport_GetModuleDict(), g_names[kMultiprocessing]);
  if (module == nullptr) {
    PyErr_Clear();
    return nullptr;
  }
  // As LogRecord: it may fail while the module is being imported, or after.
  Ref const process(PyObject_CallMethodNoArgs(module, g_names[kCurrentProcess]));
  PyErr_Clear();
  return process ? get(process.get(), kName) : nullptr;
}

PyObject* log_record(LogCall const& call, PyObject* level) {
  Ref const line(PyLong_FromUnsignedLong(call.line));
  if (!line) return nullptr;
  return PyObject_CallFunctionObjArgs(g.record_class, call.name, level, call.path, line.get(), call.msg,
                                      call.args, Py_None, call.function, nullptr);
}

/// A record on its way. Without destructors: see put_slowly() in handler.cpp.
struct Prepared {
  Scratch* scratch = nullptr;  // null: nobody wants it, or it cannot be encoded
  EncodedRecord made;
  PyObject* handler = nullptr;  // new references
  PyObject* record = nullptr;   // for a complaint
};

// @return false: anything is not stock, and nothing is done
bool prepare(PyObject* logger, Parameters const& parameters, Prepared& out) {
  Target target;
  if (!find_target(logger, parameters.level, target)) return false;  // what most often is not so comes first
  if (!module_is_stock() || !logger_is_stock(logger)) return false;
  Ref const disabled(get(logger, kDisabled));
  if (disabled.get() != Py_False) return false;
  if (parameters.extra != nullptr && !fields_are_allowed(parameters.extra)) return false;
  if (target.handler == nullptr) return true;

  LogCall call;
  call.level = parameters.level;
  call.msg = parameters.msg;
  call.extra = parameters.extra;
  call.args = as_record_has_them(parameters.args);
  Ref const name(get(logger, kLoggerName));
  call.name = name.get();
  PyObject* const level_names = item(g.module, kLevelNames);
  call.level_name = level_names != nullptr && PyDict_CheckExact(level_names)
                        ? PyDict_GetItemWithError(level_names, parameters.level_object)
                        : nullptr;
  PyObject* const current_thread = item(g.threading, kCurrentThread);
  Ref const thread(current_thread != nullptr ? PyObject_CallNoArgs(current_thread) : nullptr);
  Ref const thread_name(thread ? get(thread.get(), kName) : nullptr);
  call.thread = PyThread_get_thread_ident();
  call.thread_name = thread_name.get();
  Ref const process(process_name());
  call.process_name = process && PyUnicode_Check(process.get()) ? process.get() : nullptr;
  Ref code(nullptr);
  bool const all = find_caller(code, call.line) && call.args != nullptr && call.name != nullptr &&
                   PyUnicode_Check(call.name) && call.level_name != nullptr &&
                   PyUnicode_Check(call.level_name) && call.thread_name != nullptr &&
                   PyUnicode_Check(call.thread_name);
  if (!all) {
    PyErr_Clear();
    return false;
  }
  call.path = reinterpret_cast<PyCodeObject*>(code.get())->co_filename;
  call.function = reinterpret_cast<PyCodeObject*>(code.get())->co_name;
  Scratch* const scratch = take_scratch();
  if (scratch == nullptr) return false;
  if (encode_log_call(call, *target.bus, *scratch, out.made)) {
    out.scratch = scratch;
  } else {
    give_scratch(scratch);
  }
  if (out.made.complaint != nullptr) out.record = log_record(call, parameters.level_object);
  PyErr_Clear();
  out.handler = std::exchange(target.handler, nullptr);
  return true;
}

PyObject* fast_log(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  Parameters parameters;
  if (read(args, count, names, parameters)) {
    Prepared prepared;
    if (prepare(self, parameters, prepared)) {
      if (prepared.scratch != nullptr) put_record(prepared.made, prepared.scratch);
      PyObject* const done = finish_record(prepared.handler, prepared.record, prepared.made);
      Py_XDECREF(prepared.handler);
      Py_XDECREF(prepared.record);
      return done;
    }
  }
  constexpr std::size_t kMost = 16;
  auto const all = static_cast<std::size_t>(count) +
                   (names != nullptr ? static_cast<std::size_t>(PyTuple_GET_SIZE(names)) : 0);
  if (all >= kMost) {
    PyErr_SetString(PyExc_TypeError, "_log() takes 8 arguments at most");
    return nullptr;
  }
  std::array<PyObject*, kMost> with_self{self};
  std::copy(args, args + all, with_self.begin() + 1);
  return PyObject_Vectorcall(g.original, with_self.data(), static_cast<std::size_t>(count) + 1, names);
}

PyMethodDef g_definition{
    "_log", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(fast_log)), METH_FASTCALL | METH_KEYWORDS,
    "logging.Logger._log, without a LogRecord where only a logboom.Handler would see it."};

// New reference kept for good, or an exception.
PyObject* dictionary(char const* module) {
  Ref const imported(PyImport_ImportModule(module));
  if (!imported) return nullptr;
  PyObject* const dict = PyModule_GetDict(imported.get());
  Py_XINCREF(dict);
  return dict;
}

PyObject* member(PyObject* dict, char const* name) {
  PyObject* const found = PyDict_GetItemString(dict, name);
  if (found == nullptr) {
    PyErr_Format(PyExc_AttributeError, "%s", name);
    return nullptr;
  }
  Py_INCREF(found);
  return found;
}

bool look_around(PyObject* original) {
  g.module = dictionary("logging");
  g.threading = dictionary("threading");
  g.time = dictionary("time");
  if (g.module == nullptr || g.threading == nullptr || g.time == nullptr) return false;
  Ref const logger_class(member(g.module, "Logger"));
  g.record_class = member(g.module, "LogRecord");
  g.null_handler = member(g.module, "NullHandler");
  g.get_ident = member(g.threading, "get_ident");
  g.now = member(g.time, kClock);
  Ref const abc(PyImport_ImportModule("collections.abc"));
  if (!logger_class || g.record_class == nullptr || g.null_handler == nullptr || g.get_ident == nullptr ||
      g.now == nullptr || !abc)
    return false;
  g.mapping = PyObject_GetAttrString(abc.get(), "Mapping");
  for (std::size_t i = 0; i < kNames; ++i) {
    g_names[i] = PyUnicode_InternFromString(kNameTexts[i]);
    if (g_names[i] == nullptr) return false;
  }
  g.get_message = PyObject_GetAttr(g.record_class, g_names[kGetMessage]);
  Ref const code(PyObject_GetAttrString(original, "__code__"));
  if (g.mapping == nullptr || g.get_message == nullptr || !code) return false;
  g.source = PyObject_GetAttrString(code.get(), "co_filename");
  for (std::size_t i = 0; i < g.methods.size(); ++i) {
    g_method_names[i] = PyUnicode_InternFromString(kMethods[i]);
    g.methods[i] =
        g_method_names[i] != nullptr ? PyObject_GetAttr(logger_class.get(), g_method_names[i]) : nullptr;
    if (g.methods[i] == nullptr) return false;
    // Patched already, by a function of somebody else's.
    Ref const own(PyObject_GetAttrString(g.methods[i], "__code__"));
    Ref const file(own ? PyObject_GetAttrString(own.get(), "co_filename") : nullptr);
    if (!file || g.source == nullptr || !PyUnicode_Check(file.get()) || !is_source(file.get())) {
      if (PyErr_Occurred() == nullptr)
        PyErr_Format(PyExc_RuntimeError, "logging.Logger.%s is not the standard library's", kMethods[i]);
      return false;
    }
  }
  // gevent and its like have one of their own.
  if (!PyCFunction_Check(g.get_ident) || !PyCFunction_Check(g.now)) {
    PyErr_SetString(PyExc_RuntimeError, "threading.get_ident or time.time is not the standard library's");
    return false;
  }
  return true;
}

}  // namespace

PyObject* make_fast_log(PyObject* original) {
  if (g.original == nullptr) {
    if (!look_around(original)) return nullptr;
    Py_INCREF(original);
    g.original = original;
  }
  Ref const logger_class(member(g.module, "Logger"));
  if (!logger_class) return nullptr;
  return PyDescr_NewMethod(reinterpret_cast<PyTypeObject*>(logger_class.get()), &g_definition);
}

}  // namespace logboom::python
