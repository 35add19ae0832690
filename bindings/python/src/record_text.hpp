// The texts of a LogRecord, made by running its code: message, exception, names. Whatever that code does, there is a text. Needs the GIL. Must not know msgpack.
#pragma once

#include "encoded_record.hpp"
#include "record_parts.hpp"

#include <Python.h>

#include <string>

namespace logboom::python {

/// Looks up what is needed of module logging, once. @return false and an exception set.
bool prepare_record_texts();

/// An error of code that ran for the record: kept as what has to be raised, or as what is to be complained of. Takes the exception that is set.
void keep_error(EncodedRecord& made);

/// str(msg): a new reference; null: no memory.
PyObject* text_of(PyObject* msg, EncodedRecord& made);
/// The args put into `text`: as LogRecord.getMessage, or whatever stands in its place. A new reference to a str; null: no memory.
PyObject* message_of(PyObject* record, Parts const& parts, PyObject* text, bool arguments, EncodedRecord& made);
/// The name of a logger is a str, unless somebody made the record by hand. A new reference; null: no memory.
PyObject* logger_name(PyObject* name);

/// The class and the trace of exc_info, which may be of any shape. New references, or null.
struct ExceptionText {
  std::string type;
  PyObject* text = nullptr;
  ExceptionText() = default;
  ~ExceptionText() { Py_XDECREF(text); }
  ExceptionText(ExceptionText const&) = delete;
  ExceptionText& operator=(ExceptionText const&) = delete;
};
/// @param given exc_text, or null. @param formatter as encode_log_record() has it
void describe(PyObject* info, PyObject* given, PyObject* formatter, EncodedRecord& made, ExceptionText& out);

}  // namespace logboom::python
