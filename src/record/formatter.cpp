// Chooses among the ways of showing a record: see formatter.hpp.
#include "record/formatter.hpp"

#include "record/formatter_style.hpp"
#include "record/python_format.hpp"
#include "record/python_parse.hpp"
#include "record/terminal_text.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace logboom {

Formatter Formatter::make(std::string_view spec, FormatOptions options) {
  if (options.datefmt.find('\0') != std::string::npos)
    throw std::invalid_argument("date format: it holds a NUL");
  if (options.style == 0) {
    if (spec == "pretty") return Formatter(make_pretty(options));
    if (spec == "json") return Formatter(make_json(options));
    if (spec == "csv") return Formatter(make_csv(std::move(options)));
    if (spec == "logfmt") return Formatter(make_logfmt(options));
    if (python::guess_style(spec) == 0) {
      std::string shown;
      append_harmless_line(spec.substr(0, 80), shown);
      throw std::invalid_argument(fmt::format(
          "format \"{}\": it is none of pretty, json, csv, logfmt, and no Python format string, which names "
          "fields, as \"%(asctime)s %(message)s\" does",
          shown));
    }
  }
  return Formatter(python::compile(spec, std::move(options)));
}

void Formatter::format(Record const& record, std::string& out) const { style_->format(record, out); }

bool Formatter::shows_fields() const { return style_->shows_fields(); }

std::string Formatter::header() const { return style_->header(); }

std::vector<std::string> Formatter::csv_columns() {
  return {"time",      "level_name", "logger", "message",    "fields",    "host",     "process",
          "pid",       "thread",     "tid",    "file",       "line",      "function", "exception_type",
          "exception", "stack",      "task",   "attributes", "publisher", "stream",   "sequence",
          "id"};
}

}  // namespace logboom
