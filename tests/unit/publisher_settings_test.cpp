// Arguments, environment and defaults; a spool that cannot be made; what a publisher says of itself.
#include "publisher_fixture.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <errno.h>
#include <unistd.h>

namespace logboom::publisher::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class Environment {
 public:
  Environment(char const* name, std::optional<std::string> const& value) : name_(name) {
    if (char const* const before = std::getenv(name)) before_ = before;
    set(value);
  }
  ~Environment() { set(before_); }
  Environment(Environment const&) = delete;
  Environment& operator=(Environment const&) = delete;

 private:
  void set(std::optional<std::string> const& value) const {
    if (value) {
      ::setenv(name_, value->c_str(), 1);
    } else {
      ::unsetenv(name_);
    }
  }
  char const* name_;
  std::optional<std::string> before_;
};

TEST(Settings, TakeArgumentsThenEnvironmentThenDefaults) {
  Environment const endpoint("LOGBOOM_ENDPOINT", "tcp://hub:7000");
  Environment const levels("LOGBOOM_LEVEL", "error");
  Environment const spool("LOGBOOM_SPOOL", "/somewhere/spool");
  Environment const name("LOGBOOM_NAME", "from environment");
  Settings const from_environment = resolve({});
  EXPECT_EQ(from_environment.endpoints.at(0).text, "tcp://hub:7000");
  EXPECT_EQ(from_environment.levels.level_for("x"), level::kError);
  EXPECT_EQ(from_environment.spool_root, "/somewhere/spool");
  EXPECT_EQ(from_environment.process, "from environment");
  PublisherOptions options;
  options.endpoint = "tcp://one:1000,tcp://two:2000";
  options.levels = "debug";
  options.spool = "/other";
  options.name = "argument";
  Settings const from_arguments = resolve(options);
  ASSERT_EQ(from_arguments.endpoints.size(), 2U);
  EXPECT_EQ(from_arguments.endpoints[1].text, "tcp://two:2000");
  EXPECT_EQ(from_arguments.levels.level_for("x"), level::kDebug);
  EXPECT_EQ(from_arguments.spool_root, "/other");
  EXPECT_EQ(from_arguments.process, "argument");
}

TEST(Settings, MakeTheSpoolsDirectoryAbsolute) {
  PublisherOptions options;
  options.spool = "some/spool";
  EXPECT_EQ(resolve(options).spool_root, std::filesystem::current_path() / "some/spool");
  Environment const spool("LOGBOOM_SPOOL", "other/spool");
  EXPECT_EQ(resolve({}).spool_root, std::filesystem::current_path() / "other/spool");
}

TEST(Settings, HaveDefaults) {
  Environment const endpoint("LOGBOOM_ENDPOINT", std::nullopt), levels("LOGBOOM_LEVEL", std::nullopt),
      spool("LOGBOOM_SPOOL", std::nullopt), name("LOGBOOM_NAME", std::nullopt),
      runtime("XDG_RUNTIME_DIR", "/run/user/7"), state("XDG_STATE_HOME", "/home/me/state");
  Settings const settings = resolve({});
  EXPECT_EQ(settings.endpoints.at(0).text, "ipc:///run/user/7/logboom/bus");
  EXPECT_EQ(settings.levels.level_for("x"), level::kInfo);
  EXPECT_EQ(settings.spool_root, "/home/me/state/logboom/spool");
  EXPECT_EQ(settings.process, program_invocation_short_name);
  EXPECT_EQ(settings.ring_capacity, 1U << 20U);
  EXPECT_EQ(settings.overflow_bound, 1U << 30U);
  EXPECT_EQ(settings.when_full, FullPolicy::kBlock);
  EXPECT_EQ(settings.block_timeout, std::chrono::seconds(1));
  EXPECT_EQ(settings.flush_timeout, std::chrono::seconds(2));
  EXPECT_THAT(settings.warnings, IsEmpty());
}

TEST(Settings, RefuseWrongArguments) {
  PublisherOptions endpoint;
  endpoint.endpoint = "smoke://signals";
  EXPECT_THROW(Publisher bus(endpoint), std::invalid_argument);
  PublisherOptions levels;
  levels.levels = "loud";
  EXPECT_THROW(Publisher bus(levels), std::invalid_argument);
  PublisherOptions timeout;
  timeout.flush_timeout = std::chrono::milliseconds(-1);
  EXPECT_THROW(Publisher bus(timeout), std::invalid_argument);
}

TEST(Settings, IgnoreAWrongEnvironmentAndSayThat) {
  TemporaryDirectory const directory;
  Environment const endpoint("LOGBOOM_ENDPOINT", "smoke://signals"), levels("LOGBOOM_LEVEL", "loud"),
      clock("LOGBOOM_CLOCK", "sundial");
  PublisherOptions options = private_options(directory.path());
  options.endpoint.clear();
  options.levels.clear();
  State& state = *new State(resolve(options));
  auto const engine = state.engine();
  EXPECT_EQ(state.settings().levels.level_for("x"), level::kInfo);
  std::string said;
  for (Record const& record :
       records_of(engine->shared()->slot->file, engine->identity(), engine->catalogue())) {
    EXPECT_EQ(record.logger, "logboom.publisher");
    EXPECT_EQ(record.level, level::kWarning);
    said += record.message + "\n";
  }
  EXPECT_THAT(said, HasSubstr("LOGBOOM_ENDPOINT is ignored"));
  EXPECT_THAT(said, HasSubstr("smoke"));
  EXPECT_THAT(said, HasSubstr("LOGBOOM_LEVEL is ignored"));
  EXPECT_THAT(said, HasSubstr(R"(LOGBOOM_CLOCK is ignored, auto is used: "sundial" is none of)"));
  state.close(std::chrono::nanoseconds(0));
}

TEST(Settings, MakeTheRingAPowerOfTwoWithinBounds) {
  PublisherOptions options;
  options.ring_capacity = 1;
  EXPECT_EQ(resolve(options).ring_capacity, 128U << 10U);
  options.ring_capacity = 300'000;
  EXPECT_EQ(resolve(options).ring_capacity, 512U << 10U);
}

TEST(Settings, AcceptWrongRulesNever) {
  TemporaryDirectory const directory;
  Publisher bus(private_options(directory.path()));
  EXPECT_THROW(bus.level_rules("net=deafening"), std::invalid_argument);
  EXPECT_EQ(bus.logger("net").level(), level::kTrace);
  bus.level_rules("net=error");
  EXPECT_EQ(bus.logger("net").level(), level::kError);
}

TEST(ASpoolThatCannotBeMade, IsReplacedByOneInMemory) {
  Bus bus([](PublisherOptions& options) { options.spool = "/dev/null/spool"; });
  EXPECT_TRUE(bus.engine().memory_backed());
  EXPECT_THAT(bus.engine().problem(), HasSubstr("/dev/null"));
  EXPECT_THAT(bus.engine().problem(), HasSubstr("LOGBOOM_SPOOL"));
  LOGBOOM_INFO(bus.logger(), "kept");
  EXPECT_EQ(bus.only().message, "kept");
  auto const own = bus.own_records();
  ASSERT_FALSE(own.empty());
  EXPECT_THAT(own[0].message, HasSubstr("do not outlive a reboot"));
  std::filesystem::path const spool = bus.engine().spool()->directory();
  bus.close();
  std::filesystem::remove_all(spool);
}

// The small files of a spool find room where a ring does not.
TEST(ASpoolThatCannotBeMade, HasNoRoomForARing) {
  TemporaryDirectory const directory;
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  rlimit small = before;
  small.rlim_cur = 64U << 10U;
  setrlimit(RLIMIT_FSIZE, &small);
  Publisher bus(private_options(directory.path()));
  EXPECT_TRUE(bus.flush(std::chrono::milliseconds(0)));
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(bus.status().spool, "");
  EXPECT_THAT(bus.status().problem, HasSubstr("nothing is logged"));
  EXPECT_TRUE(std::filesystem::is_empty(directory.path() / "spool"));
}

// There is no stream in which its records could be declared.
TEST(ASpoolThatCannotBeMade, NotEvenInMemoryIsSaidAndCounted) {
  TemporaryDirectory const directory;
  std::optional<FullDisk> full(std::in_place);
  Publisher bus(private_options(directory.path()));
  full.reset();
  EXPECT_TRUE(bus.flush(std::chrono::milliseconds(0)));
  for (int i = 0; i < 3; ++i) LOGBOOM_INFO(bus.logger("x"), "{}", i);
  EXPECT_EQ(bus.statistics().logged, 3U);
  EXPECT_EQ(bus.statistics().dropped, 3U);
  EXPECT_FALSE(bus.flush(std::chrono::milliseconds(0)));
  EXPECT_EQ(bus.status().spool, "");
  EXPECT_THAT(bus.status().problem, HasSubstr("nothing is logged"));
}

TEST(APublisher, TellsHowItIs) {
  TemporaryDirectory const directory;
  Publisher bus(private_options(directory.path()));
  for (int i = 0; i < 7; ++i) LOGBOOM_INFO(bus.logger("x"), "{}", i);
  Statistics const numbers = bus.statistics();
  EXPECT_EQ(numbers.logged, 7U);
  EXPECT_EQ(numbers.dropped, 0U);
  EXPECT_EQ(numbers.acked, 0U);
  Status const status = bus.status();
  EXPECT_EQ(status.endpoint, "ipc://" + (directory.path() / "bus").native());
  EXPECT_TRUE(status.spool.starts_with(directory.path().native())) << status.spool;
  EXPECT_FALSE(status.memory_backed);
  EXPECT_FALSE(status.connected);
  EXPECT_EQ(status.problem, "");
}

}  // namespace
}  // namespace logboom::publisher::test
