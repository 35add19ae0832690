// pretty, json, csv and logfmt: what they look like, and that they stay valid and harmless whatever a record holds.
#include "record/formatter.hpp"
#include "record/time_text.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <ctime>
#include <limits>
#include <string>
#include <vector>

namespace logboom {
namespace {

constexpr std::int64_t kTime = 1'795'170'605'123'456'789;  // 2026-11-20T10:30:05.123456789Z

Record sample() {
  Record r;
  r.id = 7;
  r.time = kTime;
  r.level = level::kWarning;
  r.level_name = "WARNING";
  r.logger = "solver.grid";
  r.message = "residual 0.5";
  r.template_text = "residual {}";
  r.fields = {{"step", Value(std::int64_t{3})}, {"file", Value(std::string("/tmp/a b"))}, {"ok", Value(true)}};
  r.host = "node-7";
  r.process = "solver";
  r.pid = 4711;
  r.process_started = kTime - 1'000'000'000;
  r.thread = "main";
  r.tid = 4712;
  r.file = "grid.cpp";
  r.line = 12;
  r.function = "solve";
  r.publisher[0] = std::byte{0xab};
  r.stream = 0;
  r.sequence = 9;
  return r;
}

// Everything that hurts: terminal sequences, line ends, NUL, marks of direction, quotes, and bytes that are not UTF-8.
std::string nasty() {
  using namespace std::string_literals;
  return "a\x1b[2J\"b\",=\\ \r\n\t\0\x7f\xc2\x9b\xe2\x80\xae\xff\xc3(\xed\xa0\x80 ü"s;
}

Record nasty_record() {
  Record r = sample();
  r.message = r.logger = r.process = r.host = r.level_name = r.exception = r.stack = r.thread = nasty();
  r.fields = {{nasty(), Value(nasty())},
              {"", Value(nullptr)},
              {"list", Value(Value::Array{Value(nasty()), Value(std::numeric_limits<double>::quiet_NaN())})},
              {"bytes", Value(Value::Bytes{std::byte{0xff}, std::byte{'x'}})},
              {"inf", Value(-std::numeric_limits<double>::infinity())}};
  r.attributes = {{"level", Value(nasty())}};
  return r;
}

std::string formatted(std::string_view spec, Record const& record, FormatOptions options = {}) {
  std::string out;
  Formatter::make(spec, std::move(options)).format(record, out);
  return out;
}

FormatOptions in_utc() {
  FormatOptions options;
  options.utc = true;
  return options;
}

bool has_control(std::string_view text) {
  for (char const c : text) {
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == '\x7f') return true;
  }
  return text.find("\xc2\x9b") != std::string_view::npos || text.find("\xe2\x80\xae") != std::string_view::npos;
}

// RFC 4180, strictly.
std::vector<std::vector<std::string>> parse_csv(std::string_view text) {
  std::vector<std::vector<std::string>> rows;
  std::size_t at = 0;
  while (at < text.size()) {
    rows.emplace_back();
    while (true) {
      std::string cell;
      if (at < text.size() && text[at] == '"') {
        for (++at; text.at(at) != '"' || (at + 1 < text.size() && text[at + 1] == '"'); ++at) {
          if (text[at] == '"') ++at;
          cell += text[at];
        }
        ++at;
      } else {
        while (at < text.size() && text[at] != ',' && text[at] != '\r') {
          EXPECT_NE(text[at], '"');
          EXPECT_NE(text[at], '\n');
          cell += text[at++];
        }
      }
      rows.back().push_back(cell);
      if (at < text.size() && text[at] == ',') {
        ++at;
        continue;
      }
      EXPECT_EQ(text.substr(at, 2), "\r\n");
      at += 2;
      break;
    }
  }
  return rows;
}

class FormatText : public testing::Test {
 protected:
  void SetUp() override {
    ::setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    ::tzset();
  }
};

TEST_F(FormatText, TimeIsIso8601WithNanosecondsAndZone) {
  std::string out;
  write_iso_time(kTime, true, out);
  EXPECT_EQ(out, "2026-11-20T10:30:05.123456789Z");
  out.clear();
  write_iso_time(kTime, false, out);
  EXPECT_EQ(out, "2026-11-20T11:30:05.123456789+01:00");
  out.clear();
  write_iso_time(-1, true, out);
  EXPECT_EQ(out, "1969-12-31T23:59:59.999999999Z");
  out.clear();
  ::setenv("TZ", "NST3:30", 1);
  ::tzset();
  write_iso_time(kTime, false, out);
  EXPECT_EQ(out, "2026-11-20T07:00:05.123456789-03:30");
}

TEST_F(FormatText, Pretty) {
  EXPECT_EQ(formatted("pretty", sample()),
            "2026-11-20 11:30:05.123 WARNING  solver[4711] solver.grid: residual 0.5  step=3 file=\"/tmp/a "
            "b\" ok=true\n");
  FormatOptions options = in_utc();
  options.host = true;
  EXPECT_EQ(formatted("pretty", sample(), options).substr(0, 58),
            "2026-11-20 10:30:05.123 WARNING  node-7/solver[4711] solve");
  Record bare;
  bare.message = "up";
  EXPECT_EQ(formatted("pretty", bare, in_utc()), "1970-01-01 00:00:00.000 INFO     up\n");
}

TEST_F(FormatText, PrettyInColour) {
  FormatOptions options = in_utc();
  options.color = true;
  Record r = sample();
  r.fields.resize(1);
  EXPECT_EQ(formatted("pretty", r, options),
            "\x1b[2m2026-11-20 10:30:05.123\x1b[0m \x1b[33mWARNING\x1b[0m  \x1b[2msolver[4711]\x1b[0m "
            "\x1b[36msolver.grid\x1b[0m: "
            "residual 0.5 \x1b[2m step=3\x1b[0m\n");
  std::string last;
  for (Level const level : {level::kDebug, level::kInfo, level::kWarning, level::kError, level::kCritical}) {
    r.level = level;
    std::string const line = formatted("pretty", r, options);
    EXPECT_NE(line, last);
    last = line;
  }
}

TEST_F(FormatText, PrettyIndentsWhatWouldPassForAnotherRecord) {
  Record r = sample();
  r.fields.clear();
  r.message = "first\n2026-11-20 forged";
  r.exception_type = "std::runtime_error";
  r.exception = "no space\n  nested";
  r.stack = "at main\n";
  EXPECT_EQ(formatted("pretty", r, in_utc()),
            "2026-11-20 10:30:05.123 WARNING  solver[4711] solver.grid: first\n"
            "    2026-11-20 forged\n"
            "    std::runtime_error: no space\n"
            "      nested\n"
            "    at main\n");
}

TEST_F(FormatText, PrettyIsHarmlessEvenWhereEscapesAreSwitchedOff) {
  FormatOptions options;
  options.escape_controls = false;
  std::string const out = formatted("pretty", nasty_record(), options);
  EXPECT_FALSE(has_control(out)) << out;
  EXPECT_NE(out.find("\\x1b[2J"), std::string::npos) << out;
  EXPECT_NE(out.find("\\u202e"), std::string::npos) << out;
  EXPECT_NE(out.find("\\xff"), std::string::npos) << out;
}

TEST_F(FormatText, JsonHasEverythingInAStableOrder) {
  Record r = sample();
  r.exception_type = "E";
  r.exception = "x";
  r.stack = "s";
  r.task = "t";
  r.attributes = {{"unit", Value(std::string("K"))}};
  EXPECT_EQ(
      formatted("json", r, in_utc()),
      R"({"time":"2026-11-20T10:30:05.123456789Z","level":30,"level_name":"WARNING","logger":"solver.grid",)"
      R"("message":"residual 0.5","fields":{"step":3,"file":"/tmp/a b","ok":true},"host":"node-7","process":"solver","pid":4711,)"
      R"("thread":"main","tid":4712,"file":"grid.cpp","line":12,"function":"solve","template":"residual {}","exception_type":"E",)"
      R"("exception":"x","stack":"s","task":"t","attributes":{"unit":"K"},"started":"2026-11-20T10:30:04.123456789Z",)"
      R"("publisher":"ab000000000000000000000000000000","stream":0,"sequence":9,"id":7})"
      "\n");
}

TEST_F(FormatText, JsonOfAnEmptyRecordKeepsItsKeys) {
  auto const json = nlohmann::json::parse(formatted("json", Record{}));
  for (char const* key : {"time", "level", "level_name", "logger", "message", "fields", "host", "process",
                          "pid", "thread", "tid", "file", "line", "function"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  EXPECT_EQ(json["level_name"], "INFO");
  EXPECT_EQ(json.size(), 14U);
}

TEST_F(FormatText, JsonIsValidAndOneLineWhateverTheRecordHolds) {
  std::string const line = formatted("json", nasty_record());
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_FALSE(has_control(line));
  auto const json = nlohmann::json::parse(line);
  using namespace std::string_literals;
  EXPECT_EQ(json["message"].get<std::string>(),
            "a\x1b[2J\"b\",=\\ \r\n\t\0\x7f\xc2\x9b\xe2\x80\xae\\xff\\xc3(\\xed\\xa0\\x80 ü"s);
  EXPECT_EQ(json["fields"]["list"][1], "nan");
  EXPECT_EQ(json["fields"]["bytes"], "\\xffx");
  EXPECT_EQ(json["fields"]["inf"], "-inf");
}

TEST_F(FormatText, JsonKeepsNumbersExact) {
  Record r;
  r.fields = {{"a", Value(std::numeric_limits<std::int64_t>::min())},
              {"b", Value(std::numeric_limits<std::uint64_t>::max())},
              {"c", Value(0.1)},
              {"d", Value(2.0)},
              {"e", Value(1e300)}};
  std::string const line = formatted("json", r);
  EXPECT_NE(
      line.find(R"("fields":{"a":-9223372036854775808,"b":18446744073709551615,"c":0.1,"d":2.0,"e":1e+300})"),
      std::string::npos)
      << line;
}

TEST_F(FormatText, Csv) {
  FormatOptions options = in_utc();
  options.columns = {"time", "level", "level_name", "logger", "message", "step", "missing", "pid", "started"};
  Formatter const csv = Formatter::make("csv", options);
  EXPECT_EQ(csv.header(), "time,level,level_name,logger,message,step,missing,pid,started\r\n");
  Record r = sample();
  r.message = "a \"b\", c\nd";
  std::string out;
  csv.format(r, out);
  EXPECT_EQ(out,
            "2026-11-20T10:30:05.123456789Z,30,WARNING,solver.grid,\"a \"\"b\"\", "
            "c\nd\",3,,4711,2026-11-20T10:30:04.123456789Z\r\n");
  EXPECT_EQ(Formatter::make("json").header(), "");
}

TEST_F(FormatText, CsvHasAsManyCellsAsColumnsAndLosesNothing) {
  FormatOptions options;
  options.escape_controls = false;
  Formatter const csv = Formatter::make("csv", options);
  std::string text = csv.header();
  csv.format(nasty_record(), text);
  csv.format(Record{}, text);
  auto const rows = parse_csv(text);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0], Formatter::csv_columns());
  EXPECT_EQ(rows[1].size(), rows[0].size());
  EXPECT_EQ(rows[2].size(), rows[0].size());
  using namespace std::string_literals;
  EXPECT_EQ(rows[1][3], "a\x1b[2J\"b\",=\\ \r\n\t\0\x7f\xc2\x9b\xe2\x80\xae\\xff\\xc3(\\xed\\xa0\\x80 ü"s);
  EXPECT_TRUE(nlohmann::json::parse(rows[1][4]).is_object());
  std::string escaped;
  Formatter::make("csv").format(nasty_record(), escaped);
  std::erase(escaped, '\r');
  EXPECT_FALSE(has_control(escaped));
}

TEST_F(FormatText, CsvRefusesAColumnWithoutAName) {
  FormatOptions options;
  options.columns = {"time", ""};
  EXPECT_THROW((void)Formatter::make("csv", options), std::invalid_argument);
}

TEST_F(FormatText, Logfmt) {
  Record r = sample();
  r.fields.emplace_back("level", Value(std::string("high")));
  r.fields.emplace_back("a b=c", Value(2.5));
  r.fields.emplace_back("none", Value(nullptr));
  EXPECT_EQ(
      formatted("logfmt", r, in_utc()),
      "time=2026-11-20T10:30:05.123456789Z level=WARNING logger=solver.grid message=\"residual 0.5\" step=3 "
      "fields.file=\"/tmp/a b\" ok=true fields.level=high a_b_c=2.5 none=\"\" host=node-7 process=solver "
      "pid=4711 "
      "thread=main tid=4712 file=grid.cpp line=12 function=solve\n");
}

TEST_F(FormatText, LogfmtIsOneLineOfPairsWhateverTheRecordHolds) {
  std::string const line = formatted("logfmt", nasty_record());
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_FALSE(has_control(line));
  // key=value or key="…" with \" inside, one blank between
  std::string_view rest(line);
  rest.remove_suffix(1);
  std::size_t pairs = 0;
  while (!rest.empty()) {
    std::size_t const equals = rest.find_first_of(" =\"");
    ASSERT_NE(equals, std::string_view::npos) << rest;
    ASSERT_EQ(rest[equals], '=') << rest;
    ASSERT_GT(equals, 0U);
    rest.remove_prefix(equals + 1);
    if (!rest.empty() && rest[0] == '"') {
      std::size_t end = 1;
      while (rest.at(end) != '"') end += rest[end] == '\\' ? 2 : 1;
      EXPECT_TRUE(nlohmann::json::accept(rest.substr(0, end + 1))) << rest;
      rest.remove_prefix(end + 1);
    } else {
      rest.remove_prefix(std::min(rest.find(' '), rest.size()));
    }
    if (!rest.empty()) {
      ASSERT_EQ(rest[0], ' ') << rest;
      rest.remove_prefix(1);
    }
    ++pairs;
  }
  EXPECT_EQ(pairs, 20U);
}

TEST_F(FormatText, ALevelWithoutANameHasPythonsText) {
  Record r;
  r.level = 35;
  EXPECT_EQ(formatted("%(levelname)s", r), "Level 35\n");
  EXPECT_NE(formatted("json", r).find("\"level_name\":\"Level 35\""), std::string::npos);
}

}  // namespace
}  // namespace logboom
