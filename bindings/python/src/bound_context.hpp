// Fields that logboom.context binds to a task or thread: encoded once, put into each record. Needs the GIL. Must not know records.
#pragma once

#include <Python.h>

#include <cstddef>
#include <string>
#include <vector>

namespace logboom::python {

struct Context {
  std::string encoded;  // pairs of a map
  std::size_t count = 0;
  struct Type {
    PyObject* name;  // of the field
    std::string pointer, type;
  };
  std::vector<Type> types;
};

/// The contextvars.ContextVar of logboom.context: its value is None or a tuple whose first item is an encoded context.
void set_context_variable(PyObject* variable);
/// Its value now; a new reference, or null.
PyObject* context_value();
/// The context in such a value, as long as that is held; null: none.
Context const* context_in(PyObject* value);

/// Fields of a logboom.context, encoded once: a capsule. `fields` is a dict with str keys. nullptr and an exception set: no memory.
PyObject* encode_context(PyObject* fields);

}  // namespace logboom::python
