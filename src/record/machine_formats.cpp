// Records for programs: json, csv (RFC 4180) and logfmt. Valid whatever the record holds. Must not know where they go.
#include "record/columns.hpp"
#include "record/formatter_style.hpp"
#include "record/json.hpp"
#include "record/terminal_text.hpp"
#include "record/time_text.hpp"
#include "record/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace logboom {
namespace {

template <typename Integer>
void append_number(Integer number, std::string& out) {
  fmt::format_int const digits(number);
  out.append(digits.data(), digits.size());
}

// An object whose keys are written one by one.
class ObjectWriter {
 public:
  explicit ObjectWriter(std::string& out) : out_(out) { out_ += '{'; }

  void key(std::string_view name) {
    out_.append(first_ ? "\"" : ",\"").append(name).append("\":");
    first_ = false;
  }
  void text(std::string_view name, std::string_view value) {
    key(name);
    write_json_string(value, out_);
  }
  template <typename Integer>
  void number(std::string_view name, Integer value) {
    key(name);
    append_number(value, out_);
  }
  void known_text(std::string_view name, std::string_view value) {
    if (!value.empty()) text(name, value);
  }
  void finish() { out_ += '}'; }

 private:
  std::string& out_;
  bool first_ = true;
};

void put_time(ObjectWriter& object, std::string_view name, std::int64_t time, bool utc, std::string& out) {
  object.key(name);
  out += '"';
  write_iso_time(time, utc, out);
  out += '"';
}

class Json final : public Formatter::Style {
 public:
  explicit Json(bool utc) : utc_(utc) {}

  void format(Record const& record, std::string& out) const override {
    write_json(record, utc_, out);
    out += '\n';
  }

 private:
  bool utc_;
};

// A value as the text of a cell or of a logfmt pair: texts as they are, times as ISO 8601, the rest as JSON.
void append_plain(Value const& value, std::string& out) {
  if (auto const* const text = std::get_if<std::string>(&value.data())) {
    append_valid_utf8(*text, out);
  } else if (auto const* const number = std::get_if<double>(&value.data())) {
    std::string json;
    write_json_double(*number, json);
    std::erase(json, '"');
    out += json;
  } else if (auto const* const bytes = std::get_if<Value::Bytes>(&value.data())) {
    append_valid_utf8({reinterpret_cast<char const*>(bytes->data()), bytes->size()}, out);
  } else if (!std::holds_alternative<std::nullptr_t>(value.data())) {
    write_json(value, out);
  }
}

class Csv final : public Formatter::Style {
 public:
  explicit Csv(FormatOptions options)
      : names_(std::move(options.columns)), utc_(options.utc), escape_(options.escape_controls) {
    if (names_.empty()) names_ = Formatter::csv_columns();
    constexpr std::size_t kMaxColumns = 1024;
    if (names_.size() > kMaxColumns)
      throw std::invalid_argument(fmt::format("csv: more than {} columns", kMaxColumns));
    for (std::string const& name : names_) {
      if (name.empty())
        throw std::invalid_argument("csv: a column without a name; write names like time,logger,message");
      columns_.push_back(find_column(name));
    }
  }

  std::string header() const override {
    std::string line;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (i > 0) line += ',';
      put_cell(names_[i], line);
    }
    return line + "\r\n";
  }

  void format(Record const& record, std::string& out) const override {
    std::string cell;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (i > 0) out += ',';
      cell.clear();
      if (columns_[i]) {
        put_column(record, *columns_[i], cell);
      } else if (Value const* const value = find_field(record, names_[i])) {
        append_plain(*value, cell);
      }
      put_cell(cell, out);
    }
    out += "\r\n";
  }

 private:
  // Zero and empty mean "not known": an empty cell.
  void put_column(Record const& record, Column column, std::string& cell) const {
    if (column == Column::kTime || column == Column::kStarted) {
      std::int64_t const time = column == Column::kTime ? record.time : record.process_started;
      if (column == Column::kTime || time != 0) write_iso_time(time, utc_, cell);
      return;
    }
    std::string scratch;
    python::Object const value = column_value(record, column, scratch);
    if (auto const* const text = std::get_if<std::string_view>(&value)) {
      append_valid_utf8(*text, cell);
    } else if (is_known(record, column, value)) {
      python::append_str(value, cell);
    }
  }

  static bool is_known(Record const& record, Column column, python::Object const& value) {
    if (column == Column::kStream) return record.sequence != 0;
    if (column == Column::kId) return record.id != 0;
    return value != python::Object(std::uint64_t{0});
  }

  void put_cell(std::string_view text, std::string& out) const {
    std::string harmless;
    if (escape_) {
      append_harmless(text, harmless);
      text = harmless;
    }
    if (std::none_of(text.begin(), text.end(),
                     [](char c) { return c == ',' || c == '"' || c == '\r' || c == '\n'; })) {
      out += text;
      return;
    }
    out += '"';
    for (char const c : text) {
      if (c == '"') out += '"';
      out += c;
    }
    out += '"';
  }

  std::vector<std::string> names_;
  std::vector<std::optional<Column>> columns_;  // nothing: a field
  bool utc_, escape_;
};

class Logfmt final : public Formatter::Style {
 public:
  explicit Logfmt(bool utc) : utc_(utc) {}

  void format(Record const& record, std::string& out) const override {
    out += "time=";
    write_iso_time(record.time, utc_, out);
    std::string scratch;
    pair("level", shown_level(record, scratch), out);
    pair("logger", record.logger, out);
    pair("message", record.message, out);
    fields(record.fields, out);
    fields(record.attributes, out);
    pair("host", record.host, out);
    pair("process", record.process, out);
    pair("pid", record.pid, out);
    pair("thread", record.thread, out);
    pair("tid", record.tid, out);
    pair("file", record.file, out);
    pair("line", record.line, out);
    pair("function", record.function, out);
    pair("exception_type", record.exception_type, out);
    pair("exception", record.exception, out);
    pair("stack", record.stack, out);
    pair("task", record.task, out);
    out += '\n';
  }

 private:
  static void pair(std::string_view key, std::string_view value, std::string& out) {
    if (value.empty() && key != "message") return;
    out += ' ';
    out += key;
    out += '=';
    put_value(value, out);
  }
  static void pair(std::string_view key, std::uint64_t value, std::string& out) {
    if (value == 0) return;
    out += ' ';
    out += key;
    out += '=';
    append_number(value, out);
  }

  // A field that has the name of a part of the record is written as fields.NAME.
  static void fields(Fields const& fields, std::string& out) {
    std::string text;
    for (auto const& [key, value] : fields) {
      out += ' ';
      if (find_column(key)) out += "fields.";
      put_key(key, out);
      out += '=';
      text.clear();
      append_plain(value, text);
      put_value(text, out);
    }
  }

  static void put_key(std::string_view key, std::string& out) {
    if (key.empty()) out += '_';
    for (std::size_t at = 0; at < key.size();) {
      Utf8Char const c = decode_utf8(key, at);
      if (!c.valid || c.code == ' ' || c.code == '=' || c.code == '"' || steers_terminal(c.code)) {
        out += '_';
      } else {
        out.append(key, at, c.size);
      }
      at += c.size;
    }
  }

  static void put_value(std::string_view value, std::string& out) {
    bool const plain = !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
      return c > 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '=';
    });
    if (plain) {
      out += value;
      return;
    }
    std::size_t const start = out.size();
    write_json_string(value, out);
    bool const escaped = out.size() - start != value.size() + 2;
    if (value.empty() || escaped || value.find_first_of(" =") != std::string_view::npos) return;
    out.resize(start);  // of other letters
    out += value;
  }

  bool utc_;
};

}  // namespace

void write_json(Record const& record, bool utc, std::string& out) {
  ObjectWriter object(out);
  std::string scratch;
  put_time(object, "time", record.time, utc, out);
  object.number("level", record.level);
  object.text("level_name", shown_level(record, scratch));
  object.text("logger", record.logger);
  object.text("message", record.message);
  object.key("fields");
  write_json(record.fields, out);
  object.text("host", record.host);
  object.text("process", record.process);
  object.number("pid", record.pid);
  object.text("thread", record.thread);
  object.number("tid", record.tid);
  object.text("file", record.file);
  object.number("line", record.line);
  object.text("function", record.function);
  object.known_text("template", record.template_text);
  object.known_text("exception_type", record.exception_type);
  object.known_text("exception", record.exception);
  object.known_text("stack", record.stack);
  object.known_text("task", record.task);
  if (!record.attributes.empty()) {
    object.key("attributes");
    write_json(record.attributes, out);
  }
  if (record.process_started != 0) put_time(object, "started", record.process_started, utc, out);
  if (record.publisher != decltype(record.publisher){}) {
    scratch.clear();
    append_hex(record.publisher, scratch);
    object.text("publisher", scratch);
    object.number("stream", record.stream);
  }
  if (record.sequence != 0) object.number("sequence", record.sequence);
  if (record.id != 0) {
    object.number("id", record.id);
  }
  object.finish();
}

std::shared_ptr<Formatter::Style const> make_json(FormatOptions const& options) {
  return std::make_shared<Json>(options.utc);
}
std::shared_ptr<Formatter::Style const> make_csv(FormatOptions options) {
  return std::make_shared<Csv>(std::move(options));
}
std::shared_ptr<Formatter::Style const> make_logfmt(FormatOptions const& options) {
  return std::make_shared<Logfmt>(options.utc);
}

}  // namespace logboom
