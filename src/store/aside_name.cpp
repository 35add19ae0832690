#include "store/aside_name.hpp"

#include <fmt/chrono.h>
#include <fmt/core.h>

#include <chrono>
#include <filesystem>
#include <system_error>

namespace logboom::store {

std::string aside_name(std::string const& path, std::string_view why) {
  auto const now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  auto name = fmt::format("{}.{}-{:%Y%m%dT%H%M%SZ}", path, why, fmt::gmtime(now));
  std::error_code unknown;
  for (int i = 1; i < 100; ++i) {
    auto candidate = i == 1 ? name : fmt::format("{}-{}", name, i);
    if (!std::filesystem::exists(candidate, unknown)) return candidate;
  }
  return name;
}

}  // namespace logboom::store
