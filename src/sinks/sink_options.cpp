// What follows from a sink's options. Must not know sinks.
#include "sinks/sink_options.hpp"

#include "record/quantity.hpp"
#include "sinks/file.hpp"
#include "sinks/limiter.hpp"
#include "sinks/path_pattern.hpp"
#include "sinks/selector.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace logboom::sinks {
namespace {

using Type = SinkOptions::Type;

bool wants_color(SinkOptions const& options, bool terminal) {
  if (options.color != SinkOptions::Color::kAuto) return options.color == SinkOptions::Color::kAlways;
  char const* const no_color = std::getenv("NO_COLOR");  // no-color.org
  return terminal && (no_color == nullptr || *no_color == '\0');
}

/// "04:30" as seconds of the day.
std::optional<std::uint32_t> clock_of(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  unsigned hour = 0;
  unsigned minute = 0;
  auto const two = [&](std::size_t at, unsigned& out) {
    auto const* const end = text.data() + at + 2;
    auto const result = std::from_chars(text.data() + at, end, out);
    return result.ec == std::errc{} && result.ptr == end;
  };
  if (!two(0, hour) || !two(3, minute) || hour > 23 || minute > 59) return std::nullopt;
  return hour * 3'600 + minute * 60;
}

RotationSchedule::Options calendar(std::string const& at) {
  RotationSchedule::Options made;
  std::string_view clock = at;
  if (at == "midnight") {
    return made;
  } else if (at.size() >= 2 && (at[0] == 'W' || at[0] == 'w') && at[1] >= '0' && at[1] <= '6') {
    made.unit = RotationSchedule::Unit::kWeekday;
    made.weekday = at[1] - '0';
    if (at.size() == 2) return made;
    clock.remove_prefix(3 <= at.size() && at[2] == ' ' ? 3 : at.size());
  }
  made.at = clock_of(clock);
  if (!made.at)
    throw std::invalid_argument(fmt::format(
        "at \"{}\": no moment of the day or week; give midnight, 04:30, W0 (Monday) … W6, or W0 04:30", at));
  return made;
}

RotationSchedule::Options period(std::chrono::seconds every) {
  using Unit = RotationSchedule::Unit;
  auto const seconds = every.count();
  if (seconds < 1 || seconds > std::int64_t{100} * 365 * 86'400)
    throw std::invalid_argument("every: give 1s to 100 years");
  RotationSchedule::Options made;
  for (auto const& [unit, length] : {std::pair(Unit::kDay, 86'400), std::pair(Unit::kHour, 3'600),
                                     std::pair(Unit::kMinute, 60), std::pair(Unit::kSecond, 1)}) {
    if (seconds % length != 0) continue;
    made.unit = unit;
    made.interval = static_cast<std::uint32_t>(seconds / length);
    break;
  }
  return made;
}

void check_parts(SinkOptions const& options) {
  if (options.queue_bytes < kSmallestQueue)
    throw std::invalid_argument(
        fmt::format("queue: less than {}; give that or more", size_text(kSmallestQueue)));
  (void)Selector(options.filter);
  (void)Limiter(options.limit);
  if (options.type == Type::kConsole || options.type == Type::kFile) (void)formatter_of(options, false);
  if (options.type == Type::kFile) check_file(options);
  if (options.type == Type::kUpstream && options.endpoint.empty())
    throw std::invalid_argument("no endpoint; give the address of the other collector");
  if (options.curve_server_key.empty() != options.curve_secret.empty())
    throw std::invalid_argument(
        "curve_server_key and curve_secret go together: the other collector's public key, and the file of "
        "this "
        "one's secret key (`logboom keygen -o FILE`)");
  if (options.type == Type::kUpstream && !(options.limit == LimitOptions{}))
    throw std::invalid_argument(
        "an upstream sink forwards every record that its filter takes; leave out every, rate and repeats");
}

}  // namespace

std::string_view type_name(Type type) noexcept {
  switch (type) {
    case Type::kConsole: return "console";
    case Type::kFile: return "file";
    case Type::kNull: return "null";
    case Type::kUpstream: break;
  }
  return "upstream";
}

std::string name_of(SinkOptions const& options) {
  if (!options.name.empty()) return options.name;
  switch (options.type) {
    case Type::kFile: return options.path;
    case Type::kUpstream: return options.endpoint;
    case Type::kConsole:
    case Type::kNull: break;
  }
  return std::string(type_name(options.type));
}

std::string destination_of(SinkOptions const& options) {
  switch (options.type) {
    case Type::kConsole:
      return options.stream == SinkOptions::Stream::kStderr ? "console stderr" : "console stdout";
    case Type::kFile: return "file " + std::filesystem::absolute(options.path).lexically_normal().native();
    case Type::kUpstream: return "upstream " + options.endpoint;
    case Type::kNull: break;
  }
  return "null " + name_of(options);
}

Formatter formatter_of(SinkOptions const& options, bool terminal) {
  FormatOptions format;
  format.style = options.style;
  format.datefmt = options.datefmt;
  format.utc = options.utc;
  format.color = wants_color(options, terminal);
  format.columns = options.columns;
  format.escape_controls = terminal;
  format.defaults = options.defaults;
  return Formatter::make(options.format, std::move(format));
}

std::optional<RotationSchedule> schedule_of(RotateOptions const& rotate) {
  bool const by_calendar = !rotate.at.empty();
  if (by_calendar && rotate.every.count() != 0)
    throw std::invalid_argument("both `at` and `every`; give one of them");
  if (!by_calendar && rotate.every.count() == 0) return std::nullopt;
  auto made = by_calendar ? calendar(rotate.at) : period(rotate.every);
  made.utc = rotate.utc;
  return RotationSchedule(made);
}

void check_file(SinkOptions const& options) {
  if (options.path.empty()) throw std::invalid_argument("no path; give the file's path");
  if (options.mode && *options.mode > 0777)
    throw std::invalid_argument("mode: give permissions such as 0640");
  if (!options.rotate.compress.empty() && options.rotate.compress != "zstd")
    throw std::invalid_argument(fmt::format("compress \"{}\": only zstd is known", options.rotate.compress));
  (void)LogFile(log_file_options(options));  // touches no file
  auto const& rotate = options.rotate;
  bool const ever = rotate.size > 0 || schedule_of(rotate) || !PathPattern(options.path, false).fixed();
  if (!ever && (rotate.keep > 0 || !rotate.compress.empty()))
    throw std::invalid_argument("rotate: nothing says when; give size, at or every");
}

void check_sink(SinkOptions const& options) {
  try {
    check_parts(options);
  } catch (std::invalid_argument const& error) {
    throw std::invalid_argument(fmt::format("sink {}: {}", name_of(options), error.what()));
  }
}

std::string clash_of(std::span<SinkOptions const> others, SinkOptions const& sink) {
  auto const name = name_of(sink);
  auto const destination = destination_of(sink);
  for (auto const& other : others) {
    if (name_of(other) == name)
      return fmt::format("two sinks are named {}; give one of them a name of its own", name);
    if (destination_of(other) == destination)
      return fmt::format("sinks {} and {} have the same destination, {}; make one of them", name_of(other),
                         name, destination);
  }
  return {};
}

std::string clash_with_store(SinkOptions const& sink, std::string const& database) {
  if (sink.type != Type::kFile || database.empty()) return {};
  auto const real = [](std::string const& path) {
    std::error_code error;  // what cannot be looked up cannot be opened either
    auto const found = std::filesystem::weakly_canonical(std::filesystem::absolute(path), error);
    return error ? std::filesystem::absolute(path).lexically_normal() : found;
  };
  auto const path = real(present_path(sink)).native();
  auto const store = real(database).native();
  for (char const* ending : {"", "-wal", "-shm", ".lock"}) {
    if (path == store + ending)
      return fmt::format("sink {}: {} is a file of the store; give the sink a file of its own", name_of(sink),
                         path);
  }
  return {};
}

std::string present_path(SinkOptions const& options) {
  auto const schedule = schedule_of(options.rotate);
  return PathPattern(options.path, schedule ? schedule->utc() : options.rotate.utc).at(std::time(nullptr));
}

void check_sinks(std::vector<SinkOptions> const& sinks) {
  if (sinks.size() > kMaxSinks)
    throw std::invalid_argument(fmt::format("{} sinks; {} at most", sinks.size(), kMaxSinks));
  for (std::size_t i = 0; i < sinks.size(); ++i) {
    check_sink(sinks[i]);
    if (auto const clash = clash_of(std::span(sinks).first(i), sinks[i]); !clash.empty())
      throw std::invalid_argument(clash);
  }
}

}  // namespace logboom::sinks
