// An owned reference to a Python object, given back at the end of its block. Needs the GIL.
#pragma once

#include <Python.h>

#include <utility>

namespace logboom::python {

class Ref {
 public:
  /// Takes over a new reference, or null.
  explicit Ref(PyObject* object) noexcept : object_(object) {}
  ~Ref() { Py_XDECREF(object_); }
  Ref(Ref const&) = delete;
  Ref& operator=(Ref const&) = delete;

  PyObject* get() const noexcept { return object_; }
  PyObject* release() noexcept {
    PyObject* const object = object_;
    object_ = nullptr;
    return object;
  }
  void swap(Ref& other) noexcept { std::swap(object_, other.object_); }
  explicit operator bool() const noexcept { return object_ != nullptr; }

 private:
  PyObject* object_;
};

}  // namespace logboom::python
