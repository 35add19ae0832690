// Encoding a context's fields, and finding it again.
#include "bound_context.hpp"

#include "encoder.hpp"
#include "ref.hpp"
#include "scratch.hpp"

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace logboom::python {
namespace {

constexpr std::size_t kMaxContext = 128;
constexpr std::size_t kMaxContextBytes = std::size_t{16} << 10U;
constexpr char const* kContextCapsule = "logboom.context";

PyObject* g_variable = nullptr;

void destroy_context(PyObject* capsule) {
  auto* const context = static_cast<Context*>(PyCapsule_GetPointer(capsule, kContextCapsule));
  for (Context::Type const& type : context->types) Py_DECREF(type.name);
  delete context;
}

}  // namespace

void set_context_variable(PyObject* variable) {
  Py_XINCREF(variable);
  Py_XSETREF(g_variable, variable);
}

PyObject* context_value() {
  if (g_variable == nullptr) return nullptr;
  PyObject* value = nullptr;
  if (PyContextVar_Get(g_variable, nullptr, &value) < 0) PyErr_Clear();
  return value;
}

Context const* context_in(PyObject* value) {
  if (value == nullptr || !PyTuple_Check(value) || PyTuple_GET_SIZE(value) == 0) return nullptr;
  PyObject* const capsule = PyTuple_GET_ITEM(value, 0);
  if (PyCapsule_IsValid(capsule, kContextCapsule) == 0) return nullptr;
  return static_cast<Context const*>(PyCapsule_GetPointer(capsule, kContextCapsule));
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
