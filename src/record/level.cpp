// Levels: names and numbers. Knows nothing of loggers, rules or formats.
#include <logboom/level.hpp>

#include <array>
#include <charconv>
#include <system_error>

namespace logboom {
namespace {

struct Name {
  std::string_view text;
  Level level;
};

// The first name of a number is the one it is shown by; the others are what other loggers call it.
constexpr std::array kNames{
    Name{"TRACE", level::kTrace},     Name{"DEBUG", level::kDebug},   Name{"INFO", level::kInfo},
    Name{"WARNING", level::kWarning}, Name{"ERROR", level::kError},   Name{"CRITICAL", level::kCritical},
    Name{"OFF", level::kOff},         Name{"WARN", level::kWarning},  Name{"ERR", level::kError},
    Name{"FATAL", level::kCritical},  Name{"CRIT", level::kCritical},
};

constexpr char upper(char c) noexcept { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

bool equal_ignoring_case(std::string_view text, std::string_view upper_case) noexcept {
  if (text.size() != upper_case.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (upper(text[i]) != upper_case[i]) return false;
  }
  return true;
}

}  // namespace

std::string_view level_name(Level level) noexcept {
  for (auto const& name : kNames) {
    if (name.level == level) return name.text;
  }
  return {};
}

std::optional<Level> parse_level(std::string_view text) noexcept {
  for (auto const& name : kNames) {
    if (equal_ignoring_case(text, name.text)) return name.level;
  }
  Level number = 0;
  char const* const end = text.data() + text.size();
  auto const [stop, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || error != std::errc{} || stop != end) return std::nullopt;
  return number;
}

}  // namespace logboom
