// Running str, %, getMessage and formatException.
#include "record_text.hpp"

#include "encoder.hpp"
#include "ref.hpp"

#include <fmt/format.h>

#include <string_view>

namespace logboom::python {
namespace {

struct Known {
  PyObject* get_message = nullptr;       // LogRecord.getMessage
  PyObject* get_message_name = nullptr;  // "getMessage"
  PyObject* format_exception = nullptr;  // of logging's own formatter
};
Known g_known;

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

}  // namespace

bool prepare_record_texts() {
  Ref const module(PyImport_ImportModule("logging"));
  Ref const record_class(module ? PyObject_GetAttrString(module.get(), "LogRecord") : nullptr);
  Ref const formatter(module ? PyObject_CallMethod(module.get(), "Formatter", nullptr) : nullptr);
  if (!record_class || !formatter) return false;
  g_known.get_message_name = PyUnicode_InternFromString("getMessage");
  g_known.get_message = PyObject_GetAttr(record_class.get(), g_known.get_message_name);
  g_known.format_exception = PyObject_GetAttrString(formatter.get(), "formatException");
  return g_known.get_message != nullptr && g_known.format_exception != nullptr;
}

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

PyObject* message_of(PyObject* record, Parts const& parts, PyObject* text, bool arguments, EncodedRecord& made) {
  Ref const method(PyObject_GetAttr(reinterpret_cast<PyObject*>(Py_TYPE(record)), g_known.get_message_name));
  PyErr_Clear();
  PyObject* message = nullptr;
  if (method.get() != g_known.get_message && method) {
    message = PyObject_CallMethodNoArgs(record, g_known.get_message_name);
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

PyObject* logger_name(PyObject* name) {
  if (name == nullptr || name == Py_None) return PyUnicode_FromString("");
  if (!PyUnicode_Check(name)) return PyObject_Str(name);
  Py_INCREF(name);
  return name;
}

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
                                : PyObject_CallOneArg(g_known.format_exception, triple.get()));
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

}  // namespace logboom::python
