// Filters from Python. Must not know where records come from.
#include "selection.hpp"

#include <pybind11/stl.h>

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace py = pybind11;

namespace logboom::python {
namespace {

using Time = std::variant<std::monostate, std::int64_t, std::string>;  // ns, or a text as on the command line

std::optional<std::int64_t> point_in_time(Time const& time) {
  if (auto const* const ns = std::get_if<std::int64_t>(&time)) return *ns;
  if (auto const* const text = std::get_if<std::string>(&time)) {
    auto const now = std::chrono::duration_cast<std::chrono::nanoseconds>(
        std::chrono::system_clock::now().time_since_epoch());
    return parse_time(*text, now.count());
  }
  return std::nullopt;
}

Selection select(std::optional<std::variant<Level, std::string>> const& level, std::vector<std::string> loggers,
                 std::vector<std::string> hosts, std::vector<std::string> processes,
                 std::vector<std::uint64_t> pids, std::string grep, std::vector<std::string> const& where,
                 std::vector<std::pair<std::string, std::string>> const& equal, Time const& since,
                 Time const& until, std::optional<std::size_t> last) {
  Selection made;
  auto& filter = made.filter;
  if (level) {
    if (auto const* const number = std::get_if<Level>(&*level)) {
      filter.level = *number;
    } else {
      auto const& text = std::get<std::string>(*level);
      filter.level = parse_level(text);
      if (!filter.level)
        throw std::invalid_argument(
            "level " + text + ": no such level; use TRACE, DEBUG, INFO, WARNING, ERROR, CRITICAL or a number");
    }
  }
  filter.loggers = std::move(loggers);
  filter.hosts = std::move(hosts);
  filter.processes = std::move(processes);
  filter.pids = std::move(pids);
  filter.regex = std::move(grep);
  for (auto const& text : where) filter.fields.push_back(parse_field_test(text));
  for (auto const& [field, value] : equal)
    filter.fields.push_back({field, FieldTest::Operator::kEqual, value});
  filter.since = point_in_time(since);
  filter.until = point_in_time(until);
  if (last && *last == 0)
    throw std::invalid_argument("last=0: not a number of records to see; give 1 or more");
  made.last = last;
  static_cast<void>(Matcher(filter));  // a mistake is told here, not by the first record
  return made;
}

}  // namespace

void bind_selection(py::module_& module) {
  py::class_<Selection>(module, "Selection")
      .def(py::init(&select), py::kw_only(), py::arg("level"), py::arg("loggers"), py::arg("hosts"),
           py::arg("processes"), py::arg("pids"), py::arg("grep"), py::arg("where"), py::arg("equal"),
           py::arg("since"), py::arg("until"), py::arg("last"));
}

}  // namespace logboom::python
