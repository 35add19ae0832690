// Which records Python wants to see: the keyword arguments of Subscriber and query() as a Filter. Must not know where records come from.
#pragma once

#include <logboom/filter.hpp>

#include <pybind11/pybind11.h>

#include <cstddef>
#include <optional>

namespace logboom::python {

struct Selection {
  Filter filter;
  std::optional<std::size_t> last;

  bool has_since() const noexcept { return filter.since.has_value(); }
};

/// Class Selection, from what logboom/_selection.py has made of the arguments.
void bind_selection(pybind11::module_& module);

}  // namespace logboom::python
