// Records and format strings for format_python_test.cpp: made by chance, and as Python literals. Must not know what comes out of them.
#pragma once

#include "record/formatter.hpp"
#include "record/python_value.hpp"

#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace logboom::test {

struct Case {
  std::string format;
  FormatOptions options;
  Record record;
};

inline std::string literal(std::string_view text) {
  std::string out;
  python::append_repr(text, out);
  return out;
}

inline std::string literal(Value const& value) {
  std::string out;
  python::append_repr(python::object_of(value), out);
  return out;
}

inline std::string literal(Fields const& fields) { return literal(Value(fields)); }

inline std::string text_or_none(std::string const& text) { return text.empty() ? "None" : literal(text); }

inline std::string python_case(Case const& c) {
  Record const& r = c.record;
  std::ostringstream out;
  std::string const fields = literal(r.fields);
  out << "{'format': " << literal(c.format) << ", 'style': '" << c.options.style
      << "', 'datefmt': " << literal(c.options.datefmt) << ", 'utc': " << (c.options.utc ? "True" : "False")
      << ", 'time': " << r.time << ", 'started': " << r.process_started
      << ", 'defaults': " << literal(c.options.defaults) << ", 'record': {'name': " << literal(r.logger)
      << ", 'msg': " << literal(r.message) << ", 'levelname': " << literal(r.level_name)
      << ", 'levelno': " << r.level << ", 'pathname': " << literal(r.file) << ", 'lineno': " << r.line
      << ", 'funcName': " << literal(r.function) << ", 'thread': " << r.tid
      << ", 'threadName': " << literal(r.thread) << ", 'process': " << r.pid
      << ", 'processName': " << literal(r.process) << ", 'taskName': " << text_or_none(r.task)
      << ", 'exc_text': " << text_or_none(r.exception) << ", 'stack_info': " << text_or_none(r.stack)
      << ", 'hostname': " << literal(r.host);
  if (fields.size() > 2) out << ", " << fields.substr(1, fields.size() - 2);
  out << "}}";
  return out.str();
}

/// The same for the same seed.
class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }
  bool one_in(std::size_t n) { return below(n) == 0; }
  template <typename T>
  T pick(std::vector<T> const& from) {
    return from[below(from.size())];
  }

  std::string text() {
    // stable in every version of Unicode, so that repr() does not depend on Python's
    static std::vector<std::string> const kBits{
        "a", "solver", " ", "ü", "漢字", "😀",      "'",      "\"",     "\\",     "\n", "\t", "\x1b[31m",
        "%", "{",      "}", "$", "\x7f", "\u0085", "\u202e", "\u200b", "\u00a0", ".",  "é",  "\r"};
    std::string out;
    for (std::size_t n = below(6); n > 0; --n) out += pick(kBits);
    return out;
  }

  std::int64_t integer() {
    switch (below(5)) {
      case 0: return static_cast<std::int64_t>(random_());
      case 1: return static_cast<std::int64_t>(below(10));
      case 2: return -static_cast<std::int64_t>(below(100'000));
      case 3:
        return pick<std::int64_t>(
            {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max(), 0});
      default: return static_cast<std::int64_t>(below(10'000'000));
    }
  }

  double real() {
    switch (below(6)) {
      case 0: {
        std::uint64_t const bits = random_();
        double value = 0;
        std::memcpy(&value, &bits, sizeof value);
        return value;
      }
      case 1: return static_cast<double>(below(1000)) / 8;
      case 2: return -static_cast<double>(below(1'000'000'000)) / 1000;
      case 3:
        return pick<double>({0.0, -0.0, 1e16, 1e15, 123456789012345678.0, 1e-4, 1e-5, 0.1, 2.5, 1e22, 1e300});
      case 4:
        return pick<double>({std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(),
                             std::numeric_limits<double>::quiet_NaN()});
      default: return static_cast<double>(integer());
    }
  }

  Value value(int depth = 0) {
    switch (below(depth < 2 ? 10 : 6)) {
      case 0: return Value(nullptr);
      case 1: return Value(one_in(2));
      case 2: return Value(integer());
      case 3: return Value(random_() | (1ULL << 63U));
      case 4: return Value(real());
      case 5:
      case 6: return Value(text());
      case 7: {
        Value::Bytes bytes(below(6));
        for (auto& byte : bytes) byte = static_cast<std::byte>(below(256));
        return Value(bytes);
      }
      case 8: {
        Value::Array array;
        for (std::size_t n = below(4); n > 0; --n) array.push_back(value(depth + 1));
        return Value(array);
      }
      default: {
        Value::Map map;
        for (std::size_t n = below(3); n > 0; --n)
          map.emplace_back("k" + std::to_string(n), value(depth + 1));
        return Value(map);
      }
    }
  }

  Record record() {
    static std::vector<std::pair<int, std::string>> const kLevels{
        {5, "TRACE"},  {10, "DEBUG"},    {20, "INFO"},  {30, "WARNING"},
        {40, "ERROR"}, {50, "CRITICAL"}, {35, "NOTICE"}};
    Record r;
    auto const level = pick(kLevels);
    r.level = level.first;
    r.level_name = level.second;
    // 1970 to 2200, and moments around a full second and a change of daylight saving time
    r.time = static_cast<std::int64_t>(random_() % 7'258'118'400'000'000'000ULL);
    if (one_in(4))
      r.time =
          pick<std::int64_t>({1'792'890'000'000'000'000, 1'792'890'000'999'999'000, 1'774'746'000'001'000'000});
    // to the microsecond: Python keeps the second as a double, which rounds the last nanoseconds of a second up
    r.time -= r.time % 1000;
    if (!one_in(4)) r.process_started = r.time - static_cast<std::int64_t>(below(100'000'000'000));
    r.logger = pick<std::string>({"", "app", "solver.grid", "etl.db.pool", text()});
    r.message = text() + text();
    r.host = pick<std::string>({"", "node-7", "örtlich"});
    r.process = pick<std::string>({"", "worker", "MainProcess"});
    r.pid = below(100'000);
    r.thread = pick<std::string>({"MainThread", "pool-3", ""});
    r.tid = random_();
    r.file =
        pick<std::string>({"", "/src/app/main.cpp", "main.py", "/a/.hidden", "/a/archive.tar.gz", "dir/"});
    r.line = static_cast<std::uint32_t>(below(5000));
    r.function = pick<std::string>({"", "run", "operator()"});
    if (one_in(4)) r.task = "Task-" + std::to_string(below(9));
    if (one_in(4)) r.exception = "Traceback (most recent call last):\n  …\nValueError: " + text();
    if (one_in(6)) r.stack = "Stack (most recent call last):\n  " + text() + pick<std::string>({"", "\n"});
    for (char const* name : {"step", "table", "ratio", "data", "flag"}) {
      if (!one_in(5)) r.fields.emplace_back(name, value());
    }
    r.fields.emplace_back("count", Value(integer()));
    r.fields.emplace_back("real", Value(real()));
    r.fields.emplace_back("word", Value(text()));
    r.fields.emplace_back("width", Value(static_cast<std::int64_t>(below(20))));
    return r;
  }

  std::string name() {
    static std::vector<std::string> const kNames{
        "name",       "msg",        "levelname", "levelno",     "pathname", "filename",
        "module",     "lineno",     "funcName",  "created",     "msecs",    "relativeCreated",
        "thread",     "threadName", "process",   "processName", "taskName", "exc_text",
        "stack_info", "message",    "asctime",   "hostname",    "step",     "table",
        "ratio",      "data",       "flag",      "count",       "real",     "word",
        "width",      "count",      "real",      "word",        "count",    "real",
        "absent"};
    return pick(kNames);
  }

  std::string glue() {
    return pick<std::string>({" ", "", "[", "] ", ": ", " | ", "ü·", "\t", "100 ", "\n"});
  }

  std::string percent() {
    std::string out = "%(" + name() + ")";
    for (std::size_t n = below(3); n > 0; --n) out += pick<std::string>({"-", "+", " ", "#", "0"});
    if (one_in(2)) out += std::to_string(1 + below(30));
    if (one_in(4)) out += "." + (one_in(5) ? "" : std::to_string(below(20)));
    if (one_in(12)) out += pick<std::string>({"l", "h", "L"});
    static std::vector<std::string> const kConversions{"s", "s", "s", "s", "d", "d", "i", "u", "o", "x", "X",
                                                       "e", "E", "f", "f", "F", "g", "G", "c", "r", "a", "%"};
    return out + pick(kConversions);
  }

  std::string brace() {
    std::string out = "{" + name();
    if (one_in(12)) out += pick<std::string>({"[0]", "[1]", "[k1]"});
    if (one_in(6)) out += pick<std::string>({"!r", "!s", "!a"});
    if (one_in(4)) return out + "}";
    out += ":";
    if (one_in(3))
      out += pick<std::string>({"*", "0", "é", " ", "-"}) + pick<std::string>({"<", ">", "=", "^"});
    if (one_in(5)) out += pick<std::string>({"<", ">", "=", "^"});
    if (one_in(6)) out += pick<std::string>({"+", "-", " "});
    if (one_in(8)) out += "#";
    if (one_in(4)) out += "0";
    if (one_in(2)) out += one_in(8) ? nested() : std::to_string(1 + below(30));
    if (one_in(6)) out += pick<std::string>({",", "_"});
    if (one_in(4)) out += "." + (one_in(8) ? nested() : std::to_string(below(20)));
    static std::vector<std::string> const kTypes{"",  "",  "",  "s", "d", "d", "b", "c", "e", "E",
                                                 "f", "f", "F", "g", "G", "n", "o", "x", "X", "%"};
    return out + pick(kTypes) + "}";
  }

  // A specification, or a part of one, that is taken from fields.
  std::string nested() {
    return pick<std::string>(
        {"{width}", "{width}", "{word}", "{absent}", "{step}", "{width!r}", "{width}{width}", "{levelno}"});
  }

  // strftime's, with the flags and widths that the C library adds.
  std::string date() {
    std::string out;
    for (std::size_t n = 1 + below(4); n > 0; --n) {
      out += pick<std::string>({"", " ", "-", ":", "ü", "%%"});
      out += '%';
      if (one_in(8)) out += pick<std::string>({"-", "_", "0", "^", "#", "E", "O", "5", "_12"});
      out += pick(std::vector<char>{'a', 'A', 'b', 'B', 'c', 'C', 'd', 'D', 'e', 'f', 'F', 'g', 'G',
                                    'h', 'H', 'I', 'j', 'k', 'l', 'm', 'M', 'n', 'p', 'P', 'r', 'R',
                                    's', 'S', 't', 'T', 'u', 'U', 'V', 'w', 'W', 'x', 'X', 'y', 'Y',
                                    'z', 'Z', '%', 'i', 'J', 'K', 'L', 'N', 'o', 'q', 'Q', 'v', '+'});
    }
    return one_in(12) ? out + "%" : out;
  }

  std::string dollar() {
    std::string const field = name();
    return one_in(2) ? "$" + field + pick<std::string>({" ", "-", "."}) : "${" + field + "}";
  }

  std::string format(char style) {
    std::string out = glue();
    for (std::size_t n = 1 + below(4); n > 0; --n) {
      out += style == '%' ? percent() : style == '{' ? brace() : dollar();
      out += glue();
      if (one_in(8)) out += style == '%' ? "%%" : style == '{' ? "{{}}" : "$$";
    }
    return out;
  }

  // Something near a format: what the one refuses, the other must not render.
  std::string spoiled(std::string format) {
    static std::vector<std::string> const kBits{"%", "{", "}",  "$",   "(",  ")",  "%(", "!", ":",
                                                "[", "]", "%z", "{0}", "${", "$1", "*",  "!x"};
    std::size_t at = below(format.size() + 1);
    while (at < format.size() && (static_cast<unsigned char>(format[at]) & 0xc0U) == 0x80U) ++at;
    return format.insert(at, pick(kBits));
  }

  Case next() {
    static std::vector<std::string> const kDates{
        "", "", "%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z", "%a %d %b %Y %Z", "%s %j %%", "%p", "%E", "ü %d"};
    Case c;
    c.options.style = pick<char>({'%', '{', '$'});
    c.format = format(c.options.style);
    if (one_in(8)) c.format = spoiled(c.format);
    c.options.datefmt = one_in(2) ? date() : pick(kDates);
    c.options.utc = one_in(2);
    c.options.escape_controls = false;
    if (one_in(3)) c.options.defaults = {{"absent", value()}};
    c.record = record();
    return c;
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace logboom::test
