// The collector in this process: what logboom.Server is built on. Its threads never touch Python.
#include "bindings.hpp"
#include "inherited_files.hpp"
#include "waiting.hpp"

#include <logboom/collector.hpp>

#include "posix/background_thread.hpp"
#include "publisher/settings.hpp"
#include "spool/spool.hpp"

#include <pybind11/stl.h>

#include <cstdio>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace py = pybind11;

namespace logboom::python {
namespace {

void to_stderr(std::string_view line) {
  auto const text = "logboom: " + std::string(line) + "\n";
  [[maybe_unused]] auto const written = std::fwrite(text.data(), 1, text.size(), stderr);
}

/// A collector and the thread that it runs on.
class RunningCollector {
 public:
  explicit RunningCollector(CollectorOptions options) : collector_(std::move(options)) {
    // Signals are for Python's main thread.
    thread_ = posix::background_thread("logboom-server", [this] { run(); });
  }
  ~RunningCollector() {
    collector_.stop();
    if (thread_.joinable()) thread_.join();
  }
  RunningCollector(RunningCollector const&) = delete;
  RunningCollector& operator=(RunningCollector const&) = delete;

  Collector const& collector() const noexcept { return collector_; }
  /// Everything received is committed when it returns. @throws what ended the collector, if anything but this did
  void stop() {
    collector_.stop();
    thread_.join();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  void run() noexcept {
    try {
      collector_.run();
    } catch (std::exception const& error) {
      failure_ = std::current_exception();
      to_stderr(error.what());  // at once: whoever leaves the context may come late
    }
  }

  Collector collector_;
  std::exception_ptr failure_;
  std::thread thread_;
};

class ServerCore {
 public:
  ServerCore(std::vector<std::string> endpoints, std::string database, std::optional<std::string> tcp,
             std::optional<std::string> udp, std::optional<std::string> unix_stream,
             std::optional<std::string> unix_datagram, std::string level_rules,
             std::vector<std::string> adopt, bool insecure)
      : running_(begin(options(std::move(endpoints), std::move(database), std::move(tcp), std::move(udp),
                               std::move(unix_stream), std::move(unix_datagram), std::move(level_rules),
                               std::move(adopt), insecure))),
        endpoints_(running_.get().collector().endpoints()),
        inputs_(running_.get().collector().inputs()) {}

  std::vector<std::string> const& endpoints() const noexcept { return endpoints_; }
  std::vector<std::string> const& inputs() const noexcept { return inputs_; }

  py::dict status() const {
    if (running_.here() && running_.open()) last_ = running_.get().collector().status();
    py::dict status;
    status["records"] = last_.records;
    status["declared_lost"] = last_.gap_records;
    status["duplicates"] = last_.duplicates;
    status["bad_frames"] = last_.bad_frames;
    status["queued_bytes"] = last_.queued_bytes;
    status["publishers"] = last_.publishers;
    status["adopted_spools"] = last_.adopted_spools;
    status["last_id"] = last_.last_id;
    return status;
  }

  void stop() {
    if (running_.here() && running_.open()) last_ = running_.get().collector().status();
    auto running = running_.take();
    if (!running) return;
    std::exception_ptr failure;
    {
      py::gil_scoped_release const released;
      try {
        running->stop();
      } catch (...) {
        failure = std::current_exception();
      }
    }
    last_ = running->collector().status();
    if (failure) std::rethrow_exception(failure);
  }

  /// In a forked child: the parent's addresses are not kept in use by it.
  void forget() const { close_inherited_files(endpoints_, inputs_); }

 private:
  static CollectorOptions options(std::vector<std::string> endpoints, std::string database,
                                  std::optional<std::string> tcp, std::optional<std::string> udp,
                                  std::optional<std::string> unix_stream,
                                  std::optional<std::string> unix_datagram, std::string level_rules,
                                  std::vector<std::string> adopt, bool insecure) {
    CollectorOptions made;
    made.endpoints = std::move(endpoints);
    made.database = std::move(database);
    made.python_tcp = std::move(tcp);
    made.python_udp = std::move(udp);
    made.python_unix = std::move(unix_stream);
    made.python_unix_datagram = std::move(unix_datagram);
    made.level_rules = std::move(level_rules);
    made.adopt = std::move(adopt);
    made.insecure = insecure;
    made.notice = to_stderr;
    return made;
  }

  static std::unique_ptr<RunningCollector> begin(CollectorOptions options) {
    py::gil_scoped_release const released;
    return std::make_unique<RunningCollector>(std::move(options));
  }

  OwnedByProcess<RunningCollector> running_;
  std::vector<std::string> endpoints_;
  std::vector<std::string> inputs_;
  mutable CollectorStatus last_;
};

/// Where publishers of this user keep their spools.
std::vector<std::string> spool_roots() {
  std::vector<std::string> roots{spool::default_root().native()};
  for (auto const& root : publisher::memory_roots()) roots.push_back(root.native());
  return roots;
}

// By value, as pybind11 wants it.
void translate(std::exception_ptr failure) {  // NOLINT(performance-unnecessary-value-param)
  try {
    if (failure) std::rethrow_exception(failure);
  } catch (std::system_error const& error) {
    py::object const made =
        py::reinterpret_borrow<py::object>(PyExc_OSError)(error.code().value(), error.what());
    PyErr_SetObject(PyExc_OSError, made.ptr());
  }
}

}  // namespace

void bind_server(py::module_& module) {
  py::register_exception_translator(&translate);
  module.def("spool_roots", &spool_roots);
  py::class_<ServerCore>(module, "ServerCore")
      .def(py::init<std::vector<std::string>, std::string, std::optional<std::string>,
                    std::optional<std::string>, std::optional<std::string>, std::optional<std::string>,
                    std::string, std::vector<std::string>, bool>(),
           py::kw_only(), py::arg("endpoints"), py::arg("database"), py::arg("tcp"), py::arg("udp"),
           py::arg("unix"), py::arg("unix_datagram"), py::arg("level_rules"), py::arg("adopt"),
           py::arg("insecure"))
      .def_property_readonly("endpoints", &ServerCore::endpoints)
      .def_property_readonly("inputs", &ServerCore::inputs)
      .def("status", &ServerCore::status)
      .def("stop", &ServerCore::stop)
      .def("forget", &ServerCore::forget);
}

}  // namespace logboom::python
