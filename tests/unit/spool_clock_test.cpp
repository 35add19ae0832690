// Ticks to time: exact between sync points, following a clock that is set or slewed, from the file of a dead process, never absurd.
#include "spool/clock_file.hpp"
#include "spool/tick_clock.hpp"
#include "spool_fixture.hpp"

#include <gtest/gtest.h>
#include <time.h>

#include <cstdlib>
#include <limits>
#include <stdexcept>

namespace logboom::spool {
namespace {

using namespace test;
using detail::TickSource;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kHour = 3600 * kSecond;
constexpr std::int64_t kStart = 1'760'000'000 * kSecond;
constexpr double kRate = 1.0 / 2.45;  // ns a tick
constexpr std::int64_t kFirstTick = 987'654'321'000;

// A machine whose wall clock can be set, and runs a little fast or slow.
struct Machine {
  std::int64_t elapsed = 0;  // ns of true time
  std::int64_t offset = 0;   // of the wall clock
  double drift = 0;

  std::int64_t ticks() const {
    return kFirstTick + static_cast<std::int64_t>(static_cast<double>(elapsed) / kRate);
  }
  std::int64_t wall() const {
    return kStart + elapsed + static_cast<std::int64_t>(static_cast<double>(elapsed) * drift) + offset;
  }
};

class Clock : public ::testing::Test {
 protected:
  std::filesystem::path file() const { return directory_.path() / "clock"; }
  ClockFile make() { return ClockFile::create_empty(file(), TickSource::kTsc); }
  static void add(ClockFile& clock, Machine const& machine) { clock.add(machine.ticks(), machine.wall()); }
  static std::int64_t error(ClockFile const& clock, Machine const& machine) {
    return std::llabs(clock.nanoseconds(machine.ticks()) - machine.wall());
  }

  TemporaryDirectory directory_;
};

TEST_F(Clock, RunsOnBeyondTheLastPointWithinAMicrosecond) {
  ClockFile clock = make();
  Machine machine{.drift = 20e-6};
  for (int i = 0; i < 30; ++i, machine.elapsed += kSecond) add(clock, machine);
  EXPECT_LT(error(clock, machine), 1000);
  machine.elapsed -= kSecond / 2;
  EXPECT_LT(error(clock, machine), 1000);
}

TEST_F(Clock, FollowsAWallClockThatIsSetFromTheNextPointOn) {
  for (std::int64_t const step : {kHour, -kHour, kSecond / 100}) {
    std::filesystem::remove(file());
    ClockFile clock = make();
    Machine machine;
    for (int i = 0; i < 10; ++i, machine.elapsed += kSecond) add(clock, machine);
    Machine before = machine;
    before.elapsed -= kSecond / 3;
    Machine const just_before = before;
    machine.offset += step;
    for (int i = 0; i < 10; ++i, machine.elapsed += kSecond) add(clock, machine);
    EXPECT_LT(error(clock, machine), 1000);
    EXPECT_LT(error(clock, just_before), 1000) << "what was logged before keeps the old time";
    machine.elapsed -= 5 * kSecond + 123;
    EXPECT_LT(error(clock, machine), 1000);
    int steps = 0;
    for (auto const& point : clock.points()) steps += point.step ? 1 : 0;
    EXPECT_EQ(steps, 1);
  }
}

TEST_F(Clock, ASlewIsNoStep) {
  ClockFile clock = make();
  Machine machine;
  for (int i = 0; i < 30; ++i, machine.elapsed += kSecond) {
    machine.offset += 400'000;  // 400 ppm
    add(clock, machine);
  }
  for (auto const& point : clock.points()) EXPECT_FALSE(point.step);
}

TEST_F(Clock, ADeadProcessesTicksConvertFromTheFileAlone) {
  Machine machine{.drift = -35e-6};
  std::vector<Machine> moments;
  {
    ClockFile clock = make();
    for (int i = 0; i < 200; ++i) {
      if (i == 120) machine.offset = -kHour;
      add(clock, machine);
      machine.elapsed += kSecond / 2;
      moments.push_back(machine);
      machine.elapsed += kSecond / 2;
    }
  }
  ClockFile const clock = ClockFile::load(file(), kStart);
  EXPECT_EQ(clock.points().size(), 200U);
  for (std::size_t i = 0; i < moments.size(); ++i) {
    if (i == 119) continue;  // the clock was set somewhere in this second
    EXPECT_LT(error(clock, moments[i]), 10'000) << i;
  }
}

TEST_F(Clock, DaysAreKeptInBoundedRoomAndStayAccurate) {
  ClockFile clock = make();
  Machine machine{.drift = 10e-6};
  constexpr int kSeconds = 3 * 24 * 3600;
  for (int i = 0; i < kSeconds; ++i, machine.elapsed += kSecond) {
    if (i == kSeconds / 2) machine.offset = 5 * kSecond;
    add(clock, machine);
    ASSERT_LE(clock.points().size(), kMaxSyncPoints);
  }
  auto const check = [&](ClockFile const& read) {
    for (std::int64_t at = kSecond / 3; at < machine.elapsed; at += 600 * kSecond) {
      bool const after = at >= std::int64_t{kSeconds / 2} * kSecond;
      Machine const moment{.elapsed = at, .offset = after ? 5 * kSecond : 0, .drift = machine.drift};
      ASSERT_LT(error(read, moment), 10'000) << at / kSecond;
    }
  };
  check(clock);
  check(ClockFile::load(file(), kStart));
}

TEST_F(Clock, IsNeverAbsurd) {
  ClockFile clock = make();
  Machine machine;
  for (int i = 0; i < 10; ++i, machine.elapsed += kSecond) add(clock, machine);
  constexpr std::int64_t kDay = 24 * kHour;
  using Limits = std::numeric_limits<std::int64_t>;
  for (std::int64_t const ticks : {Limits::min(), Limits::min() + 1, std::int64_t{-1}, std::int64_t{0},
                                   std::int64_t{1} << 62, Limits::max()}) {
    EXPECT_GE(clock.nanoseconds(ticks), kStart - kDay);
    EXPECT_LE(clock.nanoseconds(ticks), machine.wall() + kDay);
  }
}

TEST_F(Clock, ACounterThatBeganAnewStartsOver) {
  ClockFile clock = make();
  Machine machine;
  for (int i = 0; i < 10; ++i, machine.elapsed += kSecond) add(clock, machine);
  clock.add(1000, machine.wall() + kHour);
  EXPECT_EQ(clock.points().size(), 1U);
  EXPECT_EQ(clock.nanoseconds(1000), machine.wall() + kHour);
  EXPECT_EQ(ClockFile::load(file(), kStart).points().size(), 1U);
}

TEST_F(Clock, DamagedPointsAreLeftOut) {
  {
    ClockFile clock = make();
    Machine machine;
    for (int i = 0; i < 20; ++i, machine.elapsed += kSecond) add(clock, machine);
  }
  std::vector<char> const good = read_file(file());
  Machine const moment{.elapsed = 7 * kSecond + kSecond / 2};
  for (std::size_t bit = 0; bit < 8 * (64 + 20 * 32); ++bit) {
    std::vector<char> bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    write_file(file(), bad);
    ASSERT_LT(error(ClockFile::load(file(), kStart), moment), 10'000) << bit;
  }
  write_file(file(), std::span(good).first(70));
  EXPECT_EQ(ClockFile::load(file(), kStart).nanoseconds(5), kStart);
}

TEST_F(Clock, RealtimeTicksAreTheTime) {
  ClockFile clock = ClockFile::create_empty(file(), TickSource::kRealtime);
  clock.sync();
  EXPECT_EQ(clock.nanoseconds(kStart + 5), kStart + 5);
  EXPECT_EQ(ClockFile::load(file(), 0).nanoseconds(kStart + 5), kStart + 5);
}

// The choice of a process is for good: here it is forgotten again for each.
TickSource chosen_with(char const* variable) {
  TickSource const before = detail::tick_source_word.exchange_relaxed(TickSource::kUndecided);
  ::setenv("LOGBOOM_CLOCK", variable, 1);
  TickSource const chosen = detail::tick_source();
  ::unsetenv("LOGBOOM_CLOCK");
  detail::tick_source_word.store_relaxed(before);
  return chosen;
}

bool counter_is_usable() {
  ::setenv("LOGBOOM_CLOCK", "tsc", 1);
  bool usable = true;
  try {
    check_clock_variable();
  } catch (std::invalid_argument const&) {
    usable = false;
  }
  ::unsetenv("LOGBOOM_CLOCK");
  return usable;
}

TEST_F(Clock, IsWhatTheEnvironmentAsksFor) {
  EXPECT_EQ(chosen_with("system"), TickSource::kRealtime);
  EXPECT_EQ(chosen_with("tsc"), counter_is_usable() ? TickSource::kTsc : TickSource::kRealtime);
  EXPECT_EQ(chosen_with("auto"), chosen_with("sundial"));
}

TEST_F(Clock, TheCounterIsTrustedWhereTheKernelListsIt) {
  EXPECT_TRUE(lists_tsc("tsc\n"));
  EXPECT_TRUE(lists_tsc("kvm-clock tsc acpi_pm \n"));
  EXPECT_TRUE(lists_tsc("tsc hpet acpi_pm"));
  EXPECT_FALSE(lists_tsc("kvm-clock \n"));
  EXPECT_FALSE(lists_tsc("hyperv_clocksource_tsc_page acpi_pm\n"));
  EXPECT_FALSE(lists_tsc("tsc-early hpet\n"));
  EXPECT_FALSE(lists_tsc("\n"));
  EXPECT_FALSE(lists_tsc(""));
}

TEST_F(Clock, FollowsThisMachine) {
  ClockFile clock = ClockFile::create(file());
  auto const wall = [] {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return std::int64_t{now.tv_sec} * kSecond + now.tv_nsec;
  };
  // A reading between two of the wall clock's must convert to between them, but for the error allowed.
  constexpr std::int64_t kAllowed = 1'000'000;
  std::int64_t const until = wall() + kSecond / 20;
  while (wall() < until) {
    clock.sync();
    std::int64_t const before = wall();
    std::int64_t const time = clock.nanoseconds(detail::ticks());
    std::int64_t const after = wall();
    ASSERT_GE(time, before - kAllowed);
    ASSERT_LE(time, after + kAllowed);
  }
  if (clock.source() == TickSource::kTsc) {
    EXPECT_GE(clock.points().size(), 3U);
  }
  EXPECT_EQ(detail::tick_source(), clock.source());
}

}  // namespace
}  // namespace logboom::spool
