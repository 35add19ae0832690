// The base of logboom.Handler: see handler.hpp.
#include "handler.hpp"

#include "log_record.hpp"
#include "ref.hpp"

#include <logboom/detail/clock.hpp>
#include <logboom/detail/record_layout.hpp>
#include <logboom/detail/ring.hpp>

#include <atomic>
#include <cstring>

namespace logboom::python {
namespace {

struct HandlerObject {
  PyObject_HEAD Bus* bus;
};

PyTypeObject* g_type = nullptr;
PyObject* g_emit = nullptr;  // the type's own method
PyObject* g_handle = nullptr;
PyObject* g_names[5];
enum Name { kFilters, kFilter, kEmit, kFormatter, kHandle };
PyObject* g_first_record_hook = nullptr;
std::int64_t g_hook_called_in = 0;  // process

void copy_into(detail::Producer& producer, std::byte* payload, std::uint32_t site, std::uint16_t logger,
               std::byte const* bytes, std::size_t size) noexcept {
  namespace layout = detail::record_layout;
  std::memcpy(payload + layout::kHeaderSize, bytes + layout::kHeaderSize, size - layout::kHeaderSize);
  layout::store_header(payload, 6, detail::ticks(), site, logger);
  detail::commit(producer.ring, size);
}

// Without the GIL: making a ring takes a millisecond, and a full one may be waited for. No object with a destructor in here: at the interpreter's
// end RestoreThread ends the thread instead of coming back. The record is in the ring by then.
void put_slowly(EncodedRecord const& record, std::byte const* bytes) {
  PyThreadState* const thread = PyEval_SaveThread();
  detail::Place const place = detail::find_place(*record.logger, *record.site, 0, record.size);
  if (place.payload != nullptr) {
    copy_into(*place.producer, place.payload, place.site, record.logger->id, bytes, record.size);
    if (place.producer->shared) detail::release_shared(*place.producer);
  }
  PyEval_RestoreThread(thread);
}

void first_record() {
  renew_process_id();
  if (g_hook_called_in == process_id()) return;
  g_hook_called_in = process_id();
  if (g_first_record_hook == nullptr) return;
  Ref const ignored(PyObject_CallNoArgs(g_first_record_hook));
  PyErr_Clear();
}

void put(EncodedRecord const& record, std::byte const* bytes) {
  detail::Producer* const producer = detail::thread_state.producer;
  std::uint32_t const site = record.site->id.load_acquire();
  if (producer->publisher == record.logger->live.load_relaxed() && site != 0) [[likely]] {
    if (std::byte* const payload = detail::reserve(producer->ring, record.size)) {
      copy_into(*producer, payload, site, record.logger->id, bytes, record.size);
      return;
    }
  }
  put_slowly(record, bytes);
  first_record();
}

// As a stock handler says it: on stderr, if logging.raiseExceptions.
void complain(PyObject* handler, PyObject* record, PyObject* error) {
  PyObject *type = nullptr, *value = nullptr, *trace = nullptr;
  PyErr_GetExcInfo(&type, &value, &trace);
  PyObject* const error_trace = PyException_GetTraceback(error);
  Py_INCREF(reinterpret_cast<PyObject*>(Py_TYPE(error)));
  Py_INCREF(error);
  PyErr_SetExcInfo(reinterpret_cast<PyObject*>(Py_TYPE(error)), error, error_trace);  // takes all three
  {
    Ref const ignored(PyObject_CallMethod(handler, "handleError", "(O)", record));
    PyErr_Clear();
  }
  PyErr_SetExcInfo(type, value, trace);
}

// The record itself: nothing of it raises, but for a KeyboardInterrupt that came meanwhile.
PyObject* emit(HandlerObject* self, PyObject* record) {
  Bus* const bus = self->bus;
  if (bus == nullptr || bus->closed()) Py_RETURN_NONE;
  Scratch* const scratch = take_scratch();
  if (scratch == nullptr) return PyErr_NoMemory();
  PyObject* formatter = PyObject_GetAttr(reinterpret_cast<PyObject*>(self), g_names[kFormatter]);
  if (formatter == nullptr) {
    PyErr_Clear();
    formatter = Py_None;
    Py_INCREF(formatter);
  }
  EncodedRecord made;
  bool const encoded = encode_log_record(record, formatter, *bus, *scratch, made);
  Py_DECREF(formatter);
  // No Python object is held from here on but by the caller: see put_slowly().
  if (encoded) {
    put_record(made, scratch);
  } else {
    give_scratch(scratch);
  }
  return finish_record(reinterpret_cast<PyObject*>(self), record, made);
}

PyObject* method_emit(PyObject* self, PyObject* record) {
  return emit(reinterpret_cast<HandlerObject*>(self), record);
}

// logging.Handler.handle, but for the lock: a ring belongs to its thread.
PyObject* method_handle(PyObject* self, PyObject* record) {
  PyObject* verdict = nullptr;  // of the filters: true, or (Python ≥ 3.12) a record to be taken instead
  PyObject* const filters = PyObject_GetAttr(self, g_names[kFilters]);
  if (filters == nullptr) PyErr_Clear();
  bool const filtered = filters != nullptr && !(PyList_CheckExact(filters) && PyList_GET_SIZE(filters) == 0);
  Py_XDECREF(filters);
  if (filtered) {
    verdict = PyObject_CallMethodOneArg(self, g_names[kFilter], record);
    if (verdict == nullptr) return nullptr;
    int const passes = PyObject_IsTrue(verdict);
    if (passes <= 0) {
      if (passes == 0) return verdict;
      Py_DECREF(verdict);
      return nullptr;
    }
    if (!PyBool_Check(verdict) && !PyLong_Check(verdict)) record = verdict;
  } else {
    verdict = Py_True;
    Py_INCREF(verdict);
  }
  // A subclass may have an emit of its own.
  PyObject* const emits = PyObject_GetAttr(reinterpret_cast<PyObject*>(Py_TYPE(self)), g_names[kEmit]);
  PyObject* done = nullptr;
  if (emits == g_emit) {
    done = emit(reinterpret_cast<HandlerObject*>(self), record);
  } else {
    PyErr_Clear();
    done = PyObject_CallMethodOneArg(self, g_names[kEmit], record);
  }
  Py_XDECREF(emits);
  if (done == nullptr) {
    Py_DECREF(verdict);
    return nullptr;
  }
  Py_DECREF(done);
  return verdict;
}

void deallocate(PyObject* self) {
  PyTypeObject* const type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

PyMethodDef g_methods[] = {
    {"handle", method_handle, METH_O, "Takes a record that passes the filters, without a lock."},
    {"emit", method_emit, METH_O, "Takes a record."},
    {nullptr, nullptr, 0, nullptr},
};

PyType_Slot g_slots[] = {
    {Py_tp_methods, g_methods},
    {Py_tp_dealloc, reinterpret_cast<void*>(deallocate)},
    {Py_tp_new, reinterpret_cast<void*>(PyType_GenericNew)},
    {0, nullptr},
};

PyType_Spec g_spec{"logboom._core.HandlerBase", sizeof(HandlerObject), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, g_slots};

}  // namespace

Bus* plain_bus(PyObject* handler) {
  PyTypeObject* const type = Py_TYPE(handler);
  if (PyType_IsSubtype(type, g_type) == 0) return nullptr;
  auto const own = [type](PyObject* name, PyObject* method) {
    Ref const found(PyObject_GetAttr(reinterpret_cast<PyObject*>(type), name));
    return found.get() == method;
  };
  if (!own(g_names[kEmit], g_emit) || !own(g_names[kHandle], g_handle)) return nullptr;
  Ref const filters(PyObject_GetAttr(handler, g_names[kFilters]));
  if (!filters || !PyList_CheckExact(filters.get()) || PyList_GET_SIZE(filters.get()) != 0) return nullptr;
  Bus* const bus = reinterpret_cast<HandlerObject*>(handler)->bus;
  return bus != nullptr && !bus->closed() ? bus : nullptr;
}

void put_record(EncodedRecord const& record, Scratch* scratch) {
  put(record, scratch->bytes);
  give_scratch(scratch);
}

PyObject* finish_record(PyObject* handler, PyObject* record, EncodedRecord& made) {
  if (made.complaint != nullptr) {
    if (record != nullptr) complain(handler, record, made.complaint);
    Py_CLEAR(made.complaint);
  }
  if (made.raised != nullptr) {
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(made.raised)), made.raised);
    Py_CLEAR(made.raised);
    return nullptr;
  }
  Py_RETURN_NONE;
}

PyObject* make_handler_type() {
  constexpr char const* kNames[] = {"filters", "filter", "emit", "formatter", "handle"};
  for (std::size_t i = 0; i < std::size(kNames); ++i) {
    g_names[i] = PyUnicode_InternFromString(kNames[i]);
    if (g_names[i] == nullptr) return nullptr;
  }
  PyObject* const type = PyType_FromSpec(&g_spec);
  if (type == nullptr) return nullptr;
  g_type = reinterpret_cast<PyTypeObject*>(type);
  g_emit = PyObject_GetAttr(type, g_names[kEmit]);
  g_handle = PyObject_GetAttr(type, g_names[kHandle]);
  return type;
}

void connect_handler(PyObject* handler, Bus& bus) noexcept {
  if (PyObject_TypeCheck(handler, g_type)) reinterpret_cast<HandlerObject*>(handler)->bus = &bus;
}

void set_first_record_hook(PyObject* callable) {
  Py_XINCREF(callable);
  Py_XSETREF(g_first_record_hook, callable);
}

}  // namespace logboom::python
