// Records as text: for people (pretty), for programs (json, csv, logfmt), and in the words of Python's logging.Formatter.
// Must not know where the text goes, nor whether that is a terminal: its options say so.
#pragma once

#include <logboom/record.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace logboom {

struct FormatOptions {
  /// '%', '{' or '$': the style of a Python format string; 0 = seen from its content.
  char style = 0;
  /// strftime format of %(asctime)s; "" = `%Y-%m-%d %H:%M:%S` and `,mmm`, as Python does.
  std::string datefmt;
  /// Times in UTC, otherwise in the local zone.
  bool utc = false;
  /// Pretty: with ANSI colours.
  bool color = false;
  /// Pretty: the host before the process.
  bool host = false;
  /// csv: its columns, in this order; a name that is no column of a record is the name of a field. Empty = csv_columns().
  std::vector<std::string> columns;
  /// Python styles and csv: control characters (but newline and tab) and bidirectional marks of the records' texts come out as `\x1b`, `\u202e`, so that no record
  /// can steer a terminal. Set it to false where the text does not go to one. Pretty always escapes; json and logfmt have escapes of their own.
  bool escape_controls = true;
  /// Python styles: the values of fields that a record does not have. A field that is missing here too comes out as `<step: no such field>`.
  Fields defaults;
};

/// Immutable, so safe to share among threads. Copies are cheap.
class Formatter {
 public:
  /// `spec`: "pretty", "json", "csv", "logfmt", or a Python logging format string in any of its three styles.
  /// @throws std::invalid_argument: one line that says what is wrong with the format and where. Refused is what Python's logging.Formatter refuses when it is made, and
  /// what could never render a record (Python finds that out with the first one).
  static Formatter make(std::string_view spec, FormatOptions options = {});

  /// Appends the record and a line end ("\n"; "\r\n" for csv). Never fails for what a record holds.
  void format(Record const& record, std::string& out) const;

  /// Whether a record's fields are looked at: if not, it need not have them.
  bool shows_fields() const;

  /// What goes before the first record: the line of column names for csv, with its line end; empty for all others.
  std::string header() const;

  /// The columns of csv where none are named.
  static std::vector<std::string> csv_columns();

  struct Style;  // one way of writing records; private to src/record

 private:
  explicit Formatter(std::shared_ptr<Style const> style) : style_(std::move(style)) {}

  std::shared_ptr<Style const> style_;
};

/// Appends the record as one JSON object, without line end. Keys, always: time (ISO 8601, nanoseconds, zone), level, level_name, logger, message, fields, host, process, pid, thread,
/// tid, file, line, function; where known: template, exception_type, exception, stack, task, attributes, started, publisher (hex), stream, sequence, id. In this order.
void write_json(Record const& record, bool utc, std::string& out);

}  // namespace logboom
