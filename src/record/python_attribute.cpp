// The attributes of a LogRecord: see python_attribute.hpp.
#include "record/python_attribute.hpp"

#include "record/time_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <clocale>
#include <iterator>

namespace logboom::python {
namespace {

using Kind = Attribute::Kind;

struct KindName {
  std::string_view name;
  Kind kind;
};
constexpr KindName kKinds[] = {
    {"name", Kind::kName},
    {"msg", Kind::kMsg},
    {"args", Kind::kArgs},
    {"levelname", Kind::kLevelName},
    {"levelno", Kind::kLevelNumber},
    {"pathname", Kind::kPathName},
    {"filename", Kind::kFileName},
    {"module", Kind::kModule},
    {"lineno", Kind::kLine},
    {"funcName", Kind::kFunction},
    {"created", Kind::kCreated},
    {"msecs", Kind::kMilliseconds},
    {"relativeCreated", Kind::kRelativeCreated},
    {"thread", Kind::kThread},
    {"threadName", Kind::kThreadName},
    {"process", Kind::kProcess},
    {"processName", Kind::kProcessName},
    {"taskName", Kind::kTask},
    {"exc_info", Kind::kExcInfo},
    {"exc_text", Kind::kExcText},
    {"stack_info", Kind::kStackInfo},
    {"message", Kind::kMessage},
    {"asctime", Kind::kAscTime},
    {"hostname", Kind::kHostName},
};

Object text_or_none(std::string_view text) {
  if (text.empty()) return nullptr;
  return text;
}

std::string_view file_name(std::string_view path) {
  std::size_t const slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// os.path.splitext: a name's leading dots begin no extension.
std::string_view module_name(std::string_view path) {
  std::string_view const name = file_name(path);
  std::size_t const dot = name.rfind('.');
  if (dot == std::string_view::npos) return name;
  return name.find_first_not_of('.') < dot ? name.substr(0, dot) : name;
}

double milliseconds(std::int64_t time) {
  std::int64_t const whole = time / 1'000'000 % 1000;
  return static_cast<double>(whole < 0 ? whole + 1000 : whole);
}

// Wraps where the clocks of a forged record are centuries apart.
std::int64_t difference(std::int64_t later, std::int64_t earlier) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(later) - static_cast<std::uint64_t>(earlier));
}

locale_t c_locale() {
  static locale_t const locale = ::newlocale(LC_ALL_MASK, "C", nullptr);
  return locale;
}

void append_strftime(std::string const& format, std::tm const& tm, std::string& out) {
  // strftime cannot tell an empty text from a buffer that is too small: grow up to CPython's bound.
  std::size_t const start = out.size();
  for (std::size_t size = 128;; size = std::min(size * 2, format.size() * 256 + 128)) {
    out.resize(start + size);
    std::size_t const used = ::strftime_l(out.data() + start, size, format.c_str(), &tm, c_locale());
    out.resize(start + used);
    if (used > 0 || size >= format.size() * 256) return;
  }
}

/// What a Python program said itself (docs/inputs.md), if it did.
template <typename Type>
Type const* told_attribute(Record const& record, std::string_view name) {
  for (auto const& [key, value] : record.attributes) {
    if (key == name) return std::get_if<Type>(&value.data());
  }
  return nullptr;
}

}  // namespace

Attribute::Attribute(std::string name) : name_(std::move(name)) {
  auto const* const at = std::find_if(std::begin(kKinds), std::end(kKinds),
                                      [&](KindName const& row) { return row.name == name_; });
  if (at != std::end(kKinds)) {
    kind_ = at->kind;
  } else {
    column_ = find_column(name_);
  }
}

std::optional<Object> Attribute::find(Record const& record, TimeFormat const& time, Fields const& defaults,
                                      std::string& scratch) const {
  switch (kind_) {
    case Kind::kName: return record.logger;
    case Kind::kMsg: return record.template_text.empty() ? record.message : record.template_text;
    case Kind::kArgs: return std::string_view("()");
    case Kind::kLevelName: return shown_level(record, scratch);
    case Kind::kLevelNumber: return static_cast<std::int64_t>(record.level);
    case Kind::kPathName: return record.file;
    case Kind::kFileName: return file_name(record.file);
    case Kind::kModule: return module_name(record.file);
    case Kind::kLine: return static_cast<std::uint64_t>(record.line);
    case Kind::kFunction: return record.function;
    case Kind::kCreated: return static_cast<double>(record.time) / 1e9;
    case Kind::kMilliseconds: return milliseconds(record.time);
    case Kind::kRelativeCreated:
      if (auto const* const told = told_attribute<double>(record, "relative_created")) return *told;
      if (record.process_started == 0) return 0.0;
      return static_cast<double>(difference(record.time, record.process_started)) / 1e6;
    case Kind::kThread: return record.tid;
    case Kind::kThreadName: return record.thread;
    case Kind::kProcess: return record.pid;
    case Kind::kProcessName:
      if (auto const* const told = told_attribute<std::string>(record, "process_name")) return *told;
      // Not said, because usual, by a handler that does not know its program's name.
      if (record.process.empty() && told_attribute<double>(record, "relative_created") != nullptr)
        return std::string_view("MainProcess");
      return record.process;
    case Kind::kTask: return text_or_none(record.task);
    case Kind::kExcInfo: return nullptr;
    case Kind::kExcText: return text_or_none(shown_exception(record, scratch));
    case Kind::kStackInfo: return text_or_none(record.stack);
    case Kind::kMessage: return record.message;
    case Kind::kHostName: return record.host;
    case Kind::kAscTime:
      scratch.clear();
      append_asctime(record.time, time, scratch);
      return scratch;
    case Kind::kField: break;
  }
  if (Value const* const value = find_field(record, name_)) return object_of(*value);
  if (column_) return column_value(record, *column_, scratch);
  auto const at =
      std::find_if(defaults.begin(), defaults.end(), [&](auto const& field) { return field.first == name_; });
  if (at != defaults.end()) return object_of(at->second);
  return std::nullopt;
}

std::optional<Object> Attribute::sample() const noexcept {
  switch (kind_) {
    case Kind::kLevelNumber:
    case Kind::kLine:
    case Kind::kThread:
    case Kind::kProcess: return std::int64_t{1};
    case Kind::kCreated:
    case Kind::kMilliseconds:
    case Kind::kRelativeCreated: return 1.0;
    case Kind::kName:
    case Kind::kMsg:
    case Kind::kArgs:
    case Kind::kLevelName:
    case Kind::kPathName:
    case Kind::kFileName:
    case Kind::kModule:
    case Kind::kFunction:
    case Kind::kThreadName:
    case Kind::kProcessName:
    case Kind::kMessage:
    case Kind::kHostName:
    case Kind::kAscTime: return std::string_view("text");
    default: return std::nullopt;
  }
}

void append_asctime(std::int64_t time, TimeFormat const& format, std::string& out) {
  CivilTime const civil = to_civil(time, format.utc);
  if (!format.datefmt.empty()) {
    append_strftime(format.datefmt, civil.tm, out);
    return;
  }
  append_date_time(civil.tm, ' ', out);
  out += ',';
  append_digits(civil.nanoseconds / 1'000'000, 3, out);
}

}  // namespace logboom::python
