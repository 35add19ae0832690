// The reading half: what logboom.Subscriber and query() are built on. Nothing here holds the GIL while it waits.
#include "bindings.hpp"
#include "read_record.hpp"
#include "selection.hpp"
#include "waiting.hpp"

#include <logboom/subscriber.hpp>

#include "store/store_reader.hpp"

#include <pybind11/stl.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace py = pybind11;

namespace logboom::python {
namespace {

using std::chrono::milliseconds;

/// A subscriber that several threads may call: one of them reads, the others wait.
class LiveReader {
 public:
  LiveReader(Selection const& selection, std::string endpoint, std::string server_key, std::string secret,
             std::string database, bool refetch, std::size_t until_idle)
      : live_(make(selection, std::move(endpoint), std::move(server_key), std::move(secret),
                   std::move(database), refetch, until_idle)) {}

  /// At least one record and at most `most`, in their order; none when the time is over, or nothing more will come.
  py::list take(std::size_t most, std::optional<double> seconds) {
    static_cast<void>(live_.get());
    std::vector<Record> taken;
    wait_for(seconds, [&](milliseconds slice) {
      std::unique_lock const turn(reading_, std::max(slice, milliseconds{1}));
      if (!turn.owns_lock()) return false;
      if (!live_.open()) return true;  // somebody closed it meanwhile
      auto& live = live_.get();
      while (taken.size() < most) {
        auto record = live.subscriber.next(taken.empty() ? slice : milliseconds{0});
        if (!record) break;
        taken.push_back(std::move(*record));
      }
      return !taken.empty() || over(live);
    });
    py::list records(taken.size());
    for (std::size_t i = 0; i < taken.size(); ++i) records[i] = record_to_python(std::move(taken[i]));
    return records;
  }

  bool wait_until_live(std::optional<double> seconds) {
    static_cast<void>(live_.get());
    bool answered = false;
    wait_for(seconds, [&](milliseconds slice) {
      std::unique_lock const turn(reading_, std::max(slice, milliseconds{1}));
      if (!turn.owns_lock()) return false;
      if (!live_.open()) return true;
      auto& live = live_.get();
      answered = live.subscriber.wait_until_live(slice);
      return answered || live.subscriber.stopped();
    });
    return answered;
  }

  void stop() {
    if (live_.here() && live_.open()) live_.get().subscriber.stop();
  }
  void finish() {
    if (live_.here() && live_.open()) live_.get().subscriber.finish();
  }
  bool over() { return !live_.open() || over(live_.get()); }
  bool ended() { return live_.open() && live_.get().subscriber.ended(); }
  std::uint64_t missed() { return live_.open() ? live_.get().subscriber.missed() : missed_; }

  void close() {
    if (!live_.open() || !live_.here()) return;
    stop();
    {
      py::gil_scoped_release const released;
      reading_.lock();
    }
    std::unique_lock const turn(reading_, std::adopt_lock);
    if (!live_.open()) return;
    missed_ = live_.get().subscriber.missed();
    live_.reset();
  }

 private:
  struct Live {
    Subscriber subscriber;
  };

  static std::unique_ptr<Live> make(Selection const& selection, std::string endpoint, std::string server_key,
                                    std::string secret, std::string database, bool refetch,
                                    std::size_t until_idle) {
    SubscriberOptions options;
    options.endpoint = std::move(endpoint);
    options.curve_server_key = std::move(server_key);
    options.curve_secret = std::move(secret);
    options.filter = selection.filter;
    options.history = selection.last;
    options.replay = selection.has_since();
    options.database = std::move(database);
    options.refetch = refetch;
    options.until_idle = until_idle;
    py::gil_scoped_release const released;
    return std::make_unique<Live>(Live{Subscriber(std::move(options))});
  }

  static bool over(Live const& live) { return live.subscriber.stopped() || live.subscriber.ended(); }

  OwnedByProcess<Live> live_;
  std::timed_mutex reading_;
  std::uint64_t missed_ = 0;
};

/// A query, a page at a time.
class HistoryReader {
 public:
  HistoryReader(std::string const& database, Selection const& selection, std::string text)
      : store_(open(database)) {
    auto& history = store_.get();
    py::gil_scoped_release const released;
    query_.filter = selection.filter;
    query_.text = std::move(text);
    query_.last = selection.last.value_or(0);
    query_.up_to_id = history.reader.last_id();
    done_ = query_.up_to_id == 0;
  }

  py::object next() {
    auto& history = store_.get();
    Page page;
    {
      py::gil_scoped_release const released;
      std::lock_guard const turn(reading_);
      if (page_.empty() && !done_) fill(history);
      if (interrupted_) {
        interrupted_ = false;
        page.interrupted = true;
      } else if (!page_.empty()) {
        page.record = std::move(page_.front());
        page_.pop_front();
      }
      page.removed = std::exchange(removed_, {});
    }
    for (auto const& line : page.removed) {
      if (PyErr_WarnEx(PyExc_RuntimeWarning, line.c_str(), 1) != 0) throw py::error_already_set();
    }
    if (page.interrupted) throw py::error_already_set();
    if (!page.record) throw py::stop_iteration();
    return record_to_python(std::move(*page.record));
  }

 private:
  static constexpr std::size_t kPage = 256;

  struct Page {
    std::optional<Record> record;
    bool interrupted = false;
    std::vector<std::string> removed;  // lines about files that went before they were read
  };
  struct History {
    store::StoreReader reader;
  };

  static std::unique_ptr<History> open(std::string const& database) {
    py::gil_scoped_release const released;
    return std::make_unique<History>(History{store::StoreReader(database)});
  }

  void fill(History& history) {
    auto next_look = std::chrono::steady_clock::now() + kSlice;
    history.reader.stop_when([&] {
      if (std::chrono::steady_clock::now() < next_look) return interrupted_;
      next_look = std::chrono::steady_clock::now() + kSlice;
      py::gil_scoped_acquire const held;  // a search that finds nothing in much: Ctrl-C has to work
      interrupted_ = interrupted_ || PyErr_CheckSignals() != 0;
      return interrupted_;
    });
    history.reader.tell_of_removed([this](std::string const& line) { removed_.push_back(line); });
    std::size_t count = 0;
    std::int64_t last = 0;
    try {
      history.reader.query(query_, [&](Record const& record) {
        page_.push_back(record);
        last = record.id;
        return ++count < kPage;
      });
    } catch (StoreError const&) {
      if (!interrupted_) throw;
      page_.clear();
      return;
    }
    done_ = count < kPage;
    query_.after_id = last;
    query_.last = 0;  // the first page was of the newest N; what follows it is too
  }

  OwnedByProcess<History> store_;
  std::mutex reading_;
  Query query_;
  std::deque<Record> page_;
  std::vector<std::string> removed_;
  bool done_ = false;
  bool interrupted_ = false;
};

}  // namespace

void bind_reading(py::module_& module) {
  py::register_exception<StoreError>(module, "StoreError", PyExc_RuntimeError);
  py::register_exception<RefusedError>(module, "RefusedError", PyExc_RuntimeError);
  bind_record(module);
  bind_selection(module);

  py::class_<LiveReader>(module, "LiveReader")
      .def(py::init<Selection const&, std::string, std::string, std::string, std::string, bool, std::size_t>(),
           py::arg("selection"), py::arg("endpoint"), py::arg("curve_server_key"), py::arg("curve_secret"),
           py::arg("database"), py::arg("refetch"), py::arg("until_idle"))
      .def("take", &LiveReader::take, py::arg("most"), py::arg("seconds") = py::none())
      .def("wait_until_live", &LiveReader::wait_until_live, py::arg("seconds") = py::none())
      .def("stop", &LiveReader::stop)
      .def("finish", &LiveReader::finish)
      .def("close", &LiveReader::close)
      .def_property_readonly("over", py::overload_cast<>(&LiveReader::over))
      .def_property_readonly("ended", &LiveReader::ended)
      .def_property_readonly("missed", &LiveReader::missed);

  py::class_<HistoryReader>(module, "HistoryReader")
      .def(py::init<std::string const&, Selection const&, std::string>(), py::arg("database"),
           py::arg("selection"), py::arg("text") = "")
      .def("__iter__", [](py::object const& self) { return self; })
      .def("__next__", &HistoryReader::next);
}

}  // namespace logboom::python
