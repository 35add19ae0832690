// The configuration file: what each key sets, what is wrong with its place, and that what is printed is read as the same configuration.
#include "config/config_file.hpp"
#include "config/config_text.hpp"
#include "config/nearest_name.hpp"
#include "config/path_check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace logboom::config {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

constexpr std::string_view kEverything = R"(
[collector]
endpoints = ["ipc:///tmp/bus", "tcp://127.0.0.1:7514"]
publish = false
zmq_log = "tcp://127.0.0.1:12345"
max_connections = 100
adopt = ["/var/spool/a", "/var/spool/b"]
adopt_default = false
until_idle = true
queue = "16MiB"
commit_interval = "20ms"

[store]
path = "all.sqlite"
keep = "30d"
max_size = "20GiB"
file_size = "1GiB"
file_period = "1d"
full_text = true
compress = true

[inputs]
python_tcp = 9020
python_udp = "*:9021"
python_unix = "/run/py.sock"
python_unix_datagram = "/run/pyd.sock"
subscribe = ["tcp://127.0.0.1:1"]
subscribe_server_key = "app.public"
subscribe_curve_secret = "collector.secret"

[levels]
rules = "info,etl.db=debug"

[[sink]]
type = "console"
level = "INFO"
stream = "stderr"
format = "%(asctime)s %(message)s %(step)s"
style = "%"
datefmt = "%H:%M"
utc = true
color = "never"
defaults = { step = 3, name = "x \"y\" \\ é", ratio = 0.5, on = true, whole = 2.0 }
every = 10
rate = "100/s"
repeats = "1m"
per = "logger"

[[sink]]
type = "file"
name = "errors"
path = "errors-%Y%m%d.log"
mode = "0640"
level = 35
logger = ["foo", "bar*"]
host = "h1"
process = ["p1", "p2"]
where = ["step>=10", "user!=root", "path~^/tmp"]
match = 'a\d+'
format = "csv"
columns = ["time", "message"]
queue = "1MiB"
rotate = { size = "50MiB", at = "W0 04:30", utc = true, keep = 14, compress = "zstd" }

[[sink]]
type = "null"

[[sink]]
type = "upstream"
endpoint = "tcp://hub:7514"
spool = "/var/spool/hub"
spool_size = "2GiB"
when_full = "wait"
)";

TEST(Config, ReadsEveryKey) {
  auto const config = read_config(kEverything, "x.toml");
  auto const& options = config.options;
  EXPECT_THAT(options.endpoints, ElementsAre("ipc:///tmp/bus", "tcp://127.0.0.1:7514"));
  EXPECT_FALSE(options.publish);
  EXPECT_EQ(options.max_connections, 100U);
  EXPECT_THAT(options.adopt, ElementsAre("/var/spool/a", "/var/spool/b"));
  EXPECT_FALSE(config.adopt_default);
  EXPECT_TRUE(options.until_idle);
  EXPECT_EQ(options.queue_bytes, 16U << 20U);
  EXPECT_EQ(options.commit_interval, 20ms);
  EXPECT_EQ(options.database, "all.sqlite");
  EXPECT_EQ(options.retention.keep, 720h);
  EXPECT_EQ(options.retention.max_size, 20ULL << 30U);
  EXPECT_EQ(options.retention.file_size, 1ULL << 30U);
  EXPECT_EQ(options.retention.file_period, 24h);
  EXPECT_TRUE(options.retention.full_text);
  EXPECT_TRUE(options.retention.compress);
  EXPECT_EQ(options.python_tcp, "9020");
  EXPECT_EQ(options.python_udp, "*:9021");
  EXPECT_EQ(options.python_unix, "/run/py.sock");
  EXPECT_EQ(options.python_unix_datagram, "/run/pyd.sock");
  EXPECT_THAT(options.subscribe, ElementsAre("tcp://127.0.0.1:1"));
  EXPECT_EQ(options.subscribe_server_key, "app.public");
  EXPECT_EQ(options.subscribe_curve_secret, "collector.secret");
  EXPECT_EQ(options.zmq_log, "tcp://127.0.0.1:12345");
  EXPECT_EQ(options.level_rules, "info,etl.db=debug");
  ASSERT_THAT(options.sinks, SizeIs(4));
}

TEST(Config, ReadsEveryKeyOfAConsole) {
  auto const sink = read_config(kEverything, "x.toml").options.sinks.at(0);
  EXPECT_EQ(sink.type, SinkOptions::Type::kConsole);
  EXPECT_EQ(sink.filter.level, level::kInfo);
  EXPECT_EQ(sink.stream, SinkOptions::Stream::kStderr);
  EXPECT_EQ(sink.format, "%(asctime)s %(message)s %(step)s");
  EXPECT_EQ(sink.style, '%');
  EXPECT_EQ(sink.datefmt, "%H:%M");
  EXPECT_TRUE(sink.utc);
  EXPECT_EQ(sink.color, SinkOptions::Color::kNever);
  EXPECT_THAT(sink.defaults, SizeIs(5));
  EXPECT_EQ(sink.limit.every, 10U);
  EXPECT_EQ(sink.limit.rate, 100);
  EXPECT_EQ(sink.limit.repeats, 1min);
  EXPECT_EQ(sink.limit.per, LimitOptions::Per::kLogger);
}

TEST(Config, ReadsEveryKeyOfAFile) {
  auto const sink = read_config(kEverything, "x.toml").options.sinks.at(1);
  EXPECT_EQ(sink.type, SinkOptions::Type::kFile);
  EXPECT_EQ(sink.name, "errors");
  EXPECT_EQ(sink.path, "errors-%Y%m%d.log");
  EXPECT_EQ(sink.mode, 0640U);
  EXPECT_EQ(sink.filter.level, 35);
  EXPECT_THAT(sink.filter.loggers, ElementsAre("foo", "bar*"));
  EXPECT_THAT(sink.filter.hosts, ElementsAre("h1"));
  EXPECT_THAT(sink.filter.processes, ElementsAre("p1", "p2"));
  ASSERT_THAT(sink.filter.fields, SizeIs(3));
  EXPECT_EQ(sink.filter.fields[0].op, FieldTest::Operator::kGreaterEqual);
  EXPECT_EQ(sink.filter.regex, "a\\d+");
  EXPECT_THAT(sink.columns, ElementsAre("time", "message"));
  EXPECT_EQ(sink.queue_bytes, 1U << 20U);
  EXPECT_EQ(sink.rotate.size, 50U << 20U);
  EXPECT_EQ(sink.rotate.at, "W0 04:30");
  EXPECT_TRUE(sink.rotate.utc);
  EXPECT_EQ(sink.rotate.keep, 14U);
  EXPECT_EQ(sink.rotate.compress, "zstd");
}

TEST(Config, ReadsTheOtherSinks) {
  auto const sinks = read_config(kEverything, "x.toml").options.sinks;
  EXPECT_EQ(sinks.at(2).type, SinkOptions::Type::kNull);
  EXPECT_EQ(sinks.at(3).type, SinkOptions::Type::kUpstream);
  EXPECT_EQ(sinks.at(3).endpoint, "tcp://hub:7514");
  EXPECT_EQ(sinks.at(3).spool, "/var/spool/hub");
  EXPECT_EQ(sinks.at(3).spool_bytes, 2ULL << 30U);
  EXPECT_EQ(sinks.at(3).when_full, SinkOptions::WhenFull::kWait);
}

void expect_same(Config const& a, Config const& b) {
  auto sorted = [](std::vector<SinkOptions> sinks) {
    for (auto& sink : sinks)
      std::sort(sink.defaults.begin(), sink.defaults.end(),
                [](auto const& x, auto const& y) { return x.first < y.first; });
    return sinks;
  };
  auto named = sorted(a.options.sinks);
  auto const again = sorted(b.options.sinks);
  ASSERT_EQ(named.size(), again.size());
  for (std::size_t i = 0; i < named.size(); ++i) {
    named[i].name = again[i].name;  // the usual name is written out
    EXPECT_TRUE(named[i] == again[i]) << i;
  }
  EXPECT_EQ(config_text(a), config_text(b));
  EXPECT_EQ(a.options.commit_interval, b.options.commit_interval);
  EXPECT_TRUE(a.options.retention == b.options.retention);
}

TEST(Config, WhatIsPrintedIsReadAsTheSame) {
  auto const config = read_config(kEverything, "x.toml");
  auto const text = config_text(config);
  expect_same(config, read_config(text, "printed"));
  auto const empty = read_config("", "empty");
  expect_same(empty, read_config(config_text(empty), "printed"));
  EXPECT_THAT(config_text(empty), HasSubstr("path = \"logs.sqlite\""));
}

TEST(Config, WhatIsPrintedOfOddTextsIsReadAsTheSame) {
  Config config;
  SinkOptions sink;
  sink.type = SinkOptions::Type::kFile;
  sink.path = "a\"b\\c\x01\x7f\n\té.log";
  sink.format = "{message}\t\"{name}\" {x!r}";
  sink.style = '{';
  sink.defaults = {{"x", Value(Value::Data(1e300))}, {"odd key", Value(Value::Data(std::int64_t{-5}))}};
  sink.limit.rate = 1.0 / 3;
  sink.rotate.every = 90min;
  sink.filter.fields = {parse_field_test("f===x"), parse_field_test("f!==x"), parse_field_test("f=")};
  config.options.sinks.push_back(sink);
  auto const again = read_config(config_text(config), "printed");
  ASSERT_THAT(again.options.sinks, SizeIs(1));
  sink.name = sink.path;
  sink.limit.rate = again.options.sinks[0].limit.rate;
  auto read = again.options.sinks[0];
  EXPECT_EQ(read.filter.fields[0].value, "=x");
  std::sort(read.defaults.begin(), read.defaults.end(),
            [](auto const& x, auto const& y) { return x.first > y.first; });
  EXPECT_TRUE(read == sink);
  EXPECT_NEAR(read.limit.rate, 1.0 / 3, 1e-15);
}

std::vector<std::string> mistakes_in(std::string_view text) {
  try {
    (void)read_config(text, "x.toml");
  } catch (ConfigError const& error) {
    return error.lines();
  }
  return {};
}

TEST(Config, TellsAllMistakesAtOnceWithTheirPlaces) {
  auto const lines = mistakes_in(R"([collector]
endpoint = "ipc:///tmp/bus"
publish = "yes"
queue = "1 apple"

[store]
keep = "soon"

[[sink]]
type = "console"
levle = "INFO"
format = "%(nonsense"

[[sink]]
type = "fil"

[[sink]]
type = "file"
path = "x.log"
level = "LOUD"
where = ["a=1", "nothing"]
match = "("
rotate = { size = "big", evry = "1d" }
[sotre]
)");
  EXPECT_THAT(lines, ElementsAre(AllOf(StartsWith("x.toml:2:1: "), HasSubstr("did you mean endpoints?")),
                                 AllOf(StartsWith("x.toml:3:11: "), HasSubstr("true or false")),
                                 AllOf(StartsWith("x.toml:4:9: "), HasSubstr("not a size")),
                                 AllOf(StartsWith("x.toml:7:8: "), HasSubstr("not a length of time")),
                                 AllOf(StartsWith("x.toml:11:1: "), HasSubstr("did you mean level?")),
                                 AllOf(StartsWith("x.toml:12:10: "), HasSubstr("%(nonsense")),
                                 AllOf(StartsWith("x.toml:15:8: "), HasSubstr("did you mean file?")),
                                 AllOf(StartsWith("x.toml:20:9: "), HasSubstr("no such level")),
                                 AllOf(StartsWith("x.toml:21:17: "), HasSubstr("no operator")),
                                 AllOf(StartsWith("x.toml:22:9: "), HasSubstr("regular expression")),
                                 AllOf(StartsWith("x.toml:23:19: "), HasSubstr("not a size")),
                                 AllOf(StartsWith("x.toml:23:26: "), HasSubstr("did you mean every?")),
                                 AllOf(StartsWith("x.toml:24:2: "), HasSubstr("did you mean store?"))));
}

TEST(Config, TellsWhereTheTextIsNoToml) {
  auto const lines = mistakes_in("[store]\npath = \n");
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_THAT(lines[0], StartsWith("x.toml:2:"));
}

struct Case {
  char const* text;
  char const* line;
};

TEST(Config, RefusesWhatCannotBe) {
  for (auto const& [text, line] : {
           Case{"[[sink]]\ntype = \"file\"\n", "needs a path"},
           Case{"[[sink]]\npath = \"x\"\n", "needs a type"},
           Case{"[[sink]]\ntype = \"upstream\"\n", "needs an endpoint"},
           Case{"[[sink]]\ntype = \"upstream\"\nendpoint = \"pigeon://x\"\n", "pigeon"},
           Case{"[sink]\ntype = \"file\"\n", "[[sink]]"},
           Case{"[[sink]]\ntype = \"console\"\n[[sink]]\ntype = \"console\"\n",
                "two sinks are named console"},
           Case{"[[sink]]\ntype = \"file\"\npath = \"a\"\n[[sink]]\ntype = \"file\"\npath = \"./a\"\n",
                "same destination"},
           Case{"[[sink]]\ntype = \"console\"\npath = \"a\"\n", "no key path"},
           Case{"[[sink]]\ntype = \"console\"\nqueue = 10\n", "64KiB or more"},
           Case{"[[sink]]\ntype = \"console\"\nevery = 0\n", "every: give 1"},
           Case{"[[sink]]\ntype = \"console\"\nrate = \"fast\"\n", "not a rate"},
           Case{"[[sink]]\ntype = \"console\"\nstyle = \"x\"\n", "give one of %, { and $"},
           Case{"[[sink]]\ntype = \"file\"\npath = \"a\"\nrotate = { at = \"noon\" }\n", "no moment"},
           Case{"[[sink]]\ntype = \"file\"\npath = \"a\"\nrotate = { at = \"midnight\", every = \"1d\" }\n",
                "give one of them"},
           Case{"[[sink]]\ntype = \"file\"\npath = \"a\"\nrotate = { every = \"500ms\" }\n", "finer"},
           Case{"[[sink]]\ntype = \"file\"\npath = \"a\"\nmode = \"999\"\n", "0640"},
           Case{"[[sink]]\ntype = \"console\"\ndefaults = { a = [1] }\n", "expected"},
           Case{"[[sink]]\ntype = \"file\"\npath = \"a-%Q.log\"\n", "x.toml:3:8: "},
           Case{"[[sink]]\ntype = \"upstream\"\nendpoint = \"tcp://hub\"\nevery = 2\n", "no key every"},
           Case{"[levels]\nrules = \"app=loud\"\n", "loud"},
           Case{"[inputs]\npython_tcp = \"host:port\"\n", "port"},
           Case{"[inputs]\npython_tcp = 70000\n", "65535"},
           Case{"[collector]\ncommit_interval = \"0\"\n", "1ms or more"},
           Case{"[collector]\nendpoints = [\"ipc:///a\", 5]\n", "x.toml:2:26: "},
           Case{"store = 1\n", "a table is expected"},
           Case{"[[sink]]\ntype = \"console\"\nformat = \"json\"\ndatefmt = \"%H\"\n",
                "x.toml:4:11: datefmt is of"},
           Case{"[[sink]]\ntype = \"console\"\ndefaults = { a = 1 }\n", "x.toml:3:12: defaults is of"},
           Case{"[[sink]]\ntype = \"console\"\ncolumns = [\"a\"]\n", "x.toml:3:11: columns are of csv"},
           Case{"[[sink]]\ntype = \"file\"\npath = \"a\"\nrotate = { keep = 5 }\n",
                "x.toml:4:10: rotate: nothing says when"},
           Case{"[store]\nkeep = \"1m\"\nfile_period = \"2m\"\n", "x.toml:3:15: file_period 120 s"},
           Case{"[store]\nmax_size = \"1KiB\"\n", "x.toml:2:12: max_size 1024"},
           Case{"[store]\nfile_size = \"1KiB\"\n", "x.toml:2:13: file_size 1024"},
           Case{"[store]\npath = \"\"\nkeep = \"1d\"\n", "x.toml:2:8: there is no store"},
           Case{"[collector]\nendpoints = \"inproc://x\"\n", "serves other processes"},
           Case{"[collector]\nzmq_log = \"nonsense\"\n", "x.toml:2:11: endpoint 'nonsense': the transport"},
           Case{"[collector]\nzmq_log = \"tcp://*\"\n", "the port is missing"},
           Case{"[inputs]\nsubscribe = [\"tcp://a:1\", \"tcp://a:b\"]\n", "x.toml:2:27: "},
           Case{"[inputs]\nsubscribe = \"tcp://a:1\"\nsubscribe_curve_secret = \"a\"\n",
                "x.toml:3:26: subscribe_server_key and subscribe_curve_secret go together"},
           Case{"[[sink]]\ntype = \"file\"\npath = \"./logs.sqlite\"\n", "x.toml:3:8: "},
           Case{"[[sink]]\ntype = \"file\"\npath = \"logs.sqlite-wal\"\n", "a file of the store"},
       }) {
    EXPECT_THAT(mistakes_in(text), ElementsAre(HasSubstr(line))) << text;
  }
}

TEST(Config, PathsThatCannotBeOpenedAreToldWithTheOtherMistakesWhereThatIsWanted) {
  constexpr std::string_view kText = R"([store]
path = "/nowhere/x.sqlite"
[[sink]]
type = "file"
path = "/dev/null/x.log"
[[sink]]
type = "file"
path = "/tmp"
levle = "INFO"
)";
  EXPECT_THAT(mistakes_in(kText), ElementsAre(HasSubstr("levle")));
  try {
    (void)read_config(kText, "x.toml", Look::kPaths);
    ADD_FAILURE();
  } catch (ConfigError const& error) {
    EXPECT_THAT(error.lines(), ElementsAre(StartsWith("x.toml:2:8: cannot open /nowhere/x.sqlite: "),
                                           StartsWith("x.toml:5:8: cannot open /dev/null/x.log: "),
                                           StartsWith("x.toml:9:1: [[sink]] has no key levle")));
  }
}

class PathsOfConfig : public testing::Test {
 protected:
  ~PathsOfConfig() override { std::filesystem::remove_all(directory); }
  std::vector<std::string> told(SinkOptions const& sink) const {
    CollectorOptions options;
    options.database.clear();
    options.sinks = {sink};
    std::vector<std::string> texts;
    for (auto const& one : check_paths(options, {})) texts.push_back(one.text);
    return texts;
  }
  std::vector<std::string> told(std::string const& path) const {
    SinkOptions sink;
    sink.type = SinkOptions::Type::kFile;
    sink.path = directory / path;
    return told(sink);
  }

  std::filesystem::path const directory = [] {
    std::string name = std::filesystem::temp_directory_path() / "logboom-config-XXXXXX";
    return std::filesystem::path(::mkdtemp(name.data()));
  }();
};

TEST_F(PathsOfConfig, AFileMayBeThereOrInDirectoriesThatAreMade) {
  EXPECT_THAT(told("a.log"), IsEmpty());
  EXPECT_THAT(told("a/b/%Y/c.log"), IsEmpty());
  std::ofstream(directory / "there") << "x";
  EXPECT_THAT(told("there"), IsEmpty());
  EXPECT_THAT(told("/dev/null"), IsEmpty());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory), {}), 1) << "nothing is made";
}

TEST_F(PathsOfConfig, WhatIsInTheWayIsNamed) {
  std::ofstream(directory / "there") << "x";
  EXPECT_THAT(told("there/b.log"), ElementsAre(HasSubstr("there is no directory")));
  EXPECT_THAT(told("."), ElementsAre(HasSubstr("not a file")));
  std::filesystem::create_symlink("loop", directory / "loop");
  EXPECT_THAT(told("loop"), ElementsAre(HasSubstr("symbolic links")));
  EXPECT_THAT(told(std::string(300, 'x')), ElementsAre(HasSubstr("too long")));
  if (::geteuid() == 0) return;  // may write everywhere
  std::filesystem::create_directory(directory / "closed");
  std::filesystem::permissions(directory / "closed", std::filesystem::perms::owner_read);
  EXPECT_THAT(told("closed/x.log"), ElementsAre(HasSubstr("Permission denied")));
}

TEST_F(PathsOfConfig, ADirectoryOfTheStoreOrOfASocketMustBeThere) {
  CollectorOptions options;
  options.database = directory / "none" / "x.sqlite";
  options.python_unix = directory / "none" / "py.sock";
  options.endpoints = {"ipc://" + (directory / "made" / "bus").native()};
  auto const mistakes = check_paths(options, {{options.database, 7, 3}});
  ASSERT_THAT(mistakes, SizeIs(2));
  EXPECT_THAT(mistakes[0].text, HasSubstr("none does not exist; make it"));
  EXPECT_EQ(mistakes[0].line, 7U);
  EXPECT_EQ(mistakes[0].column, 3U);
  EXPECT_THAT(mistakes[1].text, HasSubstr("py.sock"));
  EXPECT_TRUE(mistakes[1].elsewhere);
}

TEST(Config, AFileThatIsNotThereIsNamed) {
  try {
    (void)read_config_file("/nowhere/x.toml");
    ADD_FAILURE();
  } catch (std::system_error const& error) {
    EXPECT_THAT(error.what(), HasSubstr("/nowhere/x.toml: No such file"));
  }
  EXPECT_THROW((void)read_config_file("/"), std::system_error);
}

TEST(Config, WhatSumsMistakesUpIsOneLine) {
  try {
    (void)read_config("a = 1\nb = 2\nc = 3\n", "x.toml");
    ADD_FAILURE();
  } catch (ConfigError const& error) {
    EXPECT_THAT(error.what(), AllOf(StartsWith("x.toml:1:1: "), HasSubstr("(and 2 more mistakes)")));
  }
}

TEST(NearestName, FindsTheSlip) {
  std::vector<std::string_view> const names{"level", "logger", "format", "path", "at"};
  EXPECT_EQ(nearest_name("levle", names), "level");
  EXPECT_EQ(nearest_name("loger", names), "logger");
  EXPECT_EQ(nearest_name("formatt", names), "format");
  EXPECT_EQ(nearest_name("ta", names), "at");
  EXPECT_EQ(nearest_name("banana", names), "");
  EXPECT_EQ(nearest_name("", names), "");
  EXPECT_EQ(nearest_name(std::string(10'000, 'x'), names), "");
}

}  // namespace
}  // namespace logboom::config
