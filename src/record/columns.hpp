// The parts of a record by name: the columns of csv, and the attributes of Python's LogRecord. Knows nothing of formats.
#pragma once

#include "record/python_value.hpp"

#include <logboom/record.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace logboom {

/// Under its own name (docs/protocol.md, "Live").
enum class Column {
  kId,
  kTime,
  kLevel,
  kLevelName,
  kLogger,
  kMessage,
  kTemplate,
  kFields,
  kAttributes,
  kHost,
  kProcess,
  kPid,
  kStarted,
  kThread,
  kTid,
  kFile,
  kLine,
  kFunction,
  kExceptionType,
  kException,
  kStack,
  kTask,
  kPublisher,
  kStream,
  kSequence
};

struct ColumnName {
  std::string_view name;
  Column column;
};
std::span<ColumnName const> column_names() noexcept;
std::optional<Column> find_column(std::string_view name) noexcept;

/// The column's value; what has to be made (publisher, level_name of a level without one) is put into `scratch`.
/// kFields and kAttributes come out as JSON text, kTime and kStarted as nanoseconds.
python::Object column_value(Record const& record, Column column, std::string& scratch);

/// level_name, or Python's "Level 35" for a level without one.
std::string_view shown_level(Record const& record, std::string& scratch);

/// The exception's text, beginning with its type where the text does not name it.
std::string_view shown_exception(Record const& record, std::string& scratch);

/// 32 hexadecimal digits.
void append_hex(std::span<std::byte const> bytes, std::string& out);

}  // namespace logboom
