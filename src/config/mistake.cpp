// Mistakes as lines. Must not know TOML.
#include "config/mistake.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace logboom::config {
namespace {

std::vector<std::string> lines_of(std::string const& file, std::vector<Mistake> mistakes) {
  std::stable_sort(mistakes.begin(), mistakes.end(), [](Mistake const& a, Mistake const& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
  std::vector<std::string> lines;
  lines.reserve(mistakes.size());
  for (auto const& one : mistakes) {
    auto const place = file.empty() || one.elsewhere ? std::string()
                       : one.line == 0               ? fmt::format("{}: ", file)
                                                     : fmt::format("{}:{}:{}: ", file, one.line, one.column);
    lines.push_back(place + one.text);
  }
  return lines;
}

std::string summary(std::vector<std::string> const& lines) {
  if (lines.size() == 1) return lines.front();
  auto const more = lines.size() - 1;
  return fmt::format("{} (and {} more mistake{})", lines.front(), more, more == 1 ? "" : "s");
}

}  // namespace

ConfigError::ConfigError(std::string const& file, std::vector<Mistake> mistakes)
    : ConfigError(lines_of(file, std::move(mistakes))) {}

ConfigError::ConfigError(std::vector<std::string> lines)
    : std::invalid_argument(summary(lines)), lines_(std::move(lines)) {}

}  // namespace logboom::config
