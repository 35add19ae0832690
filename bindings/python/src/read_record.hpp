// A record as Python sees it. Must not know where it came from.
#pragma once

#include <logboom/record.hpp>

#include <pybind11/pybind11.h>

namespace logboom::python {

/// Immutable for Python. The dictionaries are made when they are first asked for, and are then the record's own.
class ReadRecord {
 public:
  explicit ReadRecord(Record record) : record_(std::move(record)) {}

  Record const& record() const noexcept { return record_; }
  pybind11::object fields();
  pybind11::object arguments();
  pybind11::object attributes();

 private:
  Value const* attribute(std::string_view key) const noexcept;

  Record record_;
  pybind11::object fields_, arguments_, attributes_;
};

pybind11::object record_to_python(Record record);

/// Class Record.
void bind_record(pybind11::module_& module);

}  // namespace logboom::python
