// Python's three styles of format strings, compared byte for byte with what /usr/bin/python3's logging.Formatter makes of the same records.
#include "python_reference.hpp"
#include "record/formatter.hpp"
#include "record/python_value.hpp"

#include <gtest/gtest.h>

#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace logboom {
namespace {

struct Case {
  std::string format;
  FormatOptions options;
  Record record;
};

std::string literal(std::string_view text) {
  std::string out;
  python::append_repr(text, out);
  return out;
}

std::string literal(Value const& value) {
  std::string out;
  python::append_repr(python::object_of(value), out);
  return out;
}

std::string literal(Fields const& fields) { return literal(Value(fields)); }

std::string text_or_none(std::string const& text) { return text.empty() ? "None" : literal(text); }

std::string python_case(Case const& c) {
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

std::vector<std::string> ask_python(std::vector<Case> const& cases) {
  std::vector<std::string> lines;
  for (Case const& c : cases) lines.push_back(python_case(c));
  return test::ask_python("format_python_reference.py", lines);
}

std::string from_hex(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return out;
}

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

std::string rendered(Case const& c) {
  std::string out;
  Formatter::make(c.format, c.options).format(c.record, out);
  return out;
}

// What is refused here and "valid" in Python by accident: '%s' without a name shows the whole record, '%%(name)s' passes for a field and shows none.
bool names_nothing(Case const& c) {
  try {
    (void)Formatter::make(c.format, c.options);
  } catch (std::invalid_argument const& error) {
    std::string_view const why = error.what();
    bool const doubled = c.format.find("%%(") != std::string::npos;
    return why.find("no name before") != std::string_view::npos ||
           (doubled && why.find("names no field") != std::string_view::npos);
  }
  return false;
}

// Empty: both say the same.
std::string differs(Case const& c, std::string const& answer) {
  std::string ours;
  try {
    ours = rendered(c);
  } catch (std::invalid_argument const& error) {
    // Python finds some of it out only when it renders
    return answer.starts_with("= ") ? std::string("refused: ") + error.what() : "";
  }
  if (answer == "refused") return "Python refuses it, here it gives " + ours;
  if (answer == "raised") return ours.empty() ? "the record is lost" : "";
  std::string const expected = from_hex(std::string_view(answer).substr(2)) + "\n";
  // A width that comes from the record: ours has a bound.
  if (expected.size() > 4096 && ours.find(" is above 4096>") != std::string::npos) return "";
  return ours == expected ? "" : "Python: " + expected + "ours:   " + ours;
}

class PythonFormat : public testing::Test {
 protected:
  void SetUp() override { zone("CET-1CEST,M3.5.0,M10.5.0/3"); }
  // zones that need no files
  static void zone(char const* rule) {
    ::setenv("TZ", rule, 1);
    ::tzset();
  }
};

void compare(Generator& generator, std::uint64_t seed, std::size_t count) {
  std::vector<Case> cases;
  while (cases.size() < count) {
    Case c = generator.next();
    if (!names_nothing(c)) cases.push_back(std::move(c));
  }
  std::vector<std::string> const answers = ask_python(cases);
  ASSERT_EQ(answers.size(), cases.size());
  std::size_t compared = 0;
  int wrong = 0;
  for (std::size_t i = 0; i < cases.size() && wrong < 10; ++i) {
    compared += answers[i].starts_with("= ") ? 1 : 0;
    std::string const difference = differs(cases[i], answers[i]);
    if (difference.empty()) continue;
    ++wrong;
    ADD_FAILURE() << "seed " << seed << ", case " << i << ", TZ " << ::getenv("TZ") << ": " << difference
                  << "\n"
                  << python_case(cases[i]);
  }
  EXPECT_GT(compared, cases.size() / 4) << "too few formats that Python renders";
}

TEST_F(PythonFormat, RendersAsLoggingFormatterDoes) {
  char const* const given = std::getenv("LOGBOOM_TEST_SEED");
  std::uint64_t const seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  RecordProperty("seed", std::to_string(seed));
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  Generator generator(seed);
  compare(generator, seed, 4000);
  // Half an hour of daylight saving in the south, no whole hours, west of Greenwich, and none.
  for (char const* rule : {"LHST-10:30LHDT-11,M10.1.0,M4.1.0", "NPT-5:45", "<-03>3", "UTC0"}) {
    zone(rule);
    compare(generator, seed, 500);
  }
}

TEST_F(PythonFormat, TheFormatOfDagrunner) {
  Case c;
  c.format =
      "%(relativeCreated)5d %(name)-15s %(levelname)-8s %(hostname)s %(process)d %(asctime)s %(message)s";
  c.options.style = '%';
  c.record.time = 1'795'170'605'123'456'789;
  c.record.process_started = c.record.time - 87'999'999;
  c.record.logger = "myapp.area1";
  c.record.level = level::kWarning;
  c.record.level_name = "WARNING";
  c.record.host = "node-7";
  c.record.pid = 4711;
  c.record.message = "Jail zesty vixen who grabbed pay from quack.";
  std::string const expected =
      "   87 myapp.area1     WARNING  node-7 4711 2026-11-20 11:30:05,123 Jail zesty vixen who grabbed pay "
      "from quack.\n";
  EXPECT_EQ(rendered(c), expected);
  std::vector<std::string> const answers = ask_python({c});
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(from_hex(answers[0].substr(2)) + "\n", expected);
}

TEST_F(PythonFormat, WhatAPythonProgramSaidItselfIsShownAsItSaidIt) {
  auto const shown = [](Record const& record) {
    std::string out;
    Formatter::make("%(processName)s %(relativeCreated)d").format(record, out);
    return out;
  };
  Record record;
  record.process = "prog";
  EXPECT_EQ(shown(record), "prog 0\n");
  record.attributes = {{"process_name", Value(Value::Data(std::string("worker 1")))},
                       {"relative_created", Value(Value::Data(87.5))}};
  EXPECT_EQ(shown(record), "worker 1 87\n");
  record.attributes = {{"relative_created", Value(Value::Data(87.5))}};
  record.process.clear();
  EXPECT_EQ(shown(record), "MainProcess 87\n");
}

TEST_F(PythonFormat, StyleIsSeenFromTheContent) {
  Record record;
  record.logger = "net";
  record.message = "up";
  record.level_name = "INFO";
  auto const line = [&](std::string_view format) {
    std::string out;
    Formatter::make(format).format(record, out);
    return out;
  };
  EXPECT_EQ(line("%(name)-5s|%(message)s"), "net  |up\n");
  EXPECT_EQ(line("{name:>5}|{message}"), "  net|up\n");
  EXPECT_EQ(line("$name|${message}"), "net|up\n");
  EXPECT_EQ(line(R"({"level": "%(levelname)s"})"), "{\"level\": \"INFO\"}\n");
}

TEST_F(PythonFormat, FieldsWithDotsAreReachedInEachStyleThatCanWriteThem) {
  Record record;
  record.fields = {{"http.status", Value(std::int64_t{404})}};
  std::string out;
  Formatter::make("%(http.status)d").format(record, out);
  Formatter::make("{http.status:>5}").format(record, out);
  EXPECT_EQ(out, "404\n  404\n");
}

TEST_F(PythonFormat, AMissingFieldCostsNoRecord) {
  Record record;
  record.message = "up";
  std::string out;
  Formatter::make("%(step)d %(message)s").format(record, out);
  EXPECT_EQ(out, "<step: no such field> up\n");
  out.clear();
  FormatOptions options;
  options.defaults = {{"step", Value(std::int64_t{7})}};
  Formatter::make("%(step)03d %(message)s", options).format(record, out);
  EXPECT_EQ(out, "007 up\n");
  out.clear();
  record.fields = {{"step", Value(std::string("x"))}};
  Formatter::make("%(step)d %(message)s").format(record, out);
  EXPECT_EQ(out, "<step: %d format: a real number is required, not str> up\n");
  // Where Python would fill the memory.
  out.clear();
  record.fields = {{"width", Value(std::int64_t{1'000'000'000'000})}};
  Formatter::make("{message:{width}}|").format(record, out);
  EXPECT_EQ(out, "<message: the width is above 4096>|\n");
}

TEST_F(PythonFormat, ColumnsOfOursAreNamesToo) {
  Record record;
  record.host = "h";
  record.sequence = 9;
  record.exception_type = "std::runtime_error";
  std::string out;
  Formatter::make("{host} {sequence:03d} {exception_type}").format(record, out);
  EXPECT_EQ(out, "h 009 std::runtime_error\nstd::runtime_error\n");
}

TEST_F(PythonFormat, AnExceptionTextWithoutItsTypeGetsIt) {
  Record record;
  record.message = "step failed";
  record.exception_type = "std::runtime_error";
  record.exception = "no space";
  record.stack = "at main";
  std::string out;
  Formatter::make("%(message)s").format(record, out);
  EXPECT_EQ(out, "step failed\nstd::runtime_error: no space\nat main\n");
}

TEST_F(PythonFormat, ControlCharactersOfARecordAreHarmlessAndThoseOfTheFormatAreKept) {
  Record record;
  record.message = "a\x1b[2J\xe2\x80\xae\xc2\x9b\r\x7f\n\tb";
  record.message += '\0';
  record.exception = "x\x1b]0;t\x07";
  std::string out;
  Formatter::make("\x1b[1m%(message)s\x1b[0m").format(record, out);
  EXPECT_EQ(out, "\x1b[1ma\\x1b[2J\\u202e\\x9b\\x0d\\x7f\n\tb\\x00\x1b[0m\nx\\x1b]0;t\\x07\n");
  out.clear();
  FormatOptions raw;
  raw.escape_controls = false;
  Formatter::make("%(message)s", raw).format(record, out);
  EXPECT_EQ(out, record.message + "\n" + record.exception + "\n");
}

struct Refusal {
  char style;
  char const* format;
  char const* part;
};

TEST_F(PythonFormat, WhatIsWrongIsSaidInOneLine) {
  for (Refusal const& refusal : {
           Refusal{0, "prety", "none of pretty, json, csv, logfmt"},
           Refusal{'%', "plain", "names no field"},
           Refusal{'%', "%(message)", "incomplete format"},
           Refusal{'%', "%(message", "')' is missing"},
           Refusal{'%', "%(message)y", "unsupported format character 'y'"},
           Refusal{'%', "%(message)s 100%", "incomplete format"},
           Refusal{'%', "%(message)s %s", "no name before 's'"},
           Refusal{'%', "%(message)d", "message can never be shown so"},
           Refusal{'%', "%(count)*d", "'*'"},
           Refusal{'%', "%(count)99999d", "width is above"},
           Refusal{'{', "{message", "expected '}'"},
           Refusal{'{', "message}", "Single '}'"},
           Refusal{'{', "{0}", "named, not numbered"},
           Refusal{'{', "{message!z}", "invalid conversion"},
           Refusal{'{', "{message:d}", "message can never be shown so"},
           Refusal{'{', "{message:>>5q}", "bad specifier"},
           Refusal{'{', "{pro-cess}", "invalid field name"},
           Refusal{'$', "$", "bare '$'"},
           Refusal{'$', "${message", "bare '$'"},
           Refusal{'?', "%(message)s", "style '?'"},
       }) {
    FormatOptions options;
    options.style = refusal.style;
    try {
      (void)Formatter::make(refusal.format, options);
      ADD_FAILURE() << refusal.format;
    } catch (std::invalid_argument const& error) {
      std::string const text = error.what();
      EXPECT_NE(text.find(refusal.part), std::string::npos) << text;
      EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    }
  }
}

}  // namespace
}  // namespace logboom
