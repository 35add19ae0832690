// Records for people at a terminal. Must not know whether there is one: the options say so.
//
//     2026-11-20 10:30:05.123 WARNING  solver[4711] solver.grid: residual 0.5  step=3 file=/tmp/a
//         second line of the message
//         exception, stack
//
// Time in milliseconds, level in 8 columns, process[pid] (host/process[pid] if asked for), logger, message, fields.
// What is not known is left out. A record's own line breaks are always indented, so that no record can pass for another.
#include "record/columns.hpp"
#include "record/formatter_style.hpp"
#include "record/json.hpp"
#include "record/terminal_text.hpp"
#include "record/time_text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace logboom {
namespace {

constexpr std::string_view kIndent = "    ";
constexpr std::string_view kReset = "\x1b[0m";
constexpr std::string_view kDim = "\x1b[2m";
constexpr std::string_view kCyan = "\x1b[36m";

std::string_view colour_of(Level level) {
  if (level >= level::kCritical) return "\x1b[1;37;41m";
  if (level >= level::kError) return "\x1b[1;31m";
  if (level >= level::kWarning) return "\x1b[33m";
  if (level >= level::kInfo) return "\x1b[32m";
  return kDim;
}

void append_indented(std::string_view text, std::string& out) {
  while (!text.empty()) {
    std::size_t const end = std::min(text.find('\n'), text.size());
    out += '\n';
    out += kIndent;
    append_harmless(text.substr(0, end), out);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// Bare where a reader sees where it ends.
bool is_bare(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != '"' && c != '\\' && c != '=';
  });
}

void append_value(Value const& value, std::string& out) {
  auto const* const text = std::get_if<std::string>(&value.data());
  if (text != nullptr && is_bare(*text)) {
    append_harmless_line(*text, out);
  } else {
    write_json(value, out);
  }
}

class Pretty final : public Formatter::Style {
 public:
  explicit Pretty(FormatOptions const& options)
      : utc_(options.utc), color_(options.color), host_(options.host) {}

  void format(Record const& record, std::string& out) const override {
    put_time(record.time, out);
    put_level(record, out);
    put_origin(record, out);
    if (!record.logger.empty()) {
      paint(kCyan, out);
      append_harmless_line(record.logger, out);
      paint(kReset, out);
      out += ": ";
    }
    std::size_t const line = std::min(record.message.find('\n'), record.message.size());
    append_harmless(std::string_view(record.message).substr(0, line), out);
    put_fields(record.fields, out);
    put_fields(record.attributes, out);
    if (line < record.message.size()) append_indented(std::string_view(record.message).substr(line + 1), out);
    std::string scratch;
    append_indented(shown_exception(record, scratch), out);
    append_indented(record.stack, out);
    out += '\n';
  }

 private:
  void paint(std::string_view code, std::string& out) const {
    if (color_) out += code;
  }

  void put_time(std::int64_t time, std::string& out) const {
    auto const [tm, nanoseconds] = to_civil(time, utc_);
    paint(kDim, out);
    append_date_time(tm, ' ', out);
    out += '.';
    append_digits(nanoseconds / 1'000'000, 3, out);
    paint(kReset, out);
    out += ' ';
  }

  void put_level(Record const& record, std::string& out) const {
    constexpr std::size_t kWidth = 8;  // CRITICAL
    std::string scratch;
    std::string name;
    append_harmless_line(shown_level(record, scratch), name);
    std::size_t const pad = name.size() < kWidth ? kWidth - name.size() : 0;
    paint(colour_of(record.level), out);
    out += name;
    paint(kReset, out);
    out.append(pad + 1, ' ');
  }

  void put_origin(Record const& record, std::string& out) const {
    bool const with_host = host_ && !record.host.empty();
    if (!with_host && record.process.empty() && record.pid == 0) return;
    paint(kDim, out);
    if (with_host) append_harmless_line(record.host, out);
    if (with_host && !(record.process.empty() && record.pid == 0)) out += '/';
    append_harmless_line(record.process, out);
    if (record.pid != 0) {
      fmt::format_int const pid(record.pid);
      out += '[';
      out.append(pid.data(), pid.size());
      out += ']';
    }
    paint(kReset, out);
    out += ' ';
  }

  void put_fields(Fields const& fields, std::string& out) const {
    if (fields.empty()) return;
    out += ' ';
    paint(kDim, out);
    for (auto const& [key, value] : fields) {
      out += ' ';
      append_harmless_line(key, out);
      out += '=';
      append_value(value, out);
    }
    paint(kReset, out);
  }

  bool utc_, color_, host_;
};

}  // namespace

std::shared_ptr<Formatter::Style const> make_pretty(FormatOptions const& options) {
  return std::make_shared<Pretty>(options);
}

}  // namespace logboom
