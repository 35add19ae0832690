// The attributes of a LogRecord, and fields, looked up in our records. Knows nothing of format strings.
#pragma once

#include "record/columns.hpp"
#include "record/python_value.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace logboom::python {

/// What %(asctime)s needs to know.
struct TimeFormat {
  std::string datefmt;
  bool utc = false;
};

/// One name of a format string. An attribute of LogRecord is that, whatever fields the record has (Python refuses such `extra`); any other name is a field, then a column
/// of ours (`host`, `line`), then a default.
class Attribute {
 public:
  explicit Attribute(std::string name);

  std::string const& name() const noexcept { return name_; }
  /// No attribute of LogRecord: it may be a field.
  bool is_field() const noexcept { return kind_ == Kind::kField; }

  /// Nothing: the record has no such field. Made texts are in `scratch`, which must outlive the result.
  std::optional<Object> find(Record const& record, TimeFormat const& time, Fields const& defaults,
                             std::string& scratch) const;

  /// A value of the type that every record has here; nothing where it depends on the record.
  std::optional<Object> sample() const noexcept;

  enum class Kind {
    kField,
    kName,
    kMsg,
    kArgs,
    kLevelName,
    kLevelNumber,
    kPathName,
    kFileName,
    kModule,
    kLine,
    kFunction,
    kCreated,
    kMilliseconds,
    kRelativeCreated,
    kThread,
    kThreadName,
    kProcess,
    kProcessName,
    kTask,
    kExcInfo,
    kExcText,
    kStackInfo,
    kMessage,
    kAscTime,
    kHostName
  };

 private:
  std::string name_;
  Kind kind_ = Kind::kField;
  std::optional<Column> column_;
};

/// Appends what formatTime() gives. Bounded: 256 times the length of datefmt, as in CPython.
void append_asctime(std::int64_t time, TimeFormat const& format, std::string& out);

}  // namespace logboom::python
