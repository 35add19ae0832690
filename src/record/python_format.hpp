// Format strings of Python's logging.Formatter in its three styles: compiled once, rendered per record.
// Must not know the other ways of showing a record, nor lines and sinks.
#pragma once

#include "record/formatter.hpp"

#include <memory>
#include <string_view>

namespace logboom::python {

/// @throws std::invalid_argument, see Formatter::make
std::shared_ptr<Formatter::Style const> compile(std::string_view format, FormatOptions options);

}  // namespace logboom::python
