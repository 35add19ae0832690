// The parts of a record by name: see columns.hpp.
#include "record/columns.hpp"

#include "record/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace logboom {
namespace {

constexpr ColumnName kColumns[] = {
    {"id", Column::kId},
    {"time", Column::kTime},
    {"level", Column::kLevel},
    {"level_name", Column::kLevelName},
    {"logger", Column::kLogger},
    {"message", Column::kMessage},
    {"template", Column::kTemplate},
    {"fields", Column::kFields},
    {"attributes", Column::kAttributes},
    {"host", Column::kHost},
    {"process", Column::kProcess},
    {"pid", Column::kPid},
    {"started", Column::kStarted},
    {"thread", Column::kThread},
    {"tid", Column::kTid},
    {"file", Column::kFile},
    {"line", Column::kLine},
    {"function", Column::kFunction},
    {"exception_type", Column::kExceptionType},
    {"exception", Column::kException},
    {"stack", Column::kStack},
    {"task", Column::kTask},
    {"publisher", Column::kPublisher},
    {"stream", Column::kStream},
    {"sequence", Column::kSequence},
};

std::string_view fields_json(Fields const& fields, std::string& scratch) {
  scratch.clear();
  if (!fields.empty()) write_json(fields, scratch);
  return scratch;
}

// "ValueError" of "builtins.ValueError", "runtime_error" of "std::runtime_error".
std::string_view last_part(std::string_view name) {
  std::size_t const at = name.find_last_of(".:");
  return at == std::string_view::npos ? name : name.substr(at + 1);
}

}  // namespace

std::span<ColumnName const> column_names() noexcept { return kColumns; }

std::optional<Column> find_column(std::string_view name) noexcept {
  auto const* const at = std::find_if(std::begin(kColumns), std::end(kColumns),
                                      [&](ColumnName const& row) { return row.name == name; });
  if (at == std::end(kColumns)) return std::nullopt;
  return at->column;
}

python::Object column_value(Record const& record, Column column, std::string& scratch) {
  using Text = std::string_view;
  switch (column) {
    case Column::kId: return record.id;
    case Column::kTime: return record.time;
    case Column::kLevel: return static_cast<std::int64_t>(record.level);
    case Column::kLevelName: return shown_level(record, scratch);
    case Column::kLogger: return Text(record.logger);
    case Column::kMessage: return Text(record.message);
    case Column::kTemplate: return Text(record.template_text);
    case Column::kFields: return fields_json(record.fields, scratch);
    case Column::kAttributes: return fields_json(record.attributes, scratch);
    case Column::kHost: return Text(record.host);
    case Column::kProcess: return Text(record.process);
    case Column::kPid: return record.pid;
    case Column::kStarted: return record.process_started;
    case Column::kThread: return Text(record.thread);
    case Column::kTid: return record.tid;
    case Column::kFile: return Text(record.file);
    case Column::kLine: return static_cast<std::uint64_t>(record.line);
    case Column::kFunction: return Text(record.function);
    case Column::kExceptionType: return Text(record.exception_type);
    case Column::kException: return Text(record.exception);
    case Column::kStack: return Text(record.stack);
    case Column::kTask: return Text(record.task);
    case Column::kPublisher: {
      scratch.clear();
      if (record.publisher != decltype(record.publisher){}) append_hex(record.publisher, scratch);
      return Text(scratch);
    }
    case Column::kStream: return record.stream;
    case Column::kSequence: return record.sequence;
  }
  return nullptr;
}

std::string_view shown_level(Record const& record, std::string& scratch) {
  if (!record.level_name.empty()) return record.level_name;
  if (std::string_view const name = level_name(record.level); !name.empty()) return name;
  scratch = fmt::format("Level {}", record.level);
  return scratch;
}

std::string_view shown_exception(Record const& record, std::string& scratch) {
  if (record.exception_type.empty()) return record.exception;
  if (record.exception.empty()) return record.exception_type;
  if (record.exception.find(last_part(record.exception_type)) != std::string::npos) return record.exception;
  scratch = record.exception_type + ": " + record.exception;
  return scratch;
}

void append_hex(std::span<std::byte const> bytes, std::string& out) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (std::byte const byte : bytes) {
    auto const value = std::to_integer<unsigned>(byte);
    out += kDigits[value >> 4U];
    out += kDigits[value & 15U];
  }
}

}  // namespace logboom
