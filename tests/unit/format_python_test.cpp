// Python's three styles of format strings, compared byte for byte with what /usr/bin/python3's logging.Formatter makes of the same records.
#include "format_python_cases.hpp"
#include "python_reference.hpp"
#include "record/formatter.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace logboom {
namespace {

using test::Case;
using test::Generator;
using test::python_case;

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
