// The publishing half: what logboom.Handler and attach() are built on.
#include "bindings.hpp"
#include "bound_context.hpp"
#include "bus.hpp"
#include "fast_log.hpp"
#include "handler.hpp"
#include "log_record.hpp"
#include "record/level_rules.hpp"

#include <logboom/publisher.hpp>

#include <pybind11/stl.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace py = pybind11;

namespace logboom::python {
namespace {

using std::chrono::milliseconds;

// All of the process, for its end. Under the GIL.
std::vector<Bus*>& buses() {
  static auto& all = *new std::vector<Bus*>();
  return all;
}

// --- Rules that a collector sends. The sender's thread must not wait for the GIL: another thread does, made when it is needed, which is seldom.

PyObject* g_levels_hook = nullptr;
std::atomic<bool> g_levels_closed{false};
std::atomic<int> g_levels_threads{0};

void call_levels_hook() {
  PyGILState_STATE const state = PyGILState_Ensure();
  PyObject* const done = g_levels_hook != nullptr ? PyObject_CallNoArgs(g_levels_hook) : nullptr;
  if (done == nullptr) PyErr_Clear();
  Py_XDECREF(done);
  PyGILState_Release(state);
  g_levels_threads.fetch_sub(1);
}

void levels_changed() {
  g_levels_threads.fetch_add(1);
  if (g_levels_closed.load()) {
    g_levels_threads.fetch_sub(1);
    return;
  }
  try {
    std::thread(call_levels_hook).detach();  // with the sender's mask: no signal is delivered to it
  } catch (std::system_error const&) {
    g_levels_threads.fetch_sub(1);
  }
}

// Before the interpreter ends: no thread may ask it for the GIL any more.
void close_levels() {
  g_levels_closed.store(true);
  PyThreadState* const thread = PyEval_SaveThread();
  for (int i = 0; i < 1000 && g_levels_threads.load() > 0; ++i) {
    timespec const pause{0, 1'000'000};
    nanosleep(&pause, nullptr);
  }
  PyEval_RestoreThread(thread);
}

// --- The end. What is in the spool by now and not sent is found there by the collector of the host or the next publisher.

void close_buses() {
  for (Bus* const bus : buses()) bus->close();
}

void forked() {
  renew_process_id();
  g_levels_threads.store(0);
}

// --- Bindings

milliseconds duration(py::handle seconds, char const* option) {
  double const value = seconds.cast<double>();
  if (!(value >= 0)) throw std::invalid_argument(std::string(option) + ": give 0 or more seconds");
  constexpr double kLongest = 1e9;
  return milliseconds(static_cast<std::int64_t>(std::min(value, kLongest) * 1000));
}

std::size_t size(py::handle bytes, char const* option) {
  auto const value = bytes.cast<long long>();
  if (value < 0) throw std::invalid_argument(std::string(option) + ": give 0 or more bytes");
  return static_cast<std::size_t>(value);
}

PublisherOptions options_from(py::dict const& given) {
  PublisherOptions options;
  // What is left at the very end, after the flush of the handlers, is worth no more than that.
  options.flush_timeout = milliseconds(100);
  for (auto const& [key, value] : given) {
    auto const name = key.cast<std::string>();
    if (value.is_none()) continue;
    if (name == "endpoint") {
      options.endpoint = value.cast<std::string>();
    } else if (name == "curve_server_key") {
      options.curve_server_key = value.cast<std::string>();
    } else if (name == "curve_secret") {
      options.curve_secret = value.cast<std::string>();
    } else if (name == "spool") {
      options.spool = value.cast<std::string>();
    } else if (name == "levels") {
      options.levels = value.cast<std::string>();
    } else if (name == "name") {
      options.name = value.cast<std::string>();
    } else if (name == "ring_capacity") {
      options.ring_capacity = size(value, "ring_capacity");
    } else if (name == "overflow_bound") {
      options.overflow_bound = size(value, "overflow_bound");
    } else if (name == "when_full") {
      auto const policy = value.cast<std::string>();
      if (policy != "block" && policy != "drop")
        throw std::invalid_argument("when_full: '" + policy + "' is no policy; give 'block' or 'drop'");
      options.when_full = policy == "drop" ? FullPolicy::kDrop : FullPolicy::kBlock;
    } else if (name == "block_timeout") {
      options.block_timeout = duration(value, "block_timeout");
    } else if (name == "started") {
      options.started = value.cast<std::int64_t>();
    } else {
      throw std::invalid_argument(name + ": no such option");
    }
  }
  options.levels_changed = levels_changed;
  return options;
}

py::dict statistics(Bus& bus) {
  py::dict numbers;
  if (bus.closed()) return numbers;
  Statistics const s = bus.publisher().statistics();
  numbers["logged"] = s.logged;
  numbers["dropped"] = s.dropped;
  numbers["acked"] = s.acked;
  numbers["sent"] = s.sent;
  numbers["resent"] = s.resent;
  numbers["spilled"] = s.spilled;
  numbers["overflow_bytes"] = s.overflow_bytes;
  return numbers;
}

py::dict status(Bus& bus) {
  py::dict said;
  if (bus.closed()) return said;
  Status const s = bus.publisher().status();
  said["endpoint"] = s.endpoint;
  said["spool"] = s.spool;
  said["memory_backed"] = s.memory_backed;
  said["connected"] = s.connected;
  said["refusal"] = s.refusal;
  said["problem"] = s.problem;
  return said;
}

// "info,etl.db=debug" as [("", 20), ("etl.db", 10)]
std::vector<std::pair<std::string, Level>> parse_rules(std::string const& text) {
  return LevelRules::parse(text).rules();
}

}  // namespace

void bind_publisher(py::module_& module) {
  if (!prepare_log_records()) throw py::error_already_set();
  PyObject* const handler_type = make_handler_type();
  if (handler_type == nullptr) throw py::error_already_set();
  module.add_object("HandlerBase", handler_type);

  py::class_<Bus, std::unique_ptr<Bus, py::nodelete>>(module, "Bus")
      .def(py::init([](py::dict const& options) {
        auto* const bus = new Bus(options_from(options));
        buses().push_back(bus);
        return std::unique_ptr<Bus, py::nodelete>(bus);
      }))
      .def("connect", [](Bus& bus, py::handle handler) { connect_handler(handler.ptr(), bus); })
      .def("flush",
           [](Bus& bus, double timeout, double unanswered) {
             return bus.flush(duration(py::float_(timeout), "timeout"),
                              duration(py::float_(unanswered), "timeout"));
           })
      .def_property_readonly(
          "level_rules", [](Bus& bus) { return bus.closed() ? std::string() : bus.publisher().level_rules(); })
      .def_property_readonly("statistics", statistics)
      .def_property_readonly("status", status);

  module.def("parse_rules", parse_rules);
  module.def("encode_context", [](py::dict const& fields) {
    PyObject* const capsule = encode_context(fields.ptr());
    if (capsule == nullptr) throw py::error_already_set();
    return py::reinterpret_steal<py::object>(capsule);
  });
  module.def("set_context_variable", [](py::handle variable) { set_context_variable(variable.ptr()); });
  module.def("set_first_record_hook", [](py::handle callable) { set_first_record_hook(callable.ptr()); });
  module.def("set_levels_hook", [](py::object callable) { g_levels_hook = callable.release().ptr(); });
  module.def("make_fast_log", [](py::handle original) {
    PyObject* const method = make_fast_log(original.ptr());
    if (method == nullptr) throw py::error_already_set();
    return py::reinterpret_steal<py::object>(method);
  });
  module.def("close_levels", close_levels);
  module.def("forked", forked);

  if (Py_AtExit(close_buses) < 0)
    throw std::runtime_error("logboom: no room for what has to be done at the end");
}

}  // namespace logboom::python
